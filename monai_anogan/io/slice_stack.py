"""Slice stacks: planes put in order along their normal, and what keeps them from being a volume."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monai_anogan.io.image_plane import ImagePlane

__all__ = ["SliceStack", "find_stack_problem", "stack_planes"]

MIN_SLICES = 4
_SAME_POSITION_MM = 1e-3
_DIRECTION_TOLERANCE = 1e-3  # headers round direction cosines to 4 digits at worst
_TILT_TOLERANCE = 2e-3  # sideways drift per mm; a real tilt of half a degree is 9e-3
_SPACING_TOLERANCE = 0.05  # of the spacing: rounded positions pass, a missing slice never does
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class SliceStack:
    """Planes in slice order and the grid they form."""

    planes: tuple[ImagePlane, ...]  # k = 0..K-1, ascending along (row direction x column direction)
    shape: tuple[int, int, int]  # I (columns), J (rows), K (slices)
    affine: NDArray[np.float64]  # (4, 4) voxel (i, j, k) -> RAS mm

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Voxel size along i, j, k in mm."""
        i, j, k = (float(v) for v in np.linalg.norm(self.affine[:3, :3], axis=0))
        return i, j, k


def stack_planes(planes: Sequence[ImagePlane]) -> SliceStack:
    """Orders planes without a problem (see `find_stack_problem`) and computes their affine.

    The slice step is (last - first) / (K - 1), so both ends lie exactly where their headers say.
    """
    ordered = _ordered(planes)
    first, last = ordered[0], ordered[-1]
    row, column = np.asarray(first.orientation).reshape(2, 3)
    lps = np.eye(4)
    lps[:3, 0] = row * first.pixel_spacing[1]
    lps[:3, 1] = column * first.pixel_spacing[0]
    lps[:3, 2] = np.subtract(last.position, first.position) / (len(ordered) - 1)
    lps[:3, 3] = first.position
    shape = (first.size[1], first.size[0], len(ordered))
    return SliceStack(tuple(ordered), shape, _LPS_TO_RAS @ lps)


def find_stack_problem(planes: Sequence[ImagePlane]) -> str | None:
    """One clause that says why the planes form no regular grid; None when they do."""
    checks = (_too_few, _mixed_sizes, _mixed_directions, _duplicates, _tilt, _gaps, _uneven)
    return next((problem for check in checks if (problem := check(planes))), None)


def _normal(plane: ImagePlane) -> NDArray[np.float64]:
    row, column = np.asarray(plane.orientation).reshape(2, 3)
    return np.cross(row, column)


def _heights(planes: Sequence[ImagePlane]) -> NDArray[np.float64]:
    """Position of each plane along the common normal, mm."""
    return np.array([p.position for p in planes]) @ _normal(planes[0])


def _ordered(planes: Sequence[ImagePlane]) -> list[ImagePlane]:
    return [planes[i] for i in np.argsort(_heights(planes), kind="stable")]


def _too_few(planes: Sequence[ImagePlane]) -> str | None:
    if len(planes) >= MIN_SLICES:
        return None
    plural = "slice" if len(planes) == 1 else "slices"
    return f"not a volume: {len(planes)} {plural}, at least {MIN_SLICES} needed"


def _mixed_sizes(planes: Sequence[ImagePlane]) -> str | None:
    grids = [(*p.size, *np.round(p.pixel_spacing, 4)) for p in planes]
    usual = Counter(grids).most_common(1)[0][0]
    odd = next((p for p, grid in zip(planes, grids, strict=True) if grid != usual), None)
    if odd is None:
        return None
    rows, columns = odd.size
    height, width = odd.pixel_spacing
    return (
        f"slices of different size: {_name(odd)} has {rows} rows of {height:g} mm and "
        f"{columns} columns of {width:g} mm, unlike the others"
    )


def _mixed_directions(planes: Sequence[ImagePlane]) -> str | None:
    directions = np.array([p.orientation for p in planes]).reshape(-1, 2, 3)
    skew = np.abs(directions @ directions.transpose(0, 2, 1) - np.eye(2)).max(axis=(1, 2))
    if skew.max() > _DIRECTION_TOLERANCE:
        name = planes[int(skew.argmax())].path.name
        return f"an orientation that is no pair of perpendicular unit vectors, in {name}"
    usual = np.median(directions, axis=0)
    off = np.abs(directions - usual).max(axis=(1, 2))
    if off.max() <= _DIRECTION_TOLERANCE:
        return None
    name = planes[int(off.argmax())].path.name
    return f"slices of different orientation (first seen at {name}), as in a localizer"


def _duplicates(planes: Sequence[ImagePlane]) -> str | None:
    ordered = _ordered(planes)
    heights = _heights(ordered)
    pairs = np.flatnonzero(np.diff(heights) < _SAME_POSITION_MM)
    if not pairs.size:
        return None
    one, two = ordered[pairs[0]], ordered[pairs[0] + 1]
    return (
        f"{len(pairs)} of {len(ordered)} images at a position already taken ({_name(one)} and "
        f"{_name(two)} at {heights[pairs[0]]:.2f} mm), {_difference(one, two, ordered)}"
    )


def _difference(one: ImagePlane, two: ImagePlane, planes: Sequence[ImagePlane]) -> str:
    if one.sop_uid == two.sop_uid and one.frame == two.frame:
        return "copies of the same image"
    for words, value in one.variant:
        if dict(two.variant).get(words, value) != value:
            values = dict.fromkeys(dict(p.variant).get(words, "none") for p in planes)
            return f"mixed by {words}: {', '.join(itertools.islice(values, 4))}"
    return "which nothing in their headers tells apart"


def _tilt(planes: Sequence[ImagePlane]) -> str | None:
    ordered = _ordered(planes)
    normal = _normal(ordered[0])
    offsets = np.array([p.position for p in ordered]) - np.asarray(ordered[0].position)
    heights = offsets @ normal
    sideways = np.linalg.norm(offsets - heights[:, None] * normal, axis=1)
    allowed = _TILT_TOLERANCE * heights + 0.01  # 0.01 mm: the rounding of positions
    if (sideways <= allowed).all():
        return None
    degrees = np.degrees(np.arctan2(sideways[-1], heights[-1]))
    worst = ordered[int((sideways - allowed).argmax())]
    return (
        f"slices shifted sideways ({sideways.max():.1f} mm at {_name(worst)}), "
        f"as by a gantry tilt of {degrees:.1f} degrees"
    )


def _gaps(planes: Sequence[ImagePlane]) -> str | None:
    ordered = _ordered(planes)
    heights = _heights(ordered)
    steps = np.diff(heights)
    wide = np.flatnonzero(steps > 1.5 * np.median(steps))
    if not wide.size:
        return None
    places = [f"{heights[i]:.2f} and {heights[i + 1]:.2f} mm" for i in wide]
    files = f"{_name(ordered[wide[0]])}, {_name(ordered[wide[0] + 1])}"
    more = f" and at {len(places) - 3} more places" if len(places) > 3 else ""
    return f"slices missing between {', between '.join(places[:3])}{more} ({files})"


def _uneven(planes: Sequence[ImagePlane]) -> str | None:
    ordered = _ordered(planes)
    heights = _heights(ordered)
    steps = np.diff(heights)
    even = np.linspace(heights[0], heights[-1], len(heights))
    off = np.abs(heights - even)
    if off.max() <= _SPACING_TOLERANCE * steps.mean():
        return None
    k = int(off.argmax())
    return (
        f"uneven slice spacing, {steps.min():.3f} to {steps.max():.3f} mm "
        f"(most off at {heights[k]:.2f} mm, {_name(ordered[k])})"
    )


def _name(plane: ImagePlane) -> str:
    return f"{plane.path.name} frame {plane.frame + 1}" if plane.frame else plane.path.name
