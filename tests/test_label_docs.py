"""The walk-through of docs/label.md, word by word; only the port is another one."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import nibabel as nib
import pytest
from external_tools import ROOT, tool
from label_server import label_python

from monai_anogan.pipeline import Pipeline

PORT = "8000"  # of the document


def commands() -> list[str]:
    """The lines of the document's bash blocks."""
    blocks = re.findall(
        r"```bash\n(.*?)```", (ROOT / "docs/label.md").read_text("utf-8"), re.DOTALL
    )
    return [line for block in blocks for line in block.splitlines()]


@pytest.fixture(scope="module")
def desk(head_cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one scan, and the environment and scripts where the commands look for them."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "scans").mkdir()
    shutil.copy(head_cohort / "head0.nii.gz", folder / "scans" / "patient1.nii.gz")
    (folder / ".venv-label").symlink_to(label_python().parents[1])
    return folder


@pytest.fixture(scope="module")
def followed(desk: Path) -> Iterator[dict[str, str]]:
    """What each command prints, the server still running."""
    tool("curl", "Debian: curl")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = str(one.getsockname()[1])
    around = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
    around |= {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    install, write, start, *ask = (line.replace(f":{PORT}/", f":{port}/") for line in commands())
    assert install == "bash scripts/label_env.sh"  # minutes: .ci/run runs it before the tests
    printed = {
        "write": subprocess.check_output(shlex.split(write), cwd=desk, env=around, text=True)
    }
    with (desk / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [*shlex.split(start), "--port", port],
            cwd=desk,
            env=around,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        end = time.monotonic() + 600
        while subprocess.call(["curl", "-sf", "-o", os.devnull, f"http://127.0.0.1:{port}/info/"]):
            assert server.poll() is None, (desk / "server.log").read_text()[-2000:]
            assert time.monotonic() < end
            time.sleep(0.2)
        while not list((desk / "label_app/readings").glob("*.json")):
            assert time.monotonic() < end, "the server does not read its scans from its start"
            time.sleep(0.2)
        for line in ask:
            name = re.search(rf":{port}/(\w+)", line)[1]
            printed[name] = subprocess.check_output(shlex.split(line), cwd=desk, text=True)
        yield printed
    finally:
        for how in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(server.pid, how)
            with suppress(subprocess.TimeoutExpired):
                server.wait(timeout=20)


def test_the_walk_through_says_what_to_do_next(followed):
    assert "start_server --app label_app --studies" in followed["write"]


def test_the_worklist_of_the_walk_through_has_its_scan(followed):
    assert json.loads(followed["activelearning"])["id"] == "patient1"


def test_the_map_of_the_walk_through_is_that_of_detect(followed, desk):
    expected = Pipeline(settings={"mode": "encoder"}).run(
        {"image": str(desk / "scans" / "patient1.nii.gz")}
    )
    answer = nib.load(desk / "anomaly_map.nii.gz")
    assert abs(answer.get_fdata() - expected.anomaly_map[0].numpy()).max() < 0.02
    grid = nib.load(desk / "scans" / "patient1.nii.gz").affine
    assert abs(answer.affine - grid).max() < 1e-4


def test_the_mark_of_the_walk_through_is_in_the_book(followed, desk):
    book = json.loads((desk / "scans" / "datastore_v2.json").read_text())
    assert book["objects"]["patient1"]["image"]["info"]["healthy"] is True
