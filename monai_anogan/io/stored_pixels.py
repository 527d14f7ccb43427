"""Stored pixels: how a file keeps its values, and whether they are all there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from monai_anogan.io.dicom_file import PixelElement
from monai_anogan.io.refusal import COPY_AGAIN, Refusal

__all__ = ["StoredPixels", "find_pixel_problem", "stored_pixels"]

_LARGEST_PLANE = 8192 * 8192  # pixels; no scanner makes larger slices
_LARGEST_RATIO = 1000  # of compression: a black slice compresses well, a lie better
_ALWAYS_FINE = 1 << 26  # bytes


@dataclass(frozen=True)
class StoredPixels:
    """The layout of one file's pixel data (PS3.5 section 8)."""

    shape: tuple[int, int, int]  # frames, rows, columns
    order: str  # of bytes: "<" little endian, ">" big
    kind: str  # "i" signed, "u" unsigned
    bits: int  # allocated to each value
    unused_bits: int  # at the top of each value: they may hold anything (PS3.5 8.1.1)
    element: PixelElement | None  # None: no pixel data

    @property
    def dtype(self) -> str:
        """Of a stored value: "<i2"."""
        return f"{self.order}{self.kind}{self.bits // 8}"

    @property
    def size(self) -> int:
        """Bytes of all frames, not compressed."""
        return math.prod(self.shape) * self.bits // 8

    @property
    def is_plain(self) -> bool:
        """True when the values lie in the file as they are.

        Big-endian bytes may have been swapped in pairs (PS3.5 8.1.1), which pydicom knows about.
        """
        plain = self.element is not None and min(self.element.offset, self.element.length) >= 0
        return plain and (self.order == "<" or self.bits == 16)


def stored_pixels(
    fields: Mapping[Any, Any], element: PixelElement | None, *, big_endian: bool
) -> StoredPixels:
    """Reads the layout from the elements of the Image Pixel module (PS3.3 C.7.6.3).

    Raises:
        ValueError, TypeError: an element is no number, or no number of that kind.
    """
    allocated = int(fields.get("BitsAllocated") or 16)
    stored = int(fields.get("BitsStored") or allocated)
    at_the_bottom = int(fields.get("HighBit") or stored - 1) == stored - 1
    frames, rows, columns = (
        int(fields.get(name) or usual)
        for name, usual in (("NumberOfFrames", 1), ("Rows", 0), ("Columns", 0))
    )
    return StoredPixels(
        shape=(frames, rows, columns),
        order=">" if big_endian else "<",
        kind="i" if fields.get("PixelRepresentation") else "u",
        bits=allocated,
        unused_bits=allocated - stored if 0 < stored <= allocated and at_the_bottom else 0,
        element=element,
    )


def find_pixel_problem(stored: StoredPixels) -> Refusal | None:
    """What keeps the pixels from being read, as far as the header can tell."""
    element, (frames, rows, columns) = stored.element, stored.shape
    if element is None:
        return Refusal("no pixel data", COPY_AGAIN)
    if stored.bits not in (8, 16, 32):
        return Refusal(f"{stored.bits} bits allocated to a pixel, not 8, 16 or 32", COPY_AGAIN)
    if rows * columns > _LARGEST_PLANE:
        return Refusal(f"slices of {rows} x {columns} pixels", COPY_AGAIN)
    if element.offset < 0:
        return None
    if element.length < 0 and (element.is_cut or element.fragments < frames):
        whole = f"{element.fragments} whole fragments of {frames} frames"
        return Refusal(f"truncated pixel data ({whole})", COPY_AGAIN)
    there = element.available if element.length < 0 else min(element.available, element.length)
    if element.length >= 0 and there < stored.size:
        return Refusal(f"truncated pixel data ({there} of {stored.size} bytes)", COPY_AGAIN)
    if stored.size > _LARGEST_RATIO * there + _ALWAYS_FINE:
        return Refusal(f"{stored.size} bytes of pixels stated in {there} bytes", COPY_AGAIN)
    return None
