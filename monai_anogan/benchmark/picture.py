"""The benchmark as a picture: seconds a patch of each search, and growth with windows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_benchmark"]


def draw_benchmark(record: dict[str, Any], path: Path) -> None:
    """Seconds a patch of each search, and time against windows."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    _draw_searches(left, record["searches"])
    _draw_growth(right, record["growth"])
    for axis in (left, right):
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def _draw_searches(left: Axes, rows: list[dict[str, Any]]) -> None:
    names = [f"{row['name']}\n{row['steps']} steps, {row['precision']}" for row in rows]
    seconds = [row["seconds_a_patch"] for row in rows]
    bars = left.barh(names, seconds, color="#4c72b0", height=0.6)
    left.bar_label(bars, [f" {s:.3g} s" for s in seconds])
    left.set(xscale="log", xlabel="seconds a patch, whole search (log scale)")
    left.set_xlim(min(seconds) / 2, max(seconds) * 6)
    left.invert_yaxis()


def _draw_growth(right: Axes, rows: list[dict[str, Any]]) -> None:
    """Time and memory against windows; both begin at zero, so proportion is a straight line."""
    windows = [row["windows"] for row in rows]
    right.plot(windows, [row["seconds"] for row in rows], "o-", color="#4c72b0")
    right.set(xlabel="windows of one volume", xlim=(0, None), ylim=(0, None))
    right.set_ylabel("seconds", color="#4c72b0")
    memory = right.twinx()
    memory.plot(windows, [row["peak_mib"] for row in rows], "s--", color="#c44e52")
    memory.set_ylim(0, 1.5 * max(row["peak_mib"] for row in rows) + 1)
    memory.set_ylabel("peak memory, MiB", color="#c44e52")
    memory.spines["top"].set_visible(False)
