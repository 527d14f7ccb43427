"""Continue a volume smoothly into its holes: the solution of Laplace's equation there.

The membrane of Pérez, Gangnet and Blake 2003, "Poisson image editing", section 2. By itself it is
the plainest fill of a hole; laid through the differences at the rim of a patch it is their seamless
cloning, which Yeh et al. 2016 (arXiv 1607.07539) use after inpainting.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import cg

__all__ = ["harmonic_fill"]

TOLERANCE = 1e-6


def harmonic_fill(
    volume: NDArray[np.floating],
    hole: NDArray[np.bool_],
    *,
    known: NDArray[np.bool_] | None = None,
    spacing: Sequence[float] = (1.0, 1.0, 1.0),
) -> NDArray[np.floating]:
    """Fill a hole so that every voxel in it is the mean of its neighbours.

    Args:
        volume: (I, J, K); what it holds in the hole is not looked at, and may be anything.
        hole: (I, J, K), what to fill.
        known: (I, J, K), voxels whose values count; by default all outside the hole. Across other
            neighbours, and the border of the volume, nothing flows.
        spacing: of the voxels along i, j, k; a neighbour counts by its distance^-2.

    Returns:
        A copy with the hole filled; all other voxels are as they were. A part of the hole that
        touches no known voxel gets the mean of all known ones.

    Raises:
        ValueError: Nothing is known.
    """
    counts = ~hole if known is None else known & ~hole
    if not counts.any():
        raise ValueError("a hole must have something known around it, got nothing")
    inside = np.flatnonzero(np.pad(hole, 1))  # padded, so that every neighbour has an address
    flat, filled = np.pad(volume, 1).ravel().astype(np.float64), volume.copy()
    mean = float(volume[counts].mean(dtype=np.float64))
    matrix, right = _equations(inside, flat, np.pad(counts, 1), spacing)
    precondition = sparse.diags(1 / matrix.diagonal())
    start = np.full(len(inside), mean)
    values, unsolved = cg(matrix, right, x0=start, rtol=TOLERANCE, M=precondition)
    assert unsolved == 0, "a positive definite system is always solved"
    filled[hole] = values
    return filled


def _equations(
    inside: NDArray[np.intp],
    flat: NDArray[np.float64],
    counts: NDArray[np.bool_],
    spacing: Sequence[float],
) -> tuple[sparse.csr_matrix, NDArray[np.float64]]:
    """One equation a voxel of the hole: its weighted differences to its neighbours add up to 0."""
    number = np.full(flat.size, -1)
    number[inside] = np.arange(len(inside))
    diagonal, right, entries = np.zeros(len(inside)), np.zeros(len(inside)), []
    strides = (counts.shape[1] * counts.shape[2], counts.shape[2], 1)
    for stride, size in zip(strides, spacing, strict=True):
        for step in (-stride, stride):
            beside, weight = inside + step, 1 / size**2
            unknown, given = number[beside] >= 0, counts.ravel()[beside]
            diagonal += weight * (unknown | given)
            right[given] += weight * flat[beside[given]]
            rows = np.flatnonzero(unknown)
            entries.append((np.full(len(rows), -weight), rows, number[beside[unknown]]))
    values, rows, columns = (np.concatenate(part) for part in zip(*entries, strict=True))
    lonely = diagonal == 0
    diagonal[lonely] = 1
    right[lonely] = flat[counts.ravel()].mean()
    off = sparse.coo_matrix((values, (rows, columns)), shape=(len(inside),) * 2)
    return (off + sparse.diags(diagonal)).tocsr(), right
