"""A healthy organ with lesions of many kinds and sizes painted in, and where they are.

What a comparison of scan and reconstruction learns from, without one real lesion: synthetic
anomalies on healthy scans, as in DRAEM (Zavrtanik et al. 2021, arXiv 2108.07610) and in the foreign
patch interpolation of Tan et al. 2020 (arXiv 2011.04197). It can learn to see what it is shown: the
wider the variety, the less it depends on what a lesion looks like.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, RandomizableTransform
from monai.utils import convert_to_tensor
from torch.nn import functional as F

from monai_anogan.transforms.highest import highest
from monai_anogan.transforms.intensity import BACKGROUND
from monai_anogan.transforms.lesion_shapes import bright_tissue, draw, push_apart, spots
from monai_anogan.transforms.paint_lesions import PaintLesions
from monai_anogan.transforms.smooth_noise import SmoothNoise
from monai_anogan.transforms.white_matter import paint_white_matter

__all__ = ["RandLesionScened"]

VISIBLE = 0.1  # grey values of network space; a smaller change is no lesion to be found,
VISIBLE_AROUND = 0.05  # unless the voxels around it have changed as well
NEARBY = 11  # voxels; a lesion ends where half as much is replaced as at its fullest nearby
RANKED = 7  # every so many voxels are enough for a quantile
REACH = (5.0, 16.0)  # voxels, of a mass
SQUEEZE = (0.2, 0.6)  # see `push_apart`

Painted = tuple[torch.Tensor, torch.Tensor]
Layer = Callable[[torch.Tensor, torch.Generator], Painted]


class RandLesionScened(RandomizableTransform, MapTransform):
    """Paint one to four layers of lesions into each volume and write where they show.

    A layer is one of: large regions, many small foci, a few round spots, spots scattered over the
    bright tissue under the surface (white matter, in T1), or tissue pushed apart by a mass; see
    `PaintLesions` for what they are filled with.

    Args:
        keys: volumes in network space, (1, D, H, W).
        label_key: where the lesions go, (1, D, H, W) uint8: voxels that were replaced and whose
            neighbourhood looks different for it.
        prob: share of volumes with lesions.
        layers: fewest and most layers of one.
        white_matter: share of these that have lesions of white matter alone; see
            `paint_white_matter`.
    """

    def __init__(
        self,
        keys: KeysCollection,
        label_key: str = "lesion",
        prob: float = 0.95,
        layers: Sequence[int] = (1, 4),
        white_matter: float = 0.0,
    ) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, prob)
        self.label_key, self.layers = label_key, tuple(layers)
        self.white_matter = white_matter
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
            for layer in self._layers(rng):
                painted, more = layer(painted, rng)
                lesion |= more
            meta = {"affine": out[key].affine} if isinstance(out[key], MetaTensor) else {}
            out[key] = MetaTensor(painted, meta=meta)
            out[self.label_key] = MetaTensor(lesion.to(torch.uint8), meta=meta)
        return out

    def _layers(self, rng: torch.Generator) -> Iterator[Layer]:
        if not self._do_transform:
            return
        if self.white_matter and draw(rng) < self.white_matter:
            yield self._white_matter
            return
        fewest, most = self.layers
        for _ in range(int(torch.randint(fewest, most + 1, (1,), generator=rng))):
            yield self._layer(rng)

    def _layer(self, rng: torch.Generator) -> Layer:
        drawn, kinds = draw(rng), (self._scattered, self._mass, self._spots, self._large)
        shares = zip((0.4, 0.46, 0.64, 0.82), kinds, strict=True)
        return next((kind for share, kind in shares if drawn < share), self._foci)

    def _large(self, clean: torch.Tensor, rng: torch.Generator) -> Painted:
        return self._refilled(clean, self.large.region(clean, rng), rng)

    def _foci(self, clean: torch.Tensor, rng: torch.Generator) -> Painted:
        return self._refilled(clean, self.foci.region(clean, rng), rng)

    def _spots(self, clean: torch.Tensor, rng: torch.Generator) -> Painted:
        return self._refilled(clean, spots(clean[0], rng)[None], rng)

    def _scattered(self, clean: torch.Tensor, rng: torch.Generator) -> Painted:
        count = int(10 ** (0.3 + 1.6 * draw(rng)))  # 2 to 79
        host = bright_tissue(clean[0], share=0.25 + 0.3 * draw(rng))
        some: dict[str, Any] = {"count": (max(1, count // 2), count), "radius": (0.6, 2.6)}
        region = spots(torch.where(host, clean[0], BACKGROUND), rng, **some)[None]
        if draw(rng) < 0.5:
            return self._refilled(clean, region, rng)
        inside = clean > BACKGROUND
        grey = torch.quantile(clean[inside][::RANKED], 0.02 + 0.45 * draw(rng))
        fill = grey + 0.05 * self.large.noise.crop(1, clean.shape[1:], rng, cells=(2, 6))
        painted = torch.where(inside, torch.lerp(clean, fill, region).clamp(-1, 1), clean)
        return painted, _shows(clean, painted, region)

    def _white_matter(self, clean: torch.Tensor, rng: torch.Generator) -> Painted:
        painted, region = paint_white_matter(clean[0], self.large.noise, rng)
        return painted[None], _shows(clean, painted[None], region[None])

    def _mass(self, clean: torch.Tensor, rng: torch.Generator) -> Painted:
        inside = (clean[0] > BACKGROUND).nonzero()
        if not len(inside):
            return clean, torch.zeros_like(clean, dtype=torch.bool)
        reach, squeeze = (low + (high - low) * draw(rng) for low, high in (REACH, SQUEEZE))
        middle = inside[int(torch.randint(len(inside), (1,), generator=rng))]
        pushed, region = push_apart(clean[0], middle, reach, squeeze)
        return pushed[None], _shows(clean, pushed[None], region[None])

    def _refilled(self, clean: torch.Tensor, region: torch.Tensor, rng: torch.Generator) -> Painted:
        painted = self.large.refill(clean, region, rng)
        return painted, _shows(clean, painted, region)


def _shows(clean: torch.Tensor, painted: torch.Tensor, region: torch.Tensor) -> torch.Tensor:
    """Where a lesion can be seen, (1, D, H, W) bool."""
    fullest = highest(region[0], NEARBY)
    change = (painted - clean).abs()
    around = F.avg_pool3d(change[None], 3, stride=1, padding=1)[0]
    seen = (change > VISIBLE) | (around > VISIBLE_AROUND)
    return (region > 0.5 * fullest) & (region > 0) & seen & (clean > BACKGROUND)
