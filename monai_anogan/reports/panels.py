"""The parts a figure of a case is made of, each placed in inches and drawn in millimetres."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from monai_anogan.reports.planes import Plane, cut
from monai_anogan.reports.scene import Scene
from monai_anogan.reports.shade import Shade

__all__ = ["BACKGROUND", "COLOURS", "FAINT", "INK", "ColourBar", "Panels"]

BACKGROUND, INK, FAINT, ACCENT = "#000000", "#f2f2ef", "#a3a8b1", "#74d0dc"
COLOURS = mpl.colormaps["inferno"]  # perceptually uniform; reads in black and white too
CROSSHAIR_GAP_MM = 14.0
SCALE_BAR_MM = 50.0


class Panels:
    """Draws panels of one scene into one figure.

    Args:
        figure: what is drawn into.
        scene: the case.
        shade: how its map becomes colours.
    """

    def __init__(self, figure: Figure, scene: Scene, shade: Shade) -> None:
        self.figure, self.scene, self.shade = figure, scene, shade

    def size(self, plane: Plane) -> tuple[float, float]:
        """Width and height of a slice in mm."""
        extent = np.array(self.scene.image.shape) * self.scene.spacing
        return float(extent[plane.across]), float(extent[plane.up])

    def add(
        self,
        plane: Plane,
        index: int,
        box: tuple[float, float, float, float],
        *,
        grey: NDArray[np.float32],
        heat: bool = False,
    ) -> Axes:
        """Draw one slice, with the map over it where `heat` is set.

        Args:
            plane: which way the volume is cut.
            index: the slice.
            box: left, bottom, width and height in inches; in the shape of the slice.
            grey: the volume shown in grey.
            heat: whether the anomaly map lies over it.
        """
        wide, high = self.figure.get_size_inches()
        axes = self.figure.add_axes(
            (box[0] / wide, box[1] / high, box[2] / wide, box[3] / high), facecolor=BACKGROUND
        )
        axes.set_axis_off()
        width, height = self.size(plane)
        placed: dict[str, Any] = {
            "extent": (0, width, 0, height),
            "aspect": "auto",
            "interpolation": "bilinear",
        }
        low, top = self.scene.window
        axes.imshow(cut(grey, plane, index), cmap="gray", vmin=low, vmax=top, **placed)
        if heat:
            score = cut(self.scene.anomaly_map, plane, index)
            start, full = self.shade.visible
            alpha = np.clip((score - start) / (full - start), 0, 1) * 0.92
            axes.imshow(score, cmap=COLOURS, vmin=0, vmax=self.shade.vmax, alpha=alpha, **placed)
        return axes

    def mark_outline(self, axes: Axes, plane: Plane, index: int) -> None:
        """Draw where the map crosses its threshold: seen in black and white, too."""
        score, level = cut(self.scene.anomaly_map, plane, index), self.shade.threshold
        if level is None or score.max() < level:
            return
        width, height = self.size(plane)
        rows, columns = score.shape
        x = (np.arange(columns) + 0.5) * width / columns
        y = height - (np.arange(rows) + 0.5) * height / rows
        for colour, thick in ((BACKGROUND, 2.4), (INK, 1.0)):
            axes.contour(x, y, score, levels=[level], colors=[colour], linewidths=thick)

    def mark_sides(self, axes: Axes, plane: Plane) -> None:
        """Write on the edges of a panel where the patient's sides are."""
        places = (
            (0.02, 0.5, "left", "center"),
            (0.98, 0.5, "right", "center"),
            (0.5, 0.985, "center", "top"),
            (0.5, 0.015, "center", "bottom"),
        )
        for letter, (x, y, ha, va) in zip(plane.marks, places, strict=True):
            axes.text(
                x, y, letter, ha=ha, va=va, transform=axes.transAxes, color=ACCENT, fontsize=10,
                weight="bold", path_effects=[withStroke(linewidth=2.5, foreground=BACKGROUND)],
            )  # fmt: skip

    def mark_peak(self, axes: Axes, plane: Plane) -> None:
        """Point at the most abnormal location with a crosshair that leaves it open."""
        width, height = self.size(plane)
        steps = self.scene.spacing * (self.scene.peak + 0.5)
        x, y = width - steps[plane.across], steps[plane.up]
        line: dict[str, Any] = {"color": ACCENT, "linewidth": 0.8, "alpha": 0.6}
        for start, stop in ((0.0, x - CROSSHAIR_GAP_MM), (x + CROSSHAIR_GAP_MM, width)):
            if stop > start:
                axes.plot((start, stop), (y, y), **line)
        for start, stop in ((0.0, y - CROSSHAIR_GAP_MM), (y + CROSSHAIR_GAP_MM, height)):
            if stop > start:
                axes.plot((x, x), (start, stop), **line)

    def mark_level(self, axes: Axes, words: str) -> None:
        """Write into the upper left corner where a slice lies."""
        axes.text(
            0.03, 0.98, words, va="top", transform=axes.transAxes, color=INK, fontsize=8,
            path_effects=[withStroke(linewidth=2.5, foreground=BACKGROUND)],
        )  # fmt: skip

    def mark_scale(self, axes: Axes, plane: Plane) -> None:
        """Lay a bar of known length into the lower left corner."""
        width, height = self.size(plane)
        x, y = 0.03 * width, 0.035 * height
        axes.plot((x, x + SCALE_BAR_MM), (y, y), color=INK, linewidth=2, solid_capstyle="butt")
        axes.text(x, y + 0.02 * height, f"{SCALE_BAR_MM:g} mm", color=INK, fontsize=8, va="bottom")


class ColourBar:
    """The scale of the anomaly map, from zero to its `vmax`; scores above look like `vmax`."""

    def __init__(self, shade: Shade) -> None:
        self.shade = shade
        self.mappable = ScalarMappable(Normalize(0, shade.vmax), COLOURS)

    def add(self, figure: Figure, box: tuple[float, float, float, float]) -> None:
        """Draw it at left, bottom, width and height in inches."""
        wide, high = figure.get_size_inches()
        axes = figure.add_axes((box[0] / wide, box[1] / high, box[2] / wide, box[3] / high))
        bar = figure.colorbar(self.mappable, cax=axes, extend="max", extendfrac=0.03)
        bar.set_label(self.shade.unit, color=INK, fontsize=10, labelpad=8)
        bar.outline.set_edgecolor(FAINT)
        axes.tick_params(colors=INK, labelsize=9)
        if self.shade.threshold is not None:
            axes.axhline(self.shade.threshold, color=INK, linewidth=1.5)
