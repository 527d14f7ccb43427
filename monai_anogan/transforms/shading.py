"""The shading of a scan, brought to that of the scans a model learned from.

Coils and field strengths shade a brain: in one scanner's images white matter is a third brighter in
the middle than at the rim, in another's, or in one's that evens them out, it is not. A generator
learns the shading with the anatomy, and rebuilds every brain with it. So what a scan's shading
differs by is taken off, as smooth as a bias field is (Sled et al. 1998, IEEE TMI 17:87).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import product

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform
from nibabel.affines import voxel_sizes
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression, RANSACRegressor

__all__ = ["MatchShadingd", "gain", "shading"]

CELL_MM = 12.0  # holds some white matter nearly everywhere
BRIGHT = 0.9  # quantile of a cell's voxels: white matter, in T1
HALF = 0.5  # of a cell must be organ, of the cells must agree
FEWEST = 90  # cells: ten for each number that is fitted
AGREE = 0.1  # logarithm of grey; a cell farther off is no evidence of the shading, as in a lesion
DRAWN = 40  # cells that propose a shading
POWERS = tuple(p for p in product(range(3), repeat=3) if 0 < sum(p) <= 2)  # of x, y, z
ALIKE = 5.0  # squared spreads; people of one scanner differ by as much
LARGEST = 1.0  # logarithm of a gain; beyond it a scan is of another kind, and should look so


class MatchShadingd(MapTransform):
    """Multiply a scan by the smooth field that brings its shading to the usual one.

    The shading is a polynomial of second order in the place within the organ, fitted to the bright
    tissue of those of its cells that agree (random sample consensus: Fischler and Bolles 1981, CACM
    24:381), which leaves out a lesion. People of one scanner differ in it too: a difference is
    shrunk by what is usual among them (James and Stein 1961), so that their own scans stay as they
    are, to the digit.

    `meta["shading"]` of the result says what was done; see `gain`. A scan with negative values
    has no zero to multiply about and stays as it is; so does what `shading` cannot tell of.

    Args:
        keys: volumes in RAS and scanner units, (1, D, H, W).
        mask_key: the organ, of the same shape.
        usual: what `shading` gives for the scans the model learned from, their median.
        spread: its standard deviation among them.

    Raises:
        ValueError: `usual` or `spread` has another number of entries than there are `POWERS`.
    """

    def __init__(
        self,
        keys: KeysCollection,
        mask_key: str,
        usual: Sequence[float],
        spread: Sequence[float],
    ) -> None:
        super().__init__(keys)
        for name, numbers in (("usual", usual), ("spread", spread)):
            if len(numbers) != len(POWERS):
                raise ValueError(f"{name} must have {len(POWERS)} numbers, got {len(numbers)}")
        self.mask_key, self.usual, self.spread = mask_key, np.array(usual), np.array(spread)

    def __call__(self, data: Mapping[Hashable, MetaTensor]) -> dict[Hashable, MetaTensor]:
        out = dict(data)
        organ = torch.as_tensor(out[self.mask_key])[0].cpu().numpy() > 0
        for key in self.key_iterator(out):
            image = out[key]
            done = self._correction(image, organ)
            if done is not None:
                image = image * gain(done, image.shape[1:]).to(image.device)
                image.meta["shading"] = done
            out[key] = image
        return out

    def _correction(self, image: MetaTensor, organ: NDArray[np.bool_]) -> torch.Tensor | None:
        """What goes into `meta["shading"]`; None where nothing is to be done."""
        found = shading(image[0].cpu().numpy(), organ, image.affine.numpy())
        if found is None:
            return None
        differs = found - self.usual
        far = float(np.mean((differs / self.spread) ** 2))
        share = max(0.0, 1.0 - ALIKE / far) if far else 0.0
        if not share:
            return None
        return torch.from_numpy(np.stack([*_place(organ), *(-share * differs).reshape(-1, 3)]))


def shading(
    volume: NDArray[np.float32], organ: NDArray[np.bool_], affine: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """How bright tissue changes from place to place in an organ.

    Args:
        volume: (D, H, W) in RAS and scanner units.
        organ: (D, H, W), True inside.
        affine: (4, 4) voxel to RAS, mm.

    Returns:
        Coefficients of `POWERS` for the logarithm of grey, where the organ reaches from about -1 to
        1; None if the volume is negative somewhere in the organ or the same everywhere, the organ
        too small to say, or its cells do not agree.
    """
    inside = volume[organ]
    if not inside.size or inside.min() < 0 or inside.min() == inside.max():
        return None
    middles, bright = _cells(volume, organ, np.maximum(1, np.round(CELL_MM / voxel_sizes(affine))))
    lit = bright > 0
    if lit.sum() < FEWEST:
        return None
    middle, reach = _place(organ)
    fit = RANSACRegressor(
        LinearRegression(),
        min_samples=DRAWN,
        residual_threshold=AGREE,
        max_trials=300,
        random_state=0,
    )
    terms = np.stack(_terms(*((middles[lit] - middle) / reach).T), axis=1)
    try:
        fit.fit(terms, np.log(bright[lit]))
    except ValueError:  # no two cells agree
        return None
    return fit.estimator_.coef_ if fit.inlier_mask_.mean() >= HALF else None


def gain(done: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """What `MatchShadingd` multiplied each voxel of a grid by.

    Args:
        done: its `meta["shading"]`, (5, 3): middle and reach of the organ in voxels, and the
            coefficients.
        shape: of the grid, (D, H, W).

    Returns:
        (D, H, W) float32.
    """
    middle, reach, *coefficients = done.numpy()
    lines = [(np.arange(n) - m) / r for n, m, r in zip(shape, middle, reach, strict=True)]
    terms = _terms(*np.meshgrid(*lines, indexing="ij", sparse=True))
    field = sum(c * term for c, term in zip(np.concatenate(coefficients), terms, strict=True))
    return torch.from_numpy(np.exp(np.clip(field, -LARGEST, LARGEST))).float()


def _place(organ: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Middle and reach in voxels: mean and twice the standard deviation along each axis."""
    voxels = np.argwhere(organ)
    return voxels.mean(axis=0), np.maximum(2 * voxels.std(axis=0), 1.0)


def _terms(
    x: NDArray[np.float64], y: NDArray[np.float64], z: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    return [x**i * y**j * z**k for i, j, k in POWERS]


def _cells(
    volume: NDArray[np.float32], organ: NDArray[np.bool_], size: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Middles in voxels, (N, 3), and bright quantile, (N,), of the cells that the organ fills."""
    sides = size.astype(int)
    pad = [(0, -n % s) for n, s in zip(volume.shape, sides, strict=True)]
    padded = np.pad(np.where(organ, volume, np.nan), pad, constant_values=np.nan)
    split = [k for n, s in zip(padded.shape, sides, strict=True) for k in (n // s, s)]
    cells = padded.reshape(split).transpose(0, 2, 4, 1, 3, 5).reshape(*split[::2], -1)
    full = np.isfinite(cells).mean(axis=-1) >= HALF
    return np.argwhere(full) * sides + (sides - 1) / 2, np.nanquantile(cells[full], BRIGHT, axis=-1)
