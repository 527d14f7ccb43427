"""Augmentation for the brain mask network: no skull, another skull, brains with lesions."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import GaussianSmooth, MapTransform, RandomizableTransform

from monai_anogan.transforms.corrupt import Corrupt

__all__ = ["RandCutNeckd", "RandHeadContrastd", "RandLesionsd", "RandSkullStripd"]


class RandSkullStripd(RandomizableTransform, MapTransform):
    """Blank everything outside the mask, as scans come that were skull-stripped before.

    Args:
        keys: whole heads, (1, D, H, W).
        mask_key: their brain masks.
        prob: share of scans that are stripped.
    """

    def __init__(self, keys: KeysCollection, mask_key: str, prob: float = 0.25) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, prob)
        self.mask_key = mask_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        out = dict(data)
        self.randomize(None)
        for key in self.key_iterator(out) if self._do_transform else ():
            out[key] = out[key] * (torch.as_tensor(out[self.mask_key]) > 0)
        return out


class RandCutNeckd(RandomizableTransform, MapTransform):
    """Blank what lies below some height, from the bottom up to a little above the brainstem's end.

    How much neck a scan shows, each site decides for itself.

    Args:
        keys: heads and their brain masks, (1, D, H, W) in RAS.
        mask_key: the brain mask among them.
        prob: share of scans that are cut.
        most: it costs fewer slices of the brain than this.
    """

    def __init__(
        self, keys: KeysCollection, mask_key: str, prob: float = 0.5, most: int = 5
    ) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, prob)
        self.mask_key, self.most = mask_key, most

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        out = dict(data)
        self.randomize(None)
        if not self._do_transform:
            return out
        slices = torch.as_tensor(out[self.mask_key]).flatten(0, 2).any(0)
        height = self.R.randint(int(slices.nonzero()[0]) + self.most)
        for key in self.key_iterator(out):
            out[key] = out[key].clone()
            out[key][..., :height] = 0
        return out


class RandHeadContrastd(RandomizableTransform, MapTransform):
    """Brighten or darken the head around the brain, as sequences do that treat fat otherwise.

    Args:
        keys: whole heads, (1, D, H, W), not negative.
        mask_key: their brain masks.
        prob: share of scans that are changed.
        factor: the least and the largest factor, drawn evenly in its logarithm.
        width: standard deviation in voxels over which it sets in, so that it marks no border.
    """

    def __init__(
        self,
        keys: KeysCollection,
        mask_key: str,
        prob: float = 0.5,
        factor: tuple[float, float] = (0.4, 2.0),
        width: float = 2.0,
    ) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, prob)
        self.mask_key, self.factor = mask_key, tuple(factor)
        self.soften = GaussianSmooth(width)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        out = dict(data)
        self.randomize(None)
        for key in self.key_iterator(out) if self._do_transform else ():
            factor = math.exp(self.R.uniform(*map(math.log, self.factor)))
            inside = self.soften((torch.as_tensor(out[self.mask_key]) > 0).float())
            out[key] = out[key] * (inside + factor * (1 - inside))
        return out


class RandLesionsd(RandomizableTransform, MapTransform):
    """Paint lesions inside the brain, so that a mask network includes them.

    Args:
        keys: heads scaled to about [0, 1], (1, D, H, W).
        mask_key: their brain masks.
        prob: share of scans that get lesions.
    """

    def __init__(self, keys: KeysCollection, mask_key: str, prob: float = 0.3) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, prob)
        self.mask_key = mask_key
        self.corrupt = Corrupt(probability=1.0, coverage=(0.001, 0.1), coarseness=(4, 16))

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        out = dict(data)
        self.randomize(None)
        for key in self.key_iterator(out) if self._do_transform else ():
            seed = int(self.R.randint(2**31))
            head = torch.as_tensor(out[key])
            network_space = (head.clamp(0, 1) * 2 - 1)[None]
            painted = self.corrupt(network_space, torch.Generator().manual_seed(seed))[0]
            inside = torch.as_tensor(out[self.mask_key]) > 0
            out[key] = torch.where(inside, (painted + 1) / 2, head)
        return out
