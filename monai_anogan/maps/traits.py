"""How each measure of an appearance is told to a person, and how little it is allowed to vary.

The floors are the spreads over healthy adults of one scanner, rounded: a handful of scans that
happen to be alike must not make the next one look strange.
"""

from __future__ import annotations

from dataclasses import dataclass

from monai_anogan.maps.appearance import DECILES

__all__ = ["CONTRAST", "PART", "TRAITS", "Trait"]


@dataclass(frozen=True)
class Trait:
    """How a measure is told, and the least spread it is given."""

    kind: str
    words: str
    floor: float
    form: str
    hint: str
    refuses: bool = True  # far off, it is refused; else only warned about
    low: bool = True  # too small counts too


CONTRAST, NOISE = "another sequence or contrast?", "another resolution, or more noise?"
LOUD = "another scanner, or a very large lesion?"
BLUR = "blurred, sharpened, or noisier?"
TURNED, PART = "another organ, or turned?", "another organ, or part of one?"
TRAITS = {
    "voxel": Trait("voxel", "longest voxel side", 0.5, "{:.1f} mm", "thick slices?", low=False),
    "volume": Trait("size", "organ volume", 100, "{:.0f} ml", PART),
    "width": Trait("size", "organ width", 5, "{:.0f} mm", TURNED),
    "length": Trait("size", "organ length", 8, "{:.0f} mm", TURNED),
    "height": Trait("size", "organ height", 6, "{:.0f} mm", PART),
    "share": Trait(
        "share", "organ's share of the scan", 0.04, "{:.2f}", "skull-stripped?", refuses=False
    ),
    "inside": Trait("contrast", "grey inside less grey at the rim", 0.04, "{:.2f}", CONTRAST),
    "residual": Trait("residual", "residual of healthy patches", 0.015, "{:.3f}", CONTRAST),
    "raw": Trait(
        "raw", "background of the raw map", 0.0015, "{:.3f}", LOUD, refuses=False, low=False
    ),
    **{
        f"grey{p}": Trait("grey", f"{p}th percentile of grey", 0.05, "{:.2f}", CONTRAST)
        for p in DECILES
    },
    **{
        f"detail_{a}": Trait("detail", f"steps of grey along {a}", 0.01, "{:.3f}", NOISE)
        for a in "xyz"
    },
    "sharpness": Trait("detail", "sharpness", 0.013, "{:.3f}", BLUR, refuses=False),
}
