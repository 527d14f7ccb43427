"""One picture of a filling: the scan, what was marked in it, and the scan filled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from monai_anogan.outputs import DISCLAIMER
from monai_anogan.reports.panels import BACKGROUND, FAINT, INK, Panels
from monai_anogan.reports.planes import PLANES, position
from monai_anogan.reports.scene import Scene, compose
from monai_anogan.reports.shade import Shade

__all__ = ["write_filling_picture"]

COLUMNS = ("Before", "Marked", "After")
MARKED = Shade("", vmax=1.4, visible=(0.5, 1.5), threshold=0.5)
WIDTH, GAP = 2.6, 0.06  # of a panel and between two, in inches
LEFT, TOP, BOTTOM, RIGHT = 0.62, 0.9, 0.45, 0.12  # margins, in inches
LETTERS = 62  # of a title that fit
DPI = 110


def write_filling_picture(
    path: str | Path,
    *,
    before: NDArray[np.float32],
    hole: NDArray[np.bool_],
    after: NDArray[np.float32],
    affine: NDArray[np.float64],
    title: str,
    footer: str,
) -> None:
    """Write the picture as a PNG: three planes through the middle of the largest marked part.

    Args:
        path: where the PNG goes.
        before: (I, J, K) the scan, any orientation and unit.
        hole: (I, J, K), what was marked.
        after: (I, J, K), in the scan's units.
        affine: (4, 4) voxel to RAS, mm.
        title: first line, such as the name of the input.
        footer: last line; the disclaimer is added.
    """
    scene = compose(before, after, hole.astype(np.float32), affine, None)
    figure = Figure(dpi=DPI, facecolor=BACKGROUND)
    panels = Panels(figure, scene, MARKED)
    scale = WIDTH / max(panels.size(plane)[0] for plane in PLANES)  # inches a mm
    rows = [panels.size(plane)[1] * scale for plane in PLANES]
    across = 3 * WIDTH + 2 * GAP
    figure.set_size_inches(LEFT + across + RIGHT, TOP + sum(rows) + 2 * GAP + BOTTOM)
    _draw_rows(panels, scale, rows)
    _draw_words(figure, title, footer)
    FigureCanvasAgg(figure).print_png(str(path))


def _draw_rows(panels: Panels, scale: float, rows: list[float]) -> None:
    scene: Scene = panels.scene
    wide, high = panels.figure.get_size_inches()
    top = high - TOP
    for plane, height in zip(PLANES, rows, strict=True):
        width, index = panels.size(plane)[0] * scale, int(scene.peak[plane.normal])
        for column in range(3):
            left = LEFT + column * (WIDTH + GAP) + (WIDTH - width) / 2
            grey = scene.reconstruction if column == 2 else scene.image
            box = (left, top - height, width, height)
            axes = panels.add(plane, index, box, grey=grey, heat=column == 1)
            panels.mark_sides(axes, plane)
            if column == 1:
                panels.mark_outline(axes, plane, index)
                axes.set(xlim=(0, panels.size(plane)[0]), ylim=(0, panels.size(plane)[1]))
        middle = (top - height / 2) / high
        upright: dict[str, Any] = {"rotation": 90, "ha": "center", "va": "center"}
        where = position(scene.affine, plane, scene.peak)
        panels.figure.text(0.22 / wide, middle, plane.name, color=INK, fontsize=11, **upright)
        panels.figure.text(0.44 / wide, middle, where, color=FAINT, fontsize=8, **upright)
        top -= height + GAP


def _draw_words(figure: Figure, title: str, footer: str) -> None:
    wide, high = figure.get_size_inches()
    as_is: dict[str, Any] = {"va": "center", "parse_math": False}  # a file name may hold dollars
    short = title if len(title) <= LETTERS else "…" + title[1 - LETTERS :]
    figure.text(LEFT / wide, 1 - 0.28 / high, short, color=INK, fontsize=13, **as_is)
    convention = "Radiological convention: the patient's left is on the viewer's right"
    figure.text(LEFT / wide, 1 - 0.52 / high, convention, color=FAINT, fontsize=8, va="center")
    for column, words in enumerate(COLUMNS):
        centre = (LEFT + column * (WIDTH + GAP) + WIDTH / 2) / wide
        figure.text(centre, 1 - 0.77 / high, words, color=INK, fontsize=10, ha="center")
    figure.text(LEFT / wide, 0.3 / high, footer, color=FAINT, fontsize=8, **as_is)
    figure.text(LEFT / wide, 0.14 / high, DISCLAIMER, color=INK, fontsize=8, va="center")
