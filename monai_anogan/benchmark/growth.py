"""How the time and the memory of a search grow with windows, and its time with threads."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from monai_anogan.benchmark.brain import Brain
from monai_anogan.benchmark.contenders import Contender, paper_search
from monai_anogan.benchmark.memory import peak_memory
from monai_anogan.benchmark.searches import milliseconds
from monai_anogan.systems import FrozenSystem

__all__ = ["growth_rows", "thread_rows", "volume_seconds"]

Clock = Callable[[Callable[[], Any]], float]
Say = Callable[[str], None]


def volume_seconds(brain: Brain, clock: Clock, *, say: Say) -> dict[str, float]:
    """The inferer on the whole prepared volume, by mode."""
    seconds = {}
    for mode in ("search", "encoder"):
        say(f"whole volume, {mode}")
        inferer = brain.pipeline.inferer_with(mode=mode)
        seconds[mode] = clock(partial(inferer, brain.volume[None], brain.system))
    return seconds


def growth_rows(brain: Brain, clock: Clock, *, say: Say) -> list[dict[str, float]]:
    """The inferer on a volume of one size that holds 1, 2, 4 and 8 times as many windows."""
    inferer = brain.pipeline.inferer_with(mode="search")
    inferer(brain.slab(8)[None], brain.system)  # what is fitted once is fitted now
    rows = []
    for part in (8, 4, 2, 1):
        volume = brain.slab(part)
        say(f"growth, 1/{part} of the slices")
        with peak_memory() as memory:
            seconds = clock(partial(inferer, volume[None], brain.system))
        windows = len(brain.windows_of(volume))
        rows.append({"windows": windows, "seconds": seconds, "peak_mib": memory["mib"]})
    return rows


def thread_rows(brain: Brain, clock: Clock, *, say: Say) -> list[dict[str, float]]:
    """A step of ours by threads."""
    before, ours = torch.get_num_threads(), FrozenSystem(brain.system)
    contender = Contender("ours", 64, 500, paper_search(ours), ours.dtype)
    rows = []
    try:
        for threads in sorted({1, 2, before}):
            say(f"threads, {threads}")
            torch.set_num_threads(threads)
            ms = milliseconds(contender, brain.patches, clock)
            rows.append({"threads": threads, "ms_a_patch_step": ms})
    finally:
        torch.set_num_threads(before)
    return rows
