"""The machine a benchmark ran on, and the most it can multiply."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

__all__ = ["describe_machine", "matrix_peak", "median_seconds"]

PEAK_SIZE = 2048  # rows and columns; larger ones are no faster


def median_seconds(function: Callable[[], Any], repeats: int, *, device: torch.device) -> float:
    """Median wall-clock seconds of a call, after one to warm up."""
    function()
    taken = []
    for _ in range(repeats):
        _wait(device)
        begin = time.perf_counter()
        function()
        _wait(device)
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def matrix_peak(dtype: torch.dtype, repeats: int, *, device: torch.device) -> float:
    """GFLOP/s of a square matrix product, what nothing on this machine should exceed."""
    a, b = (torch.randn(PEAK_SIZE, PEAK_SIZE, device=device, dtype=dtype) for _ in range(2))
    return 2 * PEAK_SIZE**3 / median_seconds(lambda: a @ b, repeats, device=device) / 1e9


def describe_machine(device: torch.device) -> dict[str, Any]:
    """What a reader needs to compare two runs."""
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else None
    return {
        "processor": _processor(),
        "gpu": gpu,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def _processor() -> str:
    """The name Linux gives the processor, with the matrix formats it knows; else Python's name."""
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.is_file():
        return platform.processor() or platform.machine()
    pairs = (line.split(":", 1) for line in cpuinfo.read_text().splitlines() if ":" in line)
    facts = {name.strip(): value.strip() for name, value in pairs}
    known = {"avx2", "avx512f", "avx512_bf16", "amx_bf16"} & set(facts.get("flags", "").split())
    name = facts.get("model name", platform.machine())
    where = ", ".join(facts[key] for key in ("cpu family", "model") if key in facts)
    return f"{name} (family, model {where}; {' '.join(sorted(known))})"


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
