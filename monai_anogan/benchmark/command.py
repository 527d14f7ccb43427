"""`anogan detect` as a user starts it: a fresh process, a scan in, every output written."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from monai_anogan.benchmark.memory import PAUSE, psutil, resident_mib
from monai_anogan.errors import AnoganError

__all__ = ["command_row"]


def command_row(source: Path, bundle: Path, mode: str, repeats: int) -> dict[str, Any]:
    """Median seconds, most memory, and files of the command on one scan.

    Args:
        source: DICOM folder or NIfTI file.
        bundle: the model.
        mode: `search` or `encoder`.
        repeats: processes started, one after another.

    Raises:
        AnoganError: The command refuses the scan, or psutil is missing.
    """
    runs = [_run(source, bundle, mode) for _ in range(repeats)]
    seconds = statistics.median(run["seconds"] for run in runs)
    middle = min(runs, key=lambda run: abs(run["seconds"] - seconds))
    return middle | {"seconds": seconds, "peak_mib": max(run["peak_mib"] for run in runs)}


def _run(source: Path, bundle: Path, mode: str) -> dict[str, Any]:
    start = "from monai_anogan.cli import main; main()"
    with TemporaryDirectory() as folder, Path(folder, "errors").open("w+") as errors:
        out = Path(folder, "out")
        detect = ["detect", str(source), "-o", str(out), "--bundle", str(bundle), "--mode", mode]
        begin, peak = time.perf_counter(), 0.0
        command = [sys.executable, "-c", start, *detect]
        process = psutil().Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        while process.poll() is None:
            peak = max(peak, resident_mib(process))
            time.sleep(PAUSE)
        seconds = time.perf_counter() - begin
        if process.returncode:
            errors.seek(0)
            raise AnoganError(f"anogan detect must go through {source}, got: {errors.read()}")
        return {
            "mode": mode,
            "seconds": seconds,
            "peak_mib": peak,
            "files": sorted(path.name for path in out.iterdir()),
            "stages": json.loads((out / "summary.json").read_text())["seconds"],
        }
