"""Rows of the benchmark: what a step costs, and how many of them reach the reference."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import torch

from monai_anogan.benchmark.brain import Brain
from monai_anogan.benchmark.contenders import (
    Contender,
    EagerSystem,
    contenders,
    flops_of_a_step,
    paper_search,
)
from monai_anogan.systems import FAnoGAN, FrozenSystem

__all__ = ["against", "milliseconds", "search_rows", "wide_rows"]

Clock = Callable[[Callable[[], Any]], float]
Peak = dict[str, float]
Say = Callable[[str], None]

TEXTBOOK_WINDOWS, TIMED_STEPS = 2, 10
WIDE = 64  # base width of the network whose share of the peak is reported beside the shipped one


def search_rows(
    brain: Brain, clock: Clock, peak: Peak, *, compiled: bool, say: Say
) -> list[dict[str, Any]]:
    """One row a contender; the paper's search in batches is the reference of the objective."""
    flops = flops_of_a_step(brain.system, brain.patches[:1])
    rows: list[dict[str, Any]] = []
    reference = None
    fast = brain.pipeline["searches"]["fast"]
    for contender in contenders(brain.system, fast, compiled=compiled):
        say(contender.name)
        row = step_row(contender, brain.patches, clock, flops, peak)
        if contender.batch > 1:  # the textbook's search is the reference's, patch by patch
            met = contender.search(brain.patches, contender.steps).cummin(0).values
            reference = met[-1] if reference is None else reference
            row |= against(reference, met)
        row["seconds_a_patch"] = row["ms_a_patch_step"] * contender.steps / 1e3
        row["seconds_a_volume"] = row["seconds_a_patch"] * len(brain.windows)
        rows.append(row)
    return rows


def wide_rows(brain: Brain, clock: Clock, peak: Peak, *, say: Say) -> list[dict[str, Any]]:
    """A step of a network of base width 64, untrained: how near the peak wide layers come."""
    torch.manual_seed(0)
    size = brain.patches.shape[-1]
    wide = FAnoGAN(brain.patches.ndim - 2, size, 128, width=WIDE).to(brain.device)
    flops = flops_of_a_step(wide, brain.patches[:1])
    ours = FrozenSystem(wide)
    pair = (
        Contender("batched eager", 64, 500, paper_search(EagerSystem(wide)), torch.float32),
        Contender("ours", 64, 500, paper_search(ours), ours.dtype),
    )
    rows = []
    for contender in pair:
        say(f"base width {WIDE}: {contender.name}")
        rows.append(step_row(contender, brain.patches, clock, flops, peak))
    return rows


def step_row(
    contender: Contender, patches: torch.Tensor, clock: Clock, flops: float, peak: Peak
) -> dict[str, Any]:
    """What one step of one patch costs, and how much of the machine it uses."""
    ms = milliseconds(contender, patches, clock)
    precision = str(contender.dtype).split(".")[-1]
    return {
        "name": contender.name,
        "batch": contender.batch,
        "precision": precision,
        "steps": contender.steps,
        "ms_a_patch_step": ms,
        "gflops": flops / ms / 1e6,
        "share_of_peak": flops / ms / 1e6 / peak[precision],
    }


def milliseconds(contender: Contender, patches: torch.Tensor, clock: Clock) -> float:
    """A step of one patch; what a search does once (encoding, f(x)) is spread over its steps."""
    some = patches[: contender.batch if contender.batch > 1 else TEXTBOOK_WINDOWS]
    return clock(lambda: contender.search(some, TIMED_STEPS)) / TIMED_STEPS / len(some) * 1e3


def against(reference: torch.Tensor, met: torch.Tensor) -> dict[str, Any]:
    """How a search fares against the objective that the reference reached, patch by patch."""
    there = met <= reference
    first = torch.where(there.any(0), there.float().argmax(0).float(), torch.inf)
    steps = statistics.median(first.tolist())
    return {
        "median_objective": met[-1].median().item(),
        "mean_objective": met[-1].mean().item(),
        "median_steps_to_reference": None if steps == float("inf") else steps,
        "share_reaching_reference": there.any(0).float().mean().item(),
    }
