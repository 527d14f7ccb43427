"""Values in scanner units turned back into what a file stores."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["to_stored"]


def to_stored(
    values: NDArray[np.floating],
    slope: float,
    intercept: float,
    dtype: DTypeLike,
    bits: int | None = None,
) -> NDArray[Any]:
    """The stored value nearest to each value, where value = stored * slope + intercept.

    Args:
        values: in scanner units, any shape.
        slope: of the file, not 0.
        intercept: of the file.
        dtype: of the stored values; integers are rounded, and kept within their range.
        bits: that an integer may use; by default all.
    """
    kind = np.dtype(dtype)
    stored = (values.astype(np.float64) - intercept) / slope
    if kind.kind == "f":
        return stored.astype(kind)
    used = 8 * kind.itemsize if bits is None else bits
    low, high = (-(2 ** (used - 1)), 2 ** (used - 1) - 1) if kind.kind == "i" else (0, 2**used - 1)
    return np.clip(np.rint(stored), low, high).astype(kind)
