"""The field in which a mask network is shown a head, the same for every scan.

Its instance norms take in the air around a head, so they make another one of it in a larger or
smaller field.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from monai_anogan.transforms.connected import largest_part

__all__ = ["FIELD", "in_field"]

FIELD = (96, 128, 128)  # voxels of 2 mm, as large as in training
HEAD = 0.2  # grey of the scaled head that is no noise
ABOVE = 8  # voxels of air over its top


def in_field(image: np.ndarray) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """The part of a volume that a network is shown, and where it lies in its field.

    From over the head's top downwards, the head in the middle.

    Args:
        image: the scaled head, (D, H, W) in RAS.
    """
    head = ndimage.find_objects(largest_part(image > HEAD).astype(np.uint8))
    box = head[0] if head else tuple(slice(0, n) for n in image.shape)
    start = [(s.start + s.stop - n) // 2 for s, n in zip(box, FIELD, strict=True)]
    start[2] = box[2].stop + ABOVE - FIELD[2]
    seen, there = [], []
    for first, wide, size in zip(start, FIELD, image.shape, strict=True):
        low, high = max(first, 0), min(first + wide, size)
        seen.append(slice(low, high))
        there.append(slice(low - first, high - first))
    return tuple(seen), tuple(there)
