"""One picture of a case: the scan, its healthy reconstruction, and the anomaly map over the scan.

The colours have a fixed scale: a healthy scan looks quiet because its map is not stretched to its
own maximum. Drawn with matplotlib's objects alone, so that a caller's pyplot stays as it was.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from monai_anogan.outputs import DISCLAIMER
from monai_anogan.reports.panels import BACKGROUND, FAINT, INK, ColourBar, Panels
from monai_anogan.reports.planes import PLANES, position
from monai_anogan.reports.scene import Scene
from monai_anogan.reports.shade import Shade

__all__ = ["write_overview"]

COLUMNS = ("Scan", "Healthy reconstruction", "Anomaly map over the scan")
LEVELS = 8  # axial slices in the strip below the rows
WIDTH, GAP = 3.05, 0.07  # of a column and between panels, in inches
LEFT, RIGHT, TOP, BOTTOM, CAPTION = 0.66, 1.02, 1.05, 0.7, 0.36  # margins, in inches
TITLE_LETTERS, FOOTER_LETTERS = 72, 150  # that fit into the width
DPI = 130


def write_overview(
    path: str | Path,
    *,
    scene: Scene,
    shade: Shade,
    title: str,
    footer: str,
) -> None:
    """Write the overview of a case as a PNG.

    Three rows (axial, coronal, sagittal) through the most abnormal location, three columns (scan,
    reconstruction, map over the scan), and below them the map over axial slices of the whole organ.
    Radiological convention: the patient's left is on the viewer's right.

    Args:
        path: where the PNG goes.
        scene: the case, see `compose`.
        shade: how its map becomes colours.
        title: first line, such as the name of the input.
        footer: last line, such as the model and its settings; the disclaimer is added.
    """
    figure = Figure(dpi=DPI, facecolor=BACKGROUND)
    panels = Panels(figure, scene, shade)
    scale = WIDTH / max(panels.size(plane)[0] for plane in PLANES)  # inches a mm, in every row
    rows = [panels.size(plane)[1] * scale for plane in PLANES]
    across = 3 * WIDTH + 2 * GAP
    thumb = _thumbnail(panels, across)
    wide = LEFT + across + RIGHT
    high = TOP + sum(rows) + 2 * GAP + CAPTION + thumb[1] + BOTTOM
    figure.set_size_inches(wide, high)
    _draw_rows(panels, scale, rows)
    _draw_strip(panels, thumb, across)
    bar_bottom = BOTTOM + thumb[1] + CAPTION
    ColourBar(shade).add(figure, (LEFT + across + 0.2, bar_bottom, 0.16, high - TOP - bar_bottom))
    _draw_words(figure, title, footer)
    FigureCanvasAgg(figure).print_png(str(path))


def _draw_rows(panels: Panels, scale: float, rows: list[float]) -> None:
    scene, figure = panels.scene, panels.figure
    wide, high = figure.get_size_inches()
    top = high - TOP
    for plane, height in zip(PLANES, rows, strict=True):
        width = panels.size(plane)[0] * scale
        for column in range(3):
            left = LEFT + column * (WIDTH + GAP) + (WIDTH - width) / 2
            axes = panels.add(
                plane,
                int(scene.peak[plane.normal]),
                (left, top - height, width, height),
                grey=scene.reconstruction if column == 1 else scene.image,
                heat=column == 2,
            )
            panels.mark_sides(axes, plane)
            if column == 0:
                panels.mark_peak(axes, plane)
            if column == 0 and plane is PLANES[0]:
                panels.mark_scale(axes, plane)
        middle = (top - height / 2) / high
        where = position(scene.affine, plane, scene.peak)
        upright: dict[str, Any] = {"rotation": 90, "ha": "center", "va": "center"}
        figure.text(0.24 / wide, middle, plane.name, color=INK, fontsize=12, **upright)
        figure.text(0.47 / wide, middle, where, color=FAINT, fontsize=9, **upright)
        top -= height + GAP


def _thumbnail(panels: Panels, across: float) -> tuple[float, float]:
    """Width and height in inches of an axial slice in the strip."""
    width, height = panels.size(PLANES[0])
    inches = (across - (LEVELS - 1) * GAP) / LEVELS
    return inches, inches * height / width


def _levels(scene: Scene) -> list[int]:
    """Axial slices evenly spread over the organ, its very ends left out, from below to above."""
    low, high = scene.levels
    return [round(low + (high - low) * (step + 0.7) / (LEVELS + 0.4)) for step in range(LEVELS)]


def _draw_strip(panels: Panels, thumb: tuple[float, float], across: float) -> None:
    figure = panels.figure
    wide, high = figure.get_size_inches()
    for step, level in enumerate(_levels(panels.scene)):
        left = LEFT + step * (thumb[0] + GAP)
        axes = panels.add(
            PLANES[0], level, (left, BOTTOM, *thumb), grey=panels.scene.image, heat=True
        )
        where = position(panels.scene.affine, PLANES[0], np.array([0, 0, level]))
        short = where.replace("superior", "S").replace("inferior", "I")
        panels.mark_level(axes, short)
    words = "Anomaly map, axial slices from below to above"
    above = (BOTTOM + thumb[1] + 0.1) / high
    figure.text(LEFT / wide, above, words, color=INK, fontsize=10, va="bottom")


def _draw_words(figure: Figure, title: str, footer: str) -> None:
    wide, high = figure.get_size_inches()
    left = LEFT / wide
    small: dict[str, Any] = {"fontsize": 9, "va": "center"}
    as_is: dict[str, Any] = {"parse_math": False}  # a file name may hold dollar signs
    large: dict[str, Any] = {"fontsize": 15, "weight": "bold", "va": "center"}
    figure.text(left, 1 - 0.3 / high, _fit(title, TITLE_LETTERS), color=INK, **large, **as_is)
    convention = "Radiological convention: the patient's left is on the viewer's right"
    figure.text(left, 1 - 0.57 / high, convention, color=FAINT, **small)
    for column, words in enumerate(COLUMNS):
        centre = (LEFT + column * (WIDTH + GAP) + WIDTH / 2) / wide
        top = 1 - (TOP - 0.15) / high
        figure.text(centre, top, words, color=INK, fontsize=11, ha="center", va="center")
    figure.text(left, 0.44 / high, _fit(footer, FOOTER_LETTERS), color=FAINT, **small, **as_is)
    figure.text(left, 0.22 / high, DISCLAIMER, color=INK, **small)


def _fit(words: str, letters: int) -> str:
    """The words, or as much of their end as fits: the end of a path tells most."""
    return words if len(words) <= letters else "…" + words[1 - letters :]
