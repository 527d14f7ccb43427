"""3D Slicer's own libraries, asked by the Python that has them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from external_tools import ROOT, missing

__all__ = ["asked_of_slicer", "placed_by_slicer"]

HERE = Path(__file__).parent


def placed_by_slicer(*paths: Path) -> list[dict]:
    """What Slicer makes of each volume, see `slicer_placement.py`."""
    return _run(HERE / "slicer_placement.py", paths)


def asked_of_slicer(*paths: Path) -> list[dict]:
    """What Slicer makes of each segmentation, box file or colour table, see `slicer_answers.py`."""
    return _run(HERE / "slicer_answers.py", paths)


def _run(script: Path, paths: tuple[Path, ...]) -> list[dict]:
    python = Path(os.environ.get("ANOGAN_SLICER_PYTHON", ROOT / ".venv-slicer" / "bin" / "python"))
    if not python.is_file():
        missing(
            "3D Slicer's libraries are not installed (PyPI: slicer-core, in an environment of "
            "their own, whose Python ANOGAN_SLICER_PYTHON names)"
        )
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(
        [python, script, *paths], capture_output=True, text=True, env=environment, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])
