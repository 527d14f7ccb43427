"""What `anogan benchmark` measures, in one run on one brain."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from monai_anogan.benchmark.brain import Brain
from monai_anogan.benchmark.command import command_row
from monai_anogan.benchmark.goals import goal_rows
from monai_anogan.benchmark.growth import growth_rows, thread_rows, volume_seconds
from monai_anogan.benchmark.machine import describe_machine, matrix_peak, median_seconds
from monai_anogan.benchmark.searches import search_rows, wide_rows
from monai_anogan.benchmark.training import training_rows

__all__ = ["run_benchmark"]


def run_benchmark(
    brain: Brain,
    *,
    repeats: int = 5,
    compiled: bool = False,
    command: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Measure everything.

    Args:
        brain: what is searched, and by which model.
        repeats: of every timing; medians are reported.
        compiled: measure torch.compile as well, whose warm-up takes a minute.
        command: scan for rows of `anogan detect` in a fresh process; None leaves them out.
        say: told what is being measured.

    Returns:
        One record for `benchmark.json`: `machine`, `peak_gflops`, `windows`, and lists of rows
        `searches`, `wide`, `growth`, `threads`, `training`, `command`, `goals`, and
        `volume_seconds` by mode.
    """
    device = brain.device
    clock = partial(median_seconds, repeats=repeats, device=device)
    say("matrix peak")
    peak = {
        str(dtype).split(".")[-1]: matrix_peak(dtype, 3 * repeats, device=device)
        for dtype in (torch.float32, torch.bfloat16)
    }
    record: dict[str, Any] = {
        "machine": describe_machine(device),
        "repeats": repeats,
        "peak_gflops": peak,
        "volume": list(brain.volume.shape[1:]),
        "windows": len(brain.windows),
        "searches": search_rows(brain, clock, peak, compiled=compiled, say=say),
        "wide": wide_rows(brain, clock, peak, say=say),
        "volume_seconds": volume_seconds(brain, clock, say=say),
        "growth": growth_rows(brain, clock, say=say),
        "threads": thread_rows(brain, clock, say=say),
        "training": training_rows(brain, repeats=repeats, say=say),
        "command": _command_rows(brain, command, repeats, say),
    }
    return record | {"goals": goal_rows(record)}


def _command_rows(
    brain: Brain, source: Path | None, repeats: int, say: Callable[[str], None]
) -> list[dict[str, Any]]:
    rows = []
    for mode in ("search", "encoder") if source is not None else ():
        say(f"anogan detect, {mode}, {source}")
        assert source is not None
        rows.append(command_row(source, brain.pipeline.root, mode, min(repeats, 3)))
    return rows
