"""How large a residual is usual at a voxel of a healthy scan, learned from healthy scans.

A residual of 0.3 is nothing in a cortical fold and much in deep white matter. So the signed
residual, smoothed at several scales, is compared with what healthy scans show at voxels of the same
surroundings: (residual - mean) / deviation, dark and bright each by its own deviation, then divided
by what is usual at this place of the organ. The largest over the scales is kept: fine scales find
small lesions, coarse ones faint lesions (scale normalisation: Lindeberg 1998).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from monai_anogan.maps.surroundings import relative_places, smooth_inside, surroundings

__all__ = ["UsualResidual"]

Array = NDArray[np.float32]
Scan = tuple[Array, Array, NDArray[np.bool_]]  # image, reconstruction, mask: (D, H, W) each
PRIOR = 50  # voxels that the overall value counts for in each cell of a table
LARGEST = 5.0  # deviations; a healthy scan's own outliers must not hide what is usual
FINE = 2  # so many of the scales are fine; a coarse one needs the support of the last of them
LEEWAY = 2.0


class UsualResidual:
    """An estimator: fitted on healthy scans, it turns residuals into deviations from the usual.

    Fitted values are `edges_`, `mean_`, `dark_`, `bright_` and `places_`; `save` and `load` keep
    them as tensors.

    Args:
        scales: standard deviations in voxels of the Gaussians that smooth the residual, rising.
        bins: cells of the table along each of `surroundings.FEATURES`.
        places: cells along each axis of the organ's box, left to right first (it is mirrored).
    """

    def __init__(
        self,
        scales: Sequence[float] = (0.5, 0.8, 1.2, 2.0, 3.0),
        bins: Sequence[int] = (12, 10, 5, 4),
        places: Sequence[int] = (16, 20, 16),
    ) -> None:
        self.scales, self.bins, self.places = tuple(scales), tuple(bins), tuple(places)
        self.edges_: list[Array] | None = None

    def fit(self, scans: Iterable[Scan]) -> UsualResidual:
        """Learn from healthy scans: image, reconstruction and mask, (D, H, W) in network space.

        Raises:
            ValueError: There is no scan.
        """
        seen = [self._measure(*scan) for scan in scans]
        if not seen:
            raise ValueError("the usual residual must be fitted on one scan or more, got none")
        around = np.concatenate([features for _, features, _ in seen], axis=1)
        residuals = np.concatenate([residual for residual, _, _ in seen], axis=1)
        where = np.concatenate([place for _, _, place in seen], axis=1)
        self.edges_ = [
            np.unique(np.quantile(feature[::37], np.linspace(0, 1, count + 1)[1:-1]))
            for feature, count in zip(around, self.bins, strict=True)
        ]
        cells, size = self._cells(around), int(np.prod([len(e) + 1 for e in self.edges_]))
        self.mean_ = np.stack([_mean(r, cells, size) for r in residuals])
        away = residuals - self.mean_[:, cells]
        self.dark_ = np.stack([_deviation(-a, cells, size) for a in away])
        self.bright_ = np.stack([_deviation(a, cells, size) for a in away])
        self.places_ = np.stack([self._fit_places(d, where) for d in self._deviate(away, cells)])
        return self

    def __call__(self, image: Array, reconstruction: Array, mask: NDArray[np.bool_]) -> Array:
        """How unusual each voxel is, (D, H, W): 0 outside the mask, about 1 is usual.

        Raises:
            ValueError: It was not fitted.
        """
        if self.edges_ is None:
            raise ValueError("the usual residual must be fitted or loaded before it can judge")
        found = np.zeros(mask.shape, dtype=np.float32)
        if mask.any():
            residuals, features, where = self._measure(image, reconstruction, mask)
            cells = self._cells(features)
            deviations = self._deviate(residuals - self.mean_[:, cells], cells)
            local = [_look_up(table, where) for table in self.places_]
            found[mask] = _largest(deviations / np.stack(local))
        return found

    def save(self, path: str | Path) -> None:
        """Write the settings and the fitted values as a flat dict of tensors."""
        torch.save({name: torch.as_tensor(value) for name, value in self._state().items()}, path)

    @classmethod
    def load(cls, path: str | Path) -> UsualResidual:
        """Read what `save` wrote."""
        state = {k: v.numpy() for k, v in torch.load(path, weights_only=True).items()}
        usual = cls(*(tuple(state[name].tolist()) for name in ("scales", "bins", "places")))
        usual.edges_ = [state[f"edges_{i}"] for i in range(len(usual.bins))]
        usual.mean_, usual.dark_, usual.bright_, usual.places_ = (
            state[name] for name in ("mean_", "dark_", "bright_", "places_")
        )
        return usual

    def _state(self) -> dict[str, Any]:
        if self.edges_ is None:
            raise ValueError("the usual residual must be fitted before it is saved")
        edges = {f"edges_{i}": edge for i, edge in enumerate(self.edges_)}
        names = ("scales", "bins", "places", "mean_", "dark_", "bright_", "places_")
        return edges | {name: np.asarray(getattr(self, name)) for name in names}

    def _measure(
        self, image: Array, reconstruction: Array, mask: NDArray[np.bool_]
    ) -> tuple[Array, Array, Array]:
        """Smoothed residuals (S, N), features (4, N) and places (3, N) of the mask's voxels."""
        residual = image - reconstruction
        smooth = np.stack([smooth_inside(residual, mask, scale)[mask] for scale in self.scales])
        return smooth, surroundings(reconstruction, mask), relative_places(mask)

    def _cells(self, features: Array) -> NDArray[np.intp]:
        """The cell of the table that each voxel belongs to, (N,)."""
        assert self.edges_ is not None
        cells = np.zeros(features.shape[1], dtype=np.intp)
        for feature, edges in zip(features, self.edges_, strict=True):
            cells = cells * (len(edges) + 1) + np.digitize(feature, edges)
        return cells

    def _deviate(self, away: Array, cells: NDArray[np.intp]) -> Array:
        return away / np.where(away < 0, self.dark_[:, cells], self.bright_[:, cells])

    def _fit_places(self, deviations: Array, where: Array) -> Array:
        index = np.ravel_multi_index(
            tuple((p * n).astype(int) for p, n in zip(where, self.places, strict=True)),
            self.places,
        )
        size = int(np.prod(self.places))
        squares = np.minimum(deviations**2, LARGEST**2)
        total, count = (
            _both_sides(np.bincount(index, weight, size).reshape(self.places))
            for weight in (squares, None)
        )
        return np.sqrt((total + 2 * PRIOR) / (count + 2 * PRIOR)).astype(np.float32)


def _largest(deviations: Array) -> Array:
    """Over the scales, (S, N) to (N,).

    Smoothed at a coarse scale a strong lesion reaches beyond its border. So a coarse scale counts
    for no more than LEEWAY (1 + what the finer scale shows at the voxel itself, in the same
    direction).
    """
    fine, coarse = deviations[:FINE], deviations[FINE:]
    support = np.maximum(np.sign(coarse) * fine[-1], 0)
    limited = np.minimum(np.abs(coarse), LEEWAY * (1 + support))
    return np.concatenate([np.abs(fine), limited]).max(0)


def _both_sides(table: NDArray[Any]) -> NDArray[Any]:
    return ndimage.gaussian_filter((table + table[::-1]).astype(float), 1.0)


def _mean(values: Array, cells: NDArray[np.intp], size: int) -> Array:
    total, count = np.bincount(cells, values, size), np.bincount(cells, minlength=size)
    return ((total + PRIOR * values.mean()) / (count + PRIOR)).astype(np.float32)


def _deviation(values: Array, cells: NDArray[np.intp], size: int) -> Array:
    """Root mean square of the positive values, as if the negative ones mirrored them, (size,)."""
    squares = np.bincount(cells, np.where(values > 0, values**2, 0), size)
    count = np.bincount(cells, minlength=size)
    return np.sqrt((2 * squares + PRIOR * values.var()) / (count + PRIOR)).astype(np.float32)


def _look_up(table: Array, where: Array) -> Array:
    """A table over the organ's box at places (3, N), interpolated, (N,)."""
    at = [np.clip(p * n - 0.5, 0, n - 1) for p, n in zip(where, table.shape, strict=True)]
    return ndimage.map_coordinates(table, at, order=1, mode="nearest")
