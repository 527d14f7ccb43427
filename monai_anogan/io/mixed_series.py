"""Mixed series: several volumes under one series UID (echoes, phases, components), told apart."""

from __future__ import annotations

import filecmp
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from monai_anogan.io.dicom_header import DicomHeader
from monai_anogan.io.image_plane import ImagePlane
from monai_anogan.io.slice_checks import MIN_SLICES

__all__ = ["drop_copies", "split_parts"]

_Place = tuple[float, ...]


def drop_copies(headers: Sequence[DicomHeader]) -> list[DicomHeader]:
    """Leaves one of several files that hold the same instance, byte for byte.

    Files of one SOP Instance UID with different content all stay: which is right is not known.
    """
    kept: defaultdict[str, list[DicomHeader]] = defaultdict(list)
    for header in headers:
        same = kept[header.sop_uid]
        if not header.sop_uid or not any(_is_copy(header, other) for other in same):
            same.append(header)
    return [header for same in kept.values() for header in same]


def split_parts(planes: Sequence[ImagePlane]) -> dict[str, list[ImagePlane]]:
    """Splits planes that lie several at a position by what their headers say tells them apart.

    They are split by the first attribute, or pair of attributes, that leaves one plane a position
    and slices enough for a volume in each part, and no more parts than there are planes at the
    fullest position; else they stay together.

    Returns:
        The planes by the name of their part, in the order of its values: {"echo time 20": [...],
        "echo time 80": [...]}; {"": all of them} when there is nothing to split, or no way to.
    """
    most = max(Counter(map(_place, planes)).values(), default=1)
    for words in _candidates(planes) if most > 1 else ():
        parts: defaultdict[tuple[str, ...], list[ImagePlane]] = defaultdict(list)
        for plane in planes:
            variant = dict(plane.variant)
            parts[tuple(variant.get(word, "none") for word in words)].append(plane)
        if len(parts) == most and all(map(_may_be_volume, parts.values())):
            return {_part_name(words, key): parts[key] for key in sorted(parts, key=_by_value)}
    return {"": list(planes)}


def _is_copy(one: DicomHeader, two: DicomHeader) -> bool:
    try:
        return filecmp.cmp(one.path, two.path, shallow=False)
    except OSError:
        return False


def _place(plane: ImagePlane) -> _Place:
    return tuple(round(value, 3) for value in (*plane.position, *plane.orientation))


def _may_be_volume(planes: Sequence[ImagePlane]) -> bool:
    return len(set(map(_place, planes))) == len(planes) >= MIN_SLICES


def _candidates(planes: Sequence[ImagePlane]) -> Iterator[tuple[str, ...]]:
    """Attributes whose values differ between the planes: each alone, then in pairs."""
    words = dict.fromkeys(word for plane in planes for word, _ in plane.variant)
    differing = [
        word for word in words if len({dict(plane.variant).get(word) for plane in planes}) > 1
    ]
    yield from ((word,) for word in differing)
    yield from itertools.combinations(differing, 2)


def _part_name(words: Sequence[str], values: Sequence[str]) -> str:
    return ", ".join(f"{word} {value}" for word, value in zip(words, values, strict=True))


def _by_value(values: tuple[str, ...]) -> list[tuple[bool, float, str]]:
    """Numbers by size, and before words."""
    keys = []
    for value in values:
        try:
            keys.append((False, float(value), value))
        except ValueError:
            keys.append((True, 0.0, value))
    return keys
