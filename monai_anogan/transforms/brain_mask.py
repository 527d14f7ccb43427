"""Find the brain in an MR head by small 3D networks."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform
from scipy import ndimage
from torch import nn

from monai_anogan.errors import InputError
from monai_anogan.transforms.connected import largest_part, without_appendages
from monai_anogan.transforms.head_field import FIELD, in_field
from monai_anogan.transforms.intensity import percentiles

__all__ = ["BrainMaskd", "ScaleHeadd"]

FOREGROUND = 0.05  # of the scaled head; background noise lies below
TISSUE = 0.3  # correlation of neighbouring voxels; of brains 0.8 or more, of noise about 0
NECK, STUMP = 2, 6  # voxels; an orbit hangs on a brain by less, and no brain ends thinner
STRIPPED_SHARE = 0.8  # of the foreground is brain; with the skull on it is about half


class ScaleHeadd(MapTransform):
    """Scale a whole head for the mask network: 1st to 99th percentile of non-zero voxels to [0, 1].

    Args:
        keys: volumes in scanner units, (C, D, H, W).
    """

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        out = dict(data)
        for key in self.key_iterator(out):
            volume = torch.as_tensor(out[key]).float()
            low, high = percentiles(volume[volume != 0], 1, 99)
            out[key] = ((out[key] - low) / (high - low)).clamp(0, 1.5)
        return out


class BrainMaskd(MapTransform):
    """Write the brain mask of an MR head, with its skull or without, under `mask_key`.

    Where the networks' mean sees more brain than not, the largest connected part, without what
    hangs on it by a thin neck (an orbit, muscle), closed over gaps (a lesion at the surface) and
    filled. A scan whose foreground is nearly all brain came skull-stripped: then that foreground is
    the mask.

    Args:
        keys: the head, (1, D, H, W) in RAS at the network's voxel size, scanner units.
        mask_key: where the mask goes, (1, D, H, W) uint8.
        network: two-class 3D segmentation network, for heads of `head_field.FIELD`.
        checkpoints: its flat state dicts, one a network to be asked.
        plausible_ml: volume in ml a brain must have.
        closing: radius in voxels of the closing.
        device: where the network runs.

    Raises:
        InputError: No brain of plausible volume is found.
    """

    def __init__(
        self,
        keys: KeysCollection,
        mask_key: str,
        network: nn.Module,
        checkpoints: Sequence[str | Path],
        plausible_ml: tuple[float, float] = (500.0, 2500.0),
        closing: int = 4,
        device: str | torch.device = "cpu",
    ) -> None:
        super().__init__(keys)
        self.mask_key, self.plausible_ml, self.closing = mask_key, tuple(plausible_ml), closing
        self.device = torch.device(device)
        self.networks = [self._loaded(network, checkpoint) for checkpoint in checkpoints]

    def __call__(self, data: Mapping[Hashable, MetaTensor]) -> dict[Hashable, MetaTensor]:
        out = dict(data)
        for key in self.key_iterator(out):
            mask = self._find(out[key])
            self._check(mask)
            out[self.mask_key] = mask
        return out

    def _find(self, head: MetaTensor) -> MetaTensor:
        image = ScaleHeadd("image")({"image": head.as_tensor()})["image"]
        brain = without_appendages(self._segment(image), NECK, STUMP)
        if _likeness(image[0].numpy(), brain) < TISSUE:
            brain[:] = False
        foreground = image[0].numpy() > FOREGROUND
        if brain.sum() and (brain & foreground).sum() > STRIPPED_SHARE * foreground.sum():
            brain |= largest_part(foreground)
        mask = torch.from_numpy(_close_and_fill(brain, self.closing))
        return MetaTensor(mask[None].to(torch.uint8), meta=head.meta)

    def _loaded(self, network: nn.Module, checkpoint: str | Path) -> nn.Module:
        own = deepcopy(network)
        own.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True))
        return own.to(self.device).float().eval().requires_grad_(False)

    def _segment(self, image: torch.Tensor) -> np.ndarray:
        """The networks' own answer, (D, H, W) bool."""
        seen, there = in_field(image[0].numpy())
        shown = torch.zeros(FIELD)
        shown[there] = image[0][seen]
        with torch.no_grad():
            head = shown[None, None].to(self.device)
            likely = torch.stack([n(head)[0].softmax(0)[1] for n in self.networks]).mean(0).cpu()
        brain = np.zeros(image.shape[1:], bool)
        brain[seen] = (likely > 0.5)[there].numpy()
        return brain

    def _check(self, mask: MetaTensor) -> None:
        volume = float(mask.sum()) * abs(float(torch.linalg.det(mask.affine[:3, :3]))) / 1000
        low, high = self.plausible_ml
        if not low <= volume <= high:
            raise InputError(
                f"the scan must show a whole brain, {low:g} to {high:g} ml, found {volume:.0f} ml; "
                "is it a T1 MR of the head in the right orientation?"
            )


def _likeness(image: np.ndarray, brain: np.ndarray) -> float:
    """Correlation of neighbouring voxels of a brain, along the axis where it is largest."""
    found = [0.0]
    for axis in range(3):
        grey, inside = (np.moveaxis(v, axis, 0) for v in (image, brain))
        both = inside[1:] & inside[:-1]
        one, other = grey[1:][both], grey[:-1][both]
        if both.any() and min(one.std(), other.std()) > 0:
            found.append(float(np.corrcoef(one, other)[0, 1]))
    return max(found)


def _close_and_fill(mask: np.ndarray, radius: int) -> np.ndarray:
    ball = ndimage.iterate_structure(ndimage.generate_binary_structure(3, 1), radius)
    padded = np.pad(mask, radius + 1)  # so that the border of the volume closes nothing
    closed = ndimage.binary_fill_holes(ndimage.binary_closing(padded, ball))
    return closed[tuple(slice(radius + 1, -radius - 1) for _ in mask.shape)]
