"""Connected parts of a mask."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

__all__ = ["largest_part"]


def largest_part(mask: np.ndarray) -> np.ndarray:
    """The largest connected part of a mask, (D, H, W) bool; an empty mask stays empty."""
    labels, count = ndimage.label(mask)
    return labels == np.bincount(labels.flat)[1:].argmax() + 1 if count else labels > 0
