"""Still pictures for a report: a plane of the scan beside the same plane with the map over it."""

from __future__ import annotations

import base64
from dataclasses import replace
from io import BytesIO

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from monai_anogan.reports.panels import BACKGROUND, Panels
from monai_anogan.reports.planes import PLANES, Plane, position
from monai_anogan.reports.scene import Scene
from monai_anogan.reports.shade import Shade

__all__ = ["strips"]

HIGH, GAP = 2.1, 0.05  # of a picture and between two, in inches
DPI = 110


def strips(scene: Scene, shade: Shade, place: NDArray[np.intp]) -> list[tuple[str, str]]:
    """The three planes through a place: without and with the map.

    Args:
        scene: the case in RAS.
        shade: how its map becomes colours.
        place: (3,) voxel of the scene.

    Returns:
        For each plane its caption and a PNG in base64.
    """
    at = replace(scene, peak=place)
    captions = [f"{p.name}, {position(scene.affine, p, place)}" for p in PLANES]
    return [(c, _strip(at, shade, plane)) for c, plane in zip(captions, PLANES, strict=True)]


def _strip(scene: Scene, shade: Shade, plane: Plane) -> str:
    figure = Figure(dpi=DPI, facecolor=BACKGROUND)
    panels = Panels(figure, scene, shade)
    width, height = panels.size(plane)
    wide = HIGH * width / height
    figure.set_size_inches(2 * wide + GAP, HIGH)
    index = int(scene.peak[plane.normal])
    for column in range(2):
        box = (column * (wide + GAP), 0.0, wide, HIGH)
        axes = panels.add(plane, index, box, grey=scene.image, heat=column == 1)
        axes.set(xlim=(0, width), ylim=(0, height))
        if column == 0:
            panels.mark_sides(axes, plane)
            panels.mark_peak(axes, plane)
        else:
            panels.mark_outline(axes, plane, index)
            axes.set(xlim=(0, width), ylim=(0, height))
    buffer = BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)
    return base64.b64encode(buffer.getvalue()).decode("ascii")
