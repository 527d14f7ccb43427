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


def save_small(figure: Figure, path: Path, largest: int = LARGEST) -> Path:
    """Write a figure with as many colours as `largest` bytes allow; returns the path."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=90)
    image = Image.open(drawn).convert("RGB")
    for colours in COLOURS:
        packed = io.BytesIO()
        reduced = image.quantize(colours, dither=Image.Dither.NONE)
        reduced.save(packed, format="PNG", optimize=True)
        if packed.tell() <= largest:
            break
    path.write_bytes(packed.getvalue())
    return path
