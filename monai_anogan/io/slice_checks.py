"""Slice checks: what keeps planes from being a volume, each named with its place and its cure."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from monai_anogan.io.image_plane import ImagePlane
from monai_anogan.io.refusal import EXPORT_AGAIN, Refusal
from monai_anogan.io.slice_stack import normal_of, plane_heights, plane_order

__all__ = ["MIN_SLICES", "find_stack_refusal"]

MIN_SLICES = 4
MAX_VOXELS = 1 << 31  # 8 GiB as float32
_SAME_POSITION_MM = 1e-3
_DIRECTION_TOLERANCE = 1e-3  # headers round direction cosines to 4 digits at worst
_TILT_TOLERANCE = 2e-3  # sideways drift per mm; a real tilt of half a degree is 9e-3
_SPACING_TOLERANCE = 0.05  # of the spacing: rounded positions pass, a missing slice never does
_UNTILT = "resample it to upright slices first (dcm2niix does) and give the NIfTI file"


def find_stack_refusal(planes: Sequence[ImagePlane]) -> Refusal | None:
    """Why the planes form no regular grid; None when they do."""
    for check, cure in _CHECKS.items():
        if problem := check(planes):
            return Refusal(problem, cure)
    return None


def _too_few(planes: Sequence[ImagePlane]) -> str | None:
    if len(planes) >= MIN_SLICES:
        return None
    plural = "slice" if len(planes) == 1 else "slices"
    return f"not a volume: {len(planes)} {plural}, at least {MIN_SLICES} needed"


def _too_many(planes: Sequence[ImagePlane]) -> str | None:
    voxels = sum(rows * columns for rows, columns in (p.size for p in planes))
    return None if voxels <= MAX_VOXELS else f"{voxels} voxels, at most {MAX_VOXELS} can be read"


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
    ordered = plane_order(planes)
    heights = plane_heights(ordered)
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
        return "of one SOP Instance UID but of different content"
    for words, value in one.variant:
        if dict(two.variant).get(words, value) != value:
            values = dict.fromkeys(dict(p.variant).get(words, "none") for p in planes)
            return f"mixed by {words}: {', '.join(itertools.islice(values, 4))}"
    return "which nothing in their headers tells apart"


def _tilt(planes: Sequence[ImagePlane]) -> str | None:
    ordered = plane_order(planes)
    normal = normal_of(ordered[0])
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
    ordered = plane_order(planes)
    heights = plane_heights(ordered)
    steps = np.diff(heights)
    wide = np.flatnonzero(steps > 1.5 * np.median(steps))
    if not wide.size:
        return None
    places = [f"{heights[i]:.2f} and {heights[i + 1]:.2f} mm" for i in wide]
    files = f"{_name(ordered[wide[0]])}, {_name(ordered[wide[0] + 1])}"
    more = f" and at {len(places) - 3} more places" if len(places) > 3 else ""
    return f"slices missing between {', between '.join(places[:3])}{more} ({files})"


def _uneven(planes: Sequence[ImagePlane]) -> str | None:
    ordered = plane_order(planes)
    heights = plane_heights(ordered)
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


# In this order: a check may rely on those before it.
_CHECKS: dict[Callable[[Sequence[ImagePlane]], str | None], str] = {
    _too_few: "give a series of whole slices through the body",
    _too_many: "give a part of it",
    _mixed_sizes: "give a series of slices of one size",
    _mixed_directions: "give a series of slices in one direction",
    _duplicates: "keep one image a position",
    _tilt: _UNTILT,
    _gaps: EXPORT_AGAIN,
    _uneven: "resample it to even slices first and give the NIfTI file",
}
