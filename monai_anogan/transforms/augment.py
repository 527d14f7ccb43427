"""Augmentation for the brain mask network: heads without a skull, brains with lesions."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, RandomizableTransform

from monai_anogan.transforms.corrupt import Corrupt

__all__ = ["RandLesionsd", "RandSkullStripd"]


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
