"""A set of small pictures in Fashion-MNIST's files: of each class its own bright bar."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np

__all__ = ["write_idx", "write_pictures"]


def write_idx(path: Path, values: np.ndarray) -> None:
    """An IDX file of unsigned bytes."""
    header = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
    path.write_bytes(gzip.compress(header + values.astype(np.uint8).tobytes(), mtime=0))


def write_pictures(folder: Path, *, train: int = 300, test: int = 120, seed: int = 0) -> Path:
    """Both files of both parts; the picture of class k has its bar in rows 2 k + 4 and 2 k + 5."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    for name, count in (("train", train), ("t10k", test)):
        labels = np.arange(count) % 10
        images = rng.integers(0, 60, (count, 28, 28))
        for image, label in zip(images, labels, strict=True):
            image[4 + 2 * label : 6 + 2 * label, 4:24] = rng.integers(180, 256, (2, 20))
        write_idx(folder / f"{name}-images-idx3-ubyte.gz", images)
        write_idx(folder / f"{name}-labels-idx1-ubyte.gz", labels)
    return folder
