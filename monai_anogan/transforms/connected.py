"""Connected parts of a mask."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

__all__ = ["largest_part", "without_appendages"]

_FACES = ndimage.generate_binary_structure(3, 1)


def largest_part(mask: np.ndarray) -> np.ndarray:
    """The largest connected part of a mask, (D, H, W) bool; an empty mask stays empty."""
    labels, count = ndimage.label(mask)
    return labels == np.bincount(labels.flat)[1:].argmax() + 1 if count else labels > 0


def without_appendages(mask: np.ndarray, neck: int, stump: int) -> np.ndarray:
    """A mask, (D, H, W) bool, without what hangs on its largest part by a thin neck alone.

    Opened, the largest part of it taken, and grown again within the mask.

    Args:
        mask: the organ and what may hang on it.
        neck: radius in voxels of the widest neck that is cut (octahedron).
        stump: voxels that grow again, so that thin ends of the organ itself stay.
    """
    ball = ndimage.iterate_structure(_FACES, neck)
    core = largest_part(ndimage.binary_opening(mask, ball))
    return ndimage.binary_dilation(core, _FACES, iterations=stump, mask=mask)
