"""Installed as a wheel, the package carries its bundle and works outside a checkout."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The content of a freshly built wheel, unpacked as pip would."""
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = out.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(out / "site")
    return out / "site"


def test_the_wheel_carries_bundle_types_and_licence(installed):
    names = {str(path.relative_to(installed)) for path in installed.rglob("*") if path.is_file()}
    bundle = {f"monai_anogan/bundle/configs/{n}.json" for n in ("inference", "train", "metadata")}
    models = ("model", "brain_mask", "brain_mask_wide")
    weights = {f"monai_anogan/bundle/models/{n}.pt" for n in models}
    assert bundle | weights | {"monai_anogan/py.typed"} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_installed_package_loads_its_own_bundle(installed):
    code = (
        "from monai_anogan.bundle_folder import default_bundle; "
        "from monai_anogan.pipeline import Pipeline; "
        "Pipeline(); print(default_bundle())"
    )
    run = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=installed.parent,
        env={"PYTHONPATH": str(installed), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert Path(run.stdout.splitlines()[-1]) == installed / "monai_anogan" / "bundle"
