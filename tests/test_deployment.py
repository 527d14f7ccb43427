"""The files that a hospital installs the node by, and the operators of MONAI Deploy."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from external_tools import ROOT, missing, run_tool
from node_process import small_head

DEPLOY = ROOT / "scripts" / "deploy"


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The systemd unit, with a program that is there in place of the installed one."""
    text = (DEPLOY / "anogan-serve.service").read_text("utf-8")
    path = tmp_path / "anogan-serve.service"
    path.write_text(text.replace("/opt/anogan/bin/anogan", sys.executable))
    return path


def test_systemd_takes_the_unit_without_a_word(unit):
    assert run_tool("systemd-analyze", "Debian: systemd", "verify", unit) == ""


def test_systemd_calls_the_unit_well_confined(unit):
    told = run_tool("systemd-analyze", "Debian: systemd", "security", "--offline=true", unit)
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", told)
    assert level, told[-500:]
    assert float(level[1]) < 3  # of 10; 9.6 without any confinement


def test_the_container_is_given_all_that_the_package_is_built_from(tmp_path):
    recipe = (DEPLOY / "Dockerfile").read_text("utf-8")
    given = [
        word
        for line in re.findall(r"^COPY (.*)$", recipe, re.MULTILINE)
        for word in line.split()[:-1]
    ]
    for name in given:
        source, target = ROOT / name, tmp_path / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pt"))
        else:
            shutil.copy(source, target)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "dist").glob("*.whl"))
    assert 'pip install --no-cache-dir -c constraints.txt ".[serve]"' in recipe
    assert "\nUSER anogan\n" in recipe


@pytest.mark.slow
def test_monai_deploy_runs_the_pipeline_as_operators(template, tmp_path):
    python = Path(os.environ.get("ANOGAN_DEPLOY_PYTHON", ROOT / ".venv-deploy" / "bin" / "python"))
    if not python.is_file():
        missing("MONAI Deploy is not installed (scripts/deploy/monai_deploy.sh does it)")
    files = small_head(template, tmp_path / "in", "deploy")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONHOME"}
    environment |= {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [python, "-m", "monai_anogan.deploy", files[0].parent, tmp_path / "out"]
    done = subprocess.run(
        [*command, "--mode", "encoder"],
        capture_output=True,
        text=True,
        env=environment,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (folder,) = (tmp_path / "out").iterdir()
    told = json.loads((folder / "summary.json").read_text())
    assert told["input"]["series_uid"] == folder.name
    assert {"anomaly_map.dcm", "findings.sr.dcm"} <= {path.name for path in folder.iterdir()}
