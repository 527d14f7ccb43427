"""What the contenders' latents know of the labels: t-SNE (van der Maaten and Hinton 2008)."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from sklearn.manifold import TSNE
from sklearn.preprocessing import StandardScaler

from monai_anogan.compare.comparison import Outcome
from monai_anogan.compare.small_png import save_small
from monai_anogan.compare.task import HEALTHY

__all__ = ["draw_embeddings"]


def draw_embeddings(outcome: Outcome, path: Path, *, seed: int) -> Path | None:
    """t-SNE of the test patches in the latents of each contender that has them; None if none."""
    having = [run for run in outcome.runs.values() if "embedding" in run.extra]
    if not having:
        return None
    columns = 4
    rows = -(-len(having) // columns)
    figure = Figure(figsize=(10, 2.6 * rows + 0.4), layout="constrained")
    grid = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes in grid:
        axes.set_axis_off()
    for axes, run in zip(grid, having, strict=False):
        kind = outcome.task.test.kind[run.extra["sample"]]
        flat = TSNE(
            perplexity=min(30.0, (len(kind) - 1) / 3), init="pca", random_state=seed
        ).fit_transform(StandardScaler().fit_transform(run.extra["embedding"]))
        for index, name in enumerate(sorted(set(kind), key=lambda k: (k != HEALTHY, k))):
            where = kind == name
            colour = "#222222" if name == HEALTHY else mpl.colormaps["tab10"](index % 10)
            axes.scatter(*flat[where].T, s=5, color=colour, label=name, linewidths=0, alpha=0.8)
        axes.set_title(run.title, fontsize=9)
    handles, names = grid[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=6, fontsize=8, markerscale=3)
    return save_small(figure, path)
