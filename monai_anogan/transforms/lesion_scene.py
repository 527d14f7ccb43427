"""A healthy organ with lesions of many kinds and sizes painted in, and where they are.

What a comparison of scan and reconstruction learns from, without one real lesion: synthetic
anomalies on healthy scans, as in DRAEM (Zavrtanik et al. 2021, arXiv 2108.07610) and in the foreign
patch interpolation of Tan et al. 2020 (arXiv 2011.04197). It can learn to see what it is shown: the
wider the variety, the less it depends on what a lesion looks like.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, RandomizableTransform
from monai.utils import convert_to_tensor
from torch.nn import functional as F

from monai_anogan.transforms.intensity import BACKGROUND
from monai_anogan.transforms.paint_lesions import PaintLesions
from monai_anogan.transforms.smooth_noise import SmoothNoise

__all__ = ["RandLesionScened", "push_apart", "spots"]

VISIBLE = 0.1  # grey values of network space; a smaller change is no lesion to be found,
VISIBLE_AROUND = 0.05  # unless the voxels around it have changed as well
NEARBY = 11  # voxels; a lesion ends where half as much is replaced as at its fullest nearby
REACH = (5.0, 16.0)  # voxels, of a mass
SQUEEZE = (0.2, 0.6)  # see `push_apart`

Painted = tuple[torch.Tensor, torch.Tensor]
Layer = Callable[[torch.Tensor, torch.Generator], Painted]


class RandLesionScened(RandomizableTransform, MapTransform):
    """Paint one to four layers of lesions into each volume and write where they show.

    A layer is one of: large regions, many small foci, a few round spots, or tissue pushed apart by
    a mass; see `PaintLesions` for what they are filled with.

    Args:
        keys: volumes in network space, (1, D, H, W).
        label_key: where the lesions go, (1, D, H, W) uint8: voxels that were replaced and whose
            neighbourhood looks different for it.
        prob: share of volumes with lesions.
        layers: fewest and most layers of one.
    """

    def __init__(
        self,
        keys: KeysCollection,
        label_key: str = "lesion",
        prob: float = 0.95,
        layers: Sequence[int] = (1, 4),
    ) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, prob)
        self.label_key, self.layers = label_key, tuple(layers)
        noise = SmoothNoise((112, 128, 128), cells=(2.0, 2.5, 3.5, 5.0, 7.0, 10.0, 14.0, 20.0))
        coverage: dict[str, Any] = {"coverage": (0.0005, 0.1), "foci_coverage": (0.0002, 0.008)}
        self.large = PaintLesions(1.0, foci=0.0, noise=noise, **coverage)
        self.foci = PaintLesions(1.0, foci=1.0, noise=noise, **coverage)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        out = dict(data)
        for key in self.key_iterator(out):
            self.randomize(None)
            rng = torch.Generator().manual_seed(int(self.R.randint(2**31)))
            clean = convert_to_tensor(out[key], track_meta=False).float()
            painted, lesion = clean, torch.zeros_like(clean, dtype=torch.bool)
            for _ in range(self._count(rng)):
                painted, more = self._layer(rng)(painted, rng)
                lesion |= more
            meta = {"affine": out[key].affine} if isinstance(out[key], MetaTensor) else {}
            out[key] = MetaTensor(painted, meta=meta)
            out[self.label_key] = MetaTensor(lesion.to(torch.uint8), meta=meta)
        return out

    def _count(self, rng: torch.Generator) -> int:
        fewest, most = self.layers
        drawn = int(torch.randint(fewest, most + 1, (1,), generator=rng))
        return drawn if self._do_transform else 0

    def _layer(self, rng: torch.Generator) -> Layer:
        draw = _draw(rng)
        if draw < 0.1:
            return self._mass
        return self._spots if draw < 0.4 else self._large if draw < 0.7 else self._foci

    def _large(self, clean: torch.Tensor, rng: torch.Generator) -> Painted:
        return self._refilled(clean, self.large.region(clean, rng), rng)

    def _foci(self, clean: torch.Tensor, rng: torch.Generator) -> Painted:
        return self._refilled(clean, self.foci.region(clean, rng), rng)

    def _spots(self, clean: torch.Tensor, rng: torch.Generator) -> Painted:
        return self._refilled(clean, spots(clean[0], rng)[None], rng)

    def _mass(self, clean: torch.Tensor, rng: torch.Generator) -> Painted:
        inside = (clean[0] > BACKGROUND).nonzero()
        if not len(inside):
            return clean, torch.zeros_like(clean, dtype=torch.bool)
        reach, squeeze = (low + (high - low) * _draw(rng) for low, high in (REACH, SQUEEZE))
        middle = inside[int(torch.randint(len(inside), (1,), generator=rng))]
        pushed, region = push_apart(clean[0], middle, reach, squeeze)
        return pushed[None], _shows(clean, pushed[None], region[None])

    def _refilled(self, clean: torch.Tensor, region: torch.Tensor, rng: torch.Generator) -> Painted:
        painted = self.large.refill(clean, region, rng)
        return painted, _shows(clean, painted, region)


def spots(
    clean: torch.Tensor,
    rng: torch.Generator,
    *,
    count: tuple[int, int] = (1, 12),
    radius: tuple[float, float] = (0.8, 5.0),
) -> torch.Tensor:
    """Ellipsoids anywhere in the foreground, as shares of voxels to replace, (D, H, W).

    Args:
        clean: (D, H, W) in network space.
        rng: source of randomness.
        count: fewest and most of them.
        radius: smallest and largest half axis in voxels; small ones are more frequent.
    """
    region, inside = torch.zeros_like(clean), (clean > BACKGROUND).nonzero()
    wanted = int(torch.randint(count[0], count[1] + 1, (1,), generator=rng))
    for _ in range(wanted if len(inside) else 0):
        size = radius[0] * (radius[1] / radius[0]) ** _draw(rng)
        axes = size * (0.7 + 0.7 * torch.rand(3, generator=rng))
        sharpness = 3 * 10 ** _draw(rng)
        opacity = 1 - 0.7 * _draw(rng) ** 2
        centre = inside[int(torch.randint(len(inside), (1,), generator=rng))]
        box, away = _around(clean.shape, centre, 1.6 * axes + 1)
        distance = (away / axes.view(3, 1, 1, 1)).norm(dim=0)
        share = opacity * torch.sigmoid((1 - distance) * sharpness)
        region[box] = torch.maximum(region[box], share)
    return region


def push_apart(
    clean: torch.Tensor, middle: torch.Tensor, reach: float, squeeze: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Tissue displaced outwards from a voxel, as a mass displaces it.

    Args:
        clean: (D, H, W) in network space.
        middle: the voxel, (3,).
        reach: voxels from it to where nothing moves any more.
        squeeze: at the middle, the share of its distance that tissue had before it was pushed.

    Returns:
        The volume, and the share of each voxel that was replaced, (D, H, W).
    """
    box, away = _around(clean.shape, middle, torch.full((3,), reach))
    distance = away.norm(dim=0) / reach
    source = away * (squeeze + (1 - squeeze) * distance).clamp(max=1) + middle.view(3, 1, 1, 1)
    span = torch.tensor(clean.shape).view(3, 1, 1, 1) - 1
    grid = (source / span * 2 - 1).permute(1, 2, 3, 0).flip(-1)
    moved = F.grid_sample(clean[None, None], grid[None], align_corners=True)[0, 0]
    pushed, region = clean.clone(), torch.zeros_like(clean)
    kept = (clean[box] <= BACKGROUND) | (moved <= BACKGROUND)
    pushed[box] = torch.where(kept, clean[box], moved)
    region[box] = (distance < 0.8).float()
    return pushed, region


def _draw(rng: torch.Generator) -> float:
    return torch.rand(1, generator=rng).item()


def _around(
    shape: Sequence[int], centre: torch.Tensor, reach: torch.Tensor
) -> tuple[tuple[slice, ...], torch.Tensor]:
    """The box within `reach` of a voxel, and how far each of its voxels lies from it, (3, *box)."""
    middle, span = centre.tolist(), reach.ceil().int().tolist()
    box = tuple(
        slice(max(0, c - r), min(n, c + r + 1)) for c, r, n in zip(middle, span, shape, strict=True)
    )
    axes = [torch.arange(s.start, s.stop) - c for s, c in zip(box, middle, strict=True)]
    return box, torch.stack(torch.meshgrid(*axes, indexing="ij")).float()


def _shows(clean: torch.Tensor, painted: torch.Tensor, region: torch.Tensor) -> torch.Tensor:
    """Where a lesion can be seen, (1, D, H, W) bool."""
    fullest = F.max_pool3d(region[None], NEARBY, stride=1, padding=NEARBY // 2)[0]
    change = (painted - clean).abs()
    around = F.avg_pool3d(change[None], 3, stride=1, padding=1)[0]
    seen = (change > VISIBLE) | (around > VISIBLE_AROUND)
    return (region > 0.5 * fullest) & (region > 0) & seen & (clean > BACKGROUND)
