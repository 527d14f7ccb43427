"""The row of pictures of Schlegl et al. 2017, figure 3, for every contender that rebuilds patches.

Input, reconstruction, residual laid over the input, the residual cut in two, and the truth.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from monai_anogan.compare.comparison import Outcome
from monai_anogan.compare.run import Run
from monai_anogan.compare.small_png import save_small
from monai_anogan.compare.task import Patches

__all__ = ["draw_pictures", "marked"]

HEAT = mpl.colormaps["inferno"]
INCH = 0.72  # of a patch


def draw_pictures(outcome: Outcome, name: str, path: Path) -> Path | None:
    """Rows of the pictured test patches as one contender sees them; None if it makes no map.

    Volumes are shown by their middle slice.
    """
    run = outcome.runs[name]
    if "maps" not in run.extra:
        return None
    test, chosen = outcome.task.test, run.extra["pictured"]
    columns = _columns(run, test)
    figure = Figure(figsize=(INCH * len(chosen) + 1.0, INCH * len(columns)), facecolor="white")
    grid = figure.subplots(len(columns), len(chosen), squeeze=False)
    for row, (words, pictures) in enumerate(columns.items()):
        for column, picture in enumerate(pictures):
            axes = grid[row, column]
            axes.imshow(picture, cmap="gray", vmin=-1, vmax=1, interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            if row == 0:
                axes.set_title(str(test.kind[chosen[column]]), fontsize=7, pad=2)
        grid[row, 0].set_ylabel(words, fontsize=7, rotation=0, ha="right", va="center")
    figure.subplots_adjust(left=0.2, right=0.995, top=0.94, bottom=0.01, wspace=0.03, hspace=0.03)
    return save_small(figure, path)


def _columns(run: Run, test: Patches) -> dict[str, list[Any]]:
    chosen = run.extra["pictured"]
    inputs = [_upright(p) for p in test.patches[chosen].numpy()]
    maps = [_upright(m) for m in run.extra["maps"]]
    cut = float(run.extra["cut"])
    rows: dict[str, list[Any]] = {"input": inputs}
    if "reconstruction" in run.extra:
        rows["rebuilt"] = [_upright(r) for r in run.extra["reconstruction"]]
    rows["map"] = [_overlaid(x, m, cut) for x, m in zip(inputs, maps, strict=True)]
    rows["cut"] = [marked(x, m >= cut) for x, m in zip(inputs, maps, strict=True)]
    if test.truth is not None:
        truths = (_upright(t) for t in test.truth[chosen].float().numpy())
        rows["truth"] = [marked(x, t > 0) for x, t in zip(inputs, truths, strict=True)]
    return rows


def _upright(patch: NDArray[np.float32]) -> NDArray[np.float32]:
    """(1, *S) as rows and columns: pictures as they are, axial slices with the front on top."""
    flat = patch[0] if patch.ndim == 3 else patch[0, ..., patch.shape[-1] // 2]
    return flat if flat.shape[0] < 64 else flat.T[::-1, ::-1]


def _grey(patch: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.repeat(np.clip((patch + 1) / 2, 0, 1)[..., None], 3, axis=-1)


def _overlaid(patch: NDArray, heat: NDArray, cut: float) -> NDArray:
    """The map over the patch; its colours are full at twice the cut."""
    share = np.clip(heat / max(2 * cut, 1e-12), 0, 1)
    alpha = np.clip(2 * share, 0, 0.85)[..., None]
    return _grey(patch) * (1 - alpha) + HEAT(share)[..., :3] * alpha


def marked(patch: NDArray, where: NDArray[np.bool_]) -> NDArray:
    """A patch in network space as RGB, darker, and what is marked in red."""
    grey = 0.7 * _grey(patch)
    return np.where(where[..., None], np.array([0.93, 0.23, 0.2]), grey)
