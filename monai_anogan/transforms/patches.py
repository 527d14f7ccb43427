"""Healthy patches for training, drawn many at a time from a volume kept in memory as uint8."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, RandomizableTransform
from monai.utils import convert_to_tensor

__all__ = ["FromUint8", "RandPatchesd", "ToUint8d", "concatenate_patches"]


class ToUint8d(MapTransform):
    """Network space [-1, 1] to 0..255, a quarter of the memory; 256 grey values are kept."""

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        out = dict(data)
        for key in self.key_iterator(out):
            out[key] = ((torch.as_tensor(out[key]) + 1) * 127.5).round().to(torch.uint8)
        return out


class FromUint8:
    """0..255 back to network space [-1, 1]."""

    def __call__(self, patches: torch.Tensor) -> torch.Tensor:
        return patches.float() / 127.5 - 1


class RandPatchesd(RandomizableTransform, MapTransform):
    """Draw a batch of patches whose centres lie in the foreground.

    The centre of a patch is a foreground voxel drawn uniformly, moved by up to `jitter` voxels, so
    that the network meets the edge of the organ as often as the sliding window of the inferer does.
    For a 2D network the volume is cut across `slice_axis`.

    Args:
        keys: the volume, (C, D, H, W) uint8 in the coding of `ToUint8d`; 0 is background.
        patch_size: (H, W) or (D, H, W) of a patch, in voxels.
        samples: patches a call.
        slice_axis: spatial axis (0, 1, 2) across which 2D patches are cut.
        jitter: largest move of a centre along each axis of the patch, in voxels.
    """

    def __init__(
        self,
        keys: KeysCollection,
        patch_size: Sequence[int],
        samples: int,
        slice_axis: int = 2,
        jitter: int = 16,
    ) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, prob=1.0)
        self.patch_size = tuple(int(p) for p in patch_size)
        self.samples, self.slice_axis, self.jitter = samples, slice_axis, jitter

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, torch.Tensor]:
        out: dict[Hashable, torch.Tensor] = {}
        for key in self.key_iterator(dict(data)):
            out[key] = self._draw(convert_to_tensor(data[key], track_meta=False))
        return out

    def _draw(self, volume: torch.Tensor) -> torch.Tensor:
        window = list(self.patch_size)
        if len(window) == 2:
            window.insert(self.slice_axis, 1)
        reach = [w // 2 + (self.jitter if w > 1 else 0) for w in window]
        padded = torch.nn.functional.pad(volume, [r for w in reversed(reach) for r in (w, w)])
        inside = volume.amax(0).flatten().nonzero()[:, 0].numpy()
        picked = inside[self.R.randint(len(inside), size=self.samples)]
        centres = np.stack(np.unravel_index(picked, volume.shape[1:]), axis=1)
        moves = self.R.randint(-self.jitter, self.jitter + 1, size=centres.shape)
        starts = centres + reach - np.array(window) // 2 + moves * (np.array(window) > 1)
        patches = [
            padded[(slice(None), *(slice(s, s + w) for s, w in zip(start, window, strict=True)))]
            for start in starts.tolist()
        ]
        batch = FromUint8()(torch.stack(patches))
        return batch.squeeze(2 + self.slice_axis) if len(self.patch_size) == 2 else batch


def concatenate_patches(items: Sequence[Mapping[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Collate function: the patches of several volumes as one batch, (B, C, *S)."""
    return {key: torch.cat([item[key] for item in items]) for key in items[0]}
