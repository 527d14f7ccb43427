"""What the search was to reach, beside what this run measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any

from monai_anogan.benchmark.contenders import LONG, PAPER
from monai_anogan.benchmark.training import PLAIN

__all__ = ["GOALS", "Goal", "goal_rows"]


@dataclass(frozen=True)
class Goal:
    """A figure to reach; `measured(record)` reads it from a benchmark's record."""

    what: str
    bound: float
    least: bool  # `bound` at least, else at most
    form: str
    measured: Callable[[dict[str, Any]], float | None]

    def row(self, record: dict[str, Any]) -> dict[str, Any]:
        """The goal held against a run; `reached` is None where the run did not measure it."""
        value = self.measured(record)
        if value is None:
            reached = None
        else:
            reached = value >= self.bound if self.least else value <= self.bound
        sign = "at least" if self.least else "at most"
        return {
            "what": self.what,
            "goal": f"{sign} {self.form.format(self.bound)}",
            "measured": self._told(value),
            "reached": reached,
        }

    def _told(self, value: float | None) -> str | None:
        """The figure in words; steps that were not enough are infinitely many."""
        if value is None:
            return None
        return self.form.format(value) if value < inf else f"more than {self.bound}"


def goal_rows(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Every goal against one run."""
    return [goal.row(record) for goal in GOALS]


def _ratio(table: str, slow: str, fast: str, key: str) -> Callable[[dict[str, Any]], float]:
    def measured(record: dict[str, Any]) -> float:
        rows = {row["name"]: row for row in record[table]}
        return rows[slow][key] / rows[fast][key]

    return measured


def _of_ours(table: str, key: str, name: str = "ours") -> Callable[[dict[str, Any]], float]:
    def measured(record: dict[str, Any]) -> float:
        value = next(row[key] for row in record[table] if row["name"] == name)
        return inf if value is None else value  # steps that were not enough

    return measured


def _of_command(key: str, unit: float) -> Callable[[dict[str, Any]], float | None]:
    def measured(record: dict[str, Any]) -> float | None:
        figures = [row[key] / unit for row in record["command"]]
        return max(figures) if figures else None

    return measured


STEP, PATCH, ITERATION = "ms_a_patch_step", "seconds_a_patch", "ms_an_iteration"
GOALS = (
    Goal(
        "a search step, ours against batched eager float32",
        3,
        True,
        "{:.1f}x",
        _ratio("searches", "batched eager", "ours", STEP),
    ),
    Goal(
        "share of the matrix peak, network of base width 64",
        0.7,
        True,
        "{:.0%}",
        _of_ours("wide", "share_of_peak"),
    ),
    Goal(
        f"median steps to the objective of 500 Adam steps from the prior, rate {PAPER['lr']}",
        25,
        False,
        "{:.0f}",
        _of_ours("searches", "median_steps_to_reference", f"ours, {LONG} steps"),
    ),
    Goal(
        "mean objective of ours against that of those 500 steps",
        1,
        False,
        "{:.2f}x",
        _ratio("searches", "ours", "batched eager", "mean_objective"),
    ),
    Goal(
        "whole search, ours against batched eager",
        50,
        True,
        "{:.0f}x",
        _ratio("searches", "batched eager", "ours", PATCH),
    ),
    Goal(
        "whole search, ours against the textbook way",
        500,
        True,
        "{:.0f}x",
        _ratio("searches", "textbook", "ours", PATCH),
    ),
    Goal(
        "whole brain, search mode, after imports",
        20,
        False,
        "{:.1f} s",
        lambda record: record["volume_seconds"]["search"],
    ),
    Goal(
        "whole brain, encoder mode, after imports",
        3,
        False,
        "{:.2f} s",
        lambda record: record["volume_seconds"]["encoder"],
    ),
    Goal(
        "anogan detect, a fresh process, all outputs written",
        60,
        False,
        "{:.1f} s",
        _of_command("seconds", 1),
    ),
    Goal(
        "peak memory of that process",
        2.5,
        False,
        "{:.2f} GB",
        _of_command("peak_mib", 1e9 / 2**20),
    ),
    Goal(
        "training step, ours against plain eager float32",
        2.5,
        True,
        "{:.2f}x",
        _ratio("training", PLAIN, "ours", ITERATION),
    ),
)
