"""Figures as PNG files that are small enough to be kept beside the text."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["save_small"]

LARGEST = 60_000  # bytes
COLOURS = (128, 64, 32, 16)


def save_small(figure: Figure, path: Path) -> Path:
    """Write a figure with as many colours as `LARGEST` bytes allow; returns the path."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=90)
    image = Image.open(drawn).convert("RGB")
    for colours in COLOURS:
        packed = io.BytesIO()
        reduced = image.quantize(colours, dither=Image.Dither.NONE)
        reduced.save(packed, format="PNG", optimize=True)
        if packed.tell() <= LARGEST:
            break
    path.write_bytes(packed.getvalue())
    return path
