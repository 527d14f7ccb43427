"""ROC and precision-recall curves and score histograms of every contender's main score."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve, roc_curve

from monai_anogan.compare.comparison import Outcome
from monai_anogan.compare.small_png import save_small

__all__ = ["draw_curves", "draw_histograms"]

GRID = np.linspace(0, 1, 201)
SPAN = (-4, 12)  # standard deviations that a histogram shows; beyond them, the outermost bars
YARDSTICKS = 3  # the first contenders, drawn thin and dashed


def draw_curves(outcomes: Sequence[Outcome], level: str, path: Path) -> Path:
    """ROC and precision over recall, each the mean over the tasks at equal abscissae."""
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    names = list(dict.fromkeys(name for outcome in outcomes for name in outcome.runs))
    for index, name in enumerate(names):
        pairs = [_judged(outcome, name, level) for outcome in outcomes if name in outcome.runs]
        title = next(o.runs[name].title for o in outcomes if name in o.runs)
        style = {
            "color": mpl.colormaps["tab10"](index % 10),
            "ls": "--" if index < YARDSTICKS else "-",
            "lw": 1.2 if index < YARDSTICKS else 1.8,
        }
        left.plot(GRID, np.mean([_roc(*pair) for pair in pairs], axis=0), label=title, **style)
        right.plot(GRID, np.mean([_precision(*pair) for pair in pairs], axis=0), **style)
    left.plot([0, 1], [0, 1], color="0.7", lw=0.8)
    left.set(xlabel="1 - specificity", ylabel="sensitivity", title="ROC")
    share = np.mean([o.task.test.level(level).abnormal.mean() for o in outcomes])
    right.axhline(share, color="0.7", lw=0.8)
    right.set(xlabel="recall", ylabel="precision", title="Precision over recall")
    left.legend(fontsize=8, loc="lower right")
    for axes in (left, right):
        axes.set(xlim=(0, 1), ylim=(0, 1.01))
        axes.spines[["top", "right"]].set_visible(False)
    return save_small(figure, path)


def draw_histograms(outcomes: Sequence[Outcome], level: str, path: Path) -> Path:
    """Main scores of normal and abnormal units, in deviations of the normal `val` ones."""
    names = list(dict.fromkeys(name for outcome in outcomes for name in outcome.runs))
    columns = 4
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(11, 2.1 * rows), layout="constrained")
    grid = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes, name in zip(grid, names, strict=False):
        parts = [_standard(outcome, name, level) for outcome in outcomes if name in outcome.runs]
        scores, abnormal = (np.concatenate(part) for part in zip(*parts, strict=True))
        _bars(axes, np.clip(scores, *SPAN), abnormal)
        axes.set_title(next(o.runs[name].title for o in outcomes if name in o.runs), fontsize=9)
    for axes in grid[len(names) :]:
        axes.set_axis_off()
    return save_small(figure, path)


def _bars(axes: Axes, scores: NDArray[np.float64], abnormal: NDArray[np.bool_]) -> None:
    edges = np.linspace(*SPAN, 49).tolist()
    for which, colour, words in (
        (~abnormal, "#4c72b0", "normal"),
        (abnormal, "#c44e52", "abnormal"),
    ):
        axes.hist(
            scores[which],
            edges,
            density=True,
            color=colour,
            alpha=0.55,
            label=words,
        )
    axes.set_yticks([])
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.legend(fontsize=7, frameon=False)


def _judged(outcome: Outcome, name: str, level: str) -> tuple[NDArray, NDArray]:
    """Truth and main scores."""
    units = outcome.task.test.level(level)
    return units.abnormal, units.scores(next(iter(outcome.runs[name].test.values())))


def _standard(outcome: Outcome, name: str, level: str) -> tuple[NDArray, NDArray]:
    """Main scores in deviations of the normal `val` ones, and the truth."""
    units = outcome.task.val.level(level)
    val = units.scores(next(iter(outcome.runs[name].val.values())))[~units.abnormal]
    truth, scores = _judged(outcome, name, level)
    return (scores - val.mean()) / max(float(val.std()), 1e-12), truth


def _roc(truth: NDArray, scores: NDArray) -> NDArray[np.float64]:
    false, true, _ = roc_curve(truth, scores)
    return np.interp(GRID, false, true)


def _precision(truth: NDArray, scores: NDArray) -> NDArray[np.float64]:
    precision, recall, _ = precision_recall_curve(truth, scores)
    return np.interp(GRID, recall[::-1], precision[::-1])
