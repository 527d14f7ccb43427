"""Images and labels in the IDX format of MNIST and Fashion-MNIST (LeCun, Cortes, Burges 1998)."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monai_anogan.errors import InputError

__all__ = ["read_idx"]

UNSIGNED_BYTES = 8  # the only type that these data sets use


def read_idx(path: str | Path) -> NDArray[np.uint8]:
    """An array of unsigned bytes from a gzipped IDX file.

    Args:
        path: the file.

    Raises:
        InputError: It is missing, or is no such file, or is cut short.
    """
    place = Path(path)
    if not place.is_file():
        raise InputError(f"the images must be there, {place} is not; see anogan compare --help")
    try:
        content = gzip.decompress(place.read_bytes())
        zero, kind, dimensions = struct.unpack(">HBB", content[:4])
        shape = struct.unpack(f">{dimensions}I", content[4 : 4 + 4 * dimensions])
    except (OSError, EOFError, struct.error) as error:
        raise InputError(f"{place} must be a gzipped IDX file, got: {error}") from error
    body = np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions)
    if zero or kind != UNSIGNED_BYTES or body.size != np.prod(shape):
        raise InputError(f"{place} must be a whole IDX file of unsigned bytes, got another one")
    return body.reshape(shape)
