"""Other people's programs that judge our files: found, or the test is skipped and says why.

Where ANOGAN_TOOLS is "required", as in CI, a missing one is a failure: it cannot go unnoticed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

__all__ = ["errors_of_dciodvfy", "missing", "run_tool", "tool"]

ROOT = Path(__file__).parents[1]
SYSTEM = os.pathsep.join(("/usr/bin", "/usr/sbin", "/usr/local/bin", os.environ.get("PATH", "")))


def missing(reason: str) -> None:
    """Skips the test, or fails it where every tool is required."""
    if os.environ.get("ANOGAN_TOOLS") == "required":
        pytest.fail(f"{reason}, and ANOGAN_TOOLS=required")
    pytest.skip(reason)


def tool(name: str, package: str) -> str:
    """Path of a program, of this virtual environment or of the system.

    Args:
        name: of the program.
        package: that brings it, for who reads why the test was skipped.
    """
    beside = Path(sys.executable).parent / name
    found = str(beside) if package.startswith("PyPI") else shutil.which(name, path=SYSTEM)
    if found is None or not Path(found).is_file():
        missing(f"{name} is not installed ({package})")
    return str(found)


def run_tool(name: str, package: str, *arguments: str | Path) -> str:
    """What a program prints; it must end well."""
    command = [tool(name, package), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=300)
    assert done.returncode == 0, f"{name} ended with {done.returncode}: {done.stderr[-2000:]}"
    return done.stdout + done.stderr


def errors_of_dciodvfy(path: Path) -> list[str]:
    """The lines of David Clunie's validator that begin with Error; it must know what it judged."""
    command = [tool("dciodvfy", "Debian: dicom3tools"), "-new", str(path)]
    told = subprocess.run(command, capture_output=True, text=True, errors="replace").stderr
    lines = told.splitlines()
    known = ("ParametricMap", "Segmentation", "Comprehensive3DSR", "SCImage", "MRImage")
    assert any(line.startswith(known) for line in lines), told[:2000]
    return [line for line in lines if line.startswith("Error")]
