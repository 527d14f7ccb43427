"""Overlay images: one slice in grey, the heat map blended over it, a colour bar, and words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

__all__ = ["OverlayStyle", "apply_window", "draw_overlay"]

COLOURS = mpl.colormaps["inferno"]  # perceptually uniform; reads in black and white too
WORDS = "RESEARCH USE ONLY"
SMALLEST = 256  # pixels: smaller slices are enlarged by a whole number
STRONGEST = 0.85  # opacity of the brightest colour: the slice shows through it


@dataclass(frozen=True)
class OverlayStyle:
    """What all slices of a series have in common."""

    window: tuple[float, float]  # centre and width, scanner units
    top: float  # the score that gets the brightest colour
    scale: int  # pixels drawn for one of the slice
    bar: int  # pixels that the colour bar takes on the right


def apply_window(values: NDArray[Any], window: tuple[float, float]) -> NDArray[np.float64]:
    """Grey of each value by the linear VOI function of PS3.3 C.11.2.1.2.1, 0 to 1."""
    centre, width = window
    return np.clip((values - (centre - 0.5)) / max(width - 1, 1e-6) + 0.5, 0, 1)


def draw_overlay(
    values: NDArray[Any], scores: NDArray[Any], style: OverlayStyle
) -> NDArray[np.uint8]:
    """Draws one slice.

    Args:
        values: (rows, columns) of the scan, scanner units.
        scores: (rows, columns) of the map; those of zero leave the grey as it is.
        style: window, colours and size.

    Returns:
        (rows * scale, columns * scale + bar, 3): the slice at the left, each of its pixels a square
        of `scale` x `scale`, and the colour bar at the right.
    """
    grey = apply_window(values, style.window)[..., None]
    share = np.clip(scores / style.top, 0, 1)
    opacity = STRONGEST * share[..., None]
    blended = (1 - opacity) * grey + opacity * COLOURS(share)[..., :3]
    large = np.kron(blended, np.ones((style.scale, style.scale, 1)))
    pixels = np.rint(255 * np.pad(large, ((0, 0), (0, style.bar), (0, 0)))).astype(np.uint8)
    return np.asarray(_annotated(Image.fromarray(pixels), style))


def _annotated(image: Image.Image, style: OverlayStyle) -> Image.Image:
    draw = ImageDraw.Draw(image)
    letters = max(9, style.bar // 5)
    font = ImageFont.load_default(letters)
    margin = letters // 2
    draw.text(
        (margin, image.height - letters - margin),
        WORDS,
        "white",
        font,
        stroke_width=1,
        stroke_fill="black",
    )
    left, top, bottom = image.width - style.bar + margin, 2 * letters, image.height - 2 * letters
    ramp = COLOURS(np.linspace(1, 0, bottom - top))[:, None, :3]
    strip = np.rint(255 * np.repeat(ramp, style.bar // 4, axis=1)).astype(np.uint8)
    image.paste(Image.fromarray(strip), (left, top))
    for height, score in ((top, style.top), (bottom, 0.0)):
        place = (left + style.bar // 4 + margin, height - letters // 2)
        draw.text(place, f"{score:.3g}", "white", font)
    draw.text((left, margin // 2), "score", "white", font)
    return image
