"""What must agree between files, and what must never be in them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import monai_anogan

ROOT = Path(__file__).parents[1]

# Written in pieces, so that this file does not hold what it forbids.
FORBIDDEN = tuple(
    "".join(pieces).encode()
    for pieces in (
        ("/wo", "rk/"),
        ("/op", "t/pypi"),
        ("/op", "t/wheels"),
        ("/ro", "ot/"),
        ("files.python", "hosted.org"),
        ("pypi", ".org/simple"),
        ("pypi.python", ".org"),
        ("test.py", "pi.org"),
        ("npmjs", ".org"),
        ("conda.ana", "conda.org"),
    )
)


def files_of_the_project() -> list[Path]:
    """What git holds or would take: not what it ignores."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout, so its files cannot be told from others")
    listing = subprocess.run(
        [git, "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    paths = (ROOT / name for name in sorted(set(listing.stdout.split("\0"))) if name)
    return [path for path in paths if path.is_file()]


def version_in(name: str, pattern: str) -> str:
    found = re.search(pattern, (ROOT / name).read_text("utf-8"), re.MULTILINE)
    assert found, f"{name} names no version"
    return found[1]


def test_changelog_tells_of_this_version_first() -> None:
    released = version_in("CHANGELOG.md", r"^## \[(\d[^\]]*)\]")
    assert released == monai_anogan.__version__


def test_what_was_measured_was_measured_of_the_shipped_bundle() -> None:
    shipped = version_in("bundle/configs/metadata.json", r'"version": "([^"]*)"')
    assert version_in("bundle/docs/README.md", r"^# .* version (\S+)$") == shipped
    assert version_in("docs/evaluation.md", r"^Bundle version (\d+\.\d+\.\d+),") == shipped


def test_citation_is_of_this_version() -> None:
    assert version_in("CITATION.cff", r"^version: (\S+)$") == monai_anogan.__version__


def test_constraints_are_exact_and_name_no_place() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert "torch==2.13.0" in pins
    assert not [
        pin for pin in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.]*", pin)
    ]


def test_no_file_names_a_place_that_only_one_machine_has() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {word.decode()}"
        for path in files_of_the_project()
        for word in FORBIDDEN
        if word in path.read_bytes()
    ]
    assert not found


@pytest.mark.parametrize(
    "name",
    ["scripts/setup.sh", "scripts/demo.sh", "scripts/test.sh", "scripts/label_env.sh", ".ci/run"],
)
def test_scripts_can_be_run_and_stop_at_the_first_failure(name: str) -> None:
    script = ROOT / name
    assert os.access(script, os.X_OK)
    assert script.read_text("utf-8").startswith("#!/usr/bin/env bash\n")
    assert "\nset -euo pipefail\n" in script.read_text("utf-8")


def test_setup_refuses_an_old_python_in_one_line(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    old = (  # this Python, but one that takes itself for 3.9
        f"#!{sys.executable}\nimport sys\nsys.version_info = (3, 9, 1)\n"
        "print('Python 3.9.1') if sys.argv[1] == '-V' else exec(sys.argv[2])\n"
    )
    for name in ("python3", "python3.11"):
        (tmp_path / name).write_text(old)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "dirname").symlink_to(shutil.which("dirname") or "/usr/bin/dirname")
    done = subprocess.run(
        [bash, str(ROOT / "scripts" / "setup.sh")],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "[setup] Python must be 3.11 or newer, found Python 3.9.1; install it or set PYTHON.\n"
    )
