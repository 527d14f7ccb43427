"""Scanner units to the network's [-1, 1], robust to outliers and blind to the background."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform

from monai_anogan.errors import InputError
from monai_anogan.transforms.shading import gain

__all__ = ["BACKGROUND", "ScaleInMaskd", "UnscaleInMaskd", "WindowInMaskd", "to_scanner_units"]

BACKGROUND = -1.0
"""Network-space value of everything outside the mask, and of nothing inside."""

DARKEST = torch.nextafter(torch.tensor(BACKGROUND), torch.tensor(0.0)).item()

MOST_POWER = 2.5  # beyond it a scan is of another kind, and should look so


class ScaleInMaskd(MapTransform):
    """Map two percentiles of the voxels inside the mask to -1 and 1, clip, and blank the outside.

    Scanners and sequences differ in contrast as well. With `median`, a power of the grey values
    between the two percentiles brings their median to the same place in every scan: histogram
    standardisation (Nyul and Udupa 1999, Magn. Reson. Med. 42:1072) with the middle landmark
    alone, which a lesion hardly moves.

    Args:
        keys: volumes in scanner units, any shape.
        mask_key: the mask of the same shape; True where the organ is.
        lower: percentile that becomes -1.
        upper: percentile that becomes 1.
        median: network-space value that the median becomes, between -1 and 1; absent: wherever
            the scan has it.

    Raises:
        InputError: The mask is empty or the voxels inside it are all alike.
    """

    def __init__(
        self,
        keys: KeysCollection,
        mask_key: str,
        lower: float = 0.5,
        upper: float = 99.5,
        median: float | None = None,
    ) -> None:
        super().__init__(keys)
        self.mask_key, self.lower, self.upper, self.median = mask_key, lower, upper, median

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        out = dict(data)
        mask = torch.as_tensor(out[self.mask_key]) > 0
        for key in self.key_iterator(out):
            inside = torch.as_tensor(out[key])[mask].float()
            if inside.numel() == 0:
                raise InputError("the mask must hold voxels, got an empty one; is this the organ?")
            low, high = percentiles(inside, self.lower, self.upper)
            power = 1.0 if self.median is None else _power(inside, low, high, self.median)
            out[key] = _to_network_space(out[key], mask, low, high, power)
        return out


class WindowInMaskd(MapTransform):
    """Map a fixed window (Hounsfield units, say) to [-1, 1], clip, and blank the outside.

    Args:
        keys: volumes in scanner units, any shape.
        mask_key: the mask of the same shape.
        low: value that becomes -1.
        high: value that becomes 1.
    """

    def __init__(self, keys: KeysCollection, mask_key: str, low: float, high: float) -> None:
        super().__init__(keys)
        self.mask_key, self.low, self.high = mask_key, low, high

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        out = dict(data)
        mask = torch.as_tensor(out[self.mask_key]) > 0
        for key in self.key_iterator(out):
            out[key] = _to_network_space(out[key], mask, self.low, self.high)
        return out


class UnscaleInMaskd(MapTransform):
    """Bring a reconstruction from [-1, 1] back to the scanner units of its image, 0 outside.

    Args:
        keys: volumes in network space.
        like_key: the scaled image, whose `meta` says how it was scaled.
        mask_key: the mask, of the same shape.
    """

    def __init__(self, keys: KeysCollection, like_key: str, mask_key: str) -> None:
        super().__init__(keys)
        self.like_key, self.mask_key = like_key, mask_key

    def __call__(self, data: Mapping[Hashable, MetaTensor]) -> dict[Hashable, MetaTensor]:
        out = dict(data)
        meta = out[self.like_key].meta
        mask = torch.as_tensor(out[self.mask_key]) > 0
        for key in self.key_iterator(out):
            out[key] = to_scanner_units(out[key], meta) * mask
        return out


def to_scanner_units(values: torch.Tensor, meta: Mapping[str, Any]) -> torch.Tensor:
    """Undo a scaling, and the change of shading before it.

    Args:
        values: of network space, (C, D, H, W).
        meta: of the scaled image on the same grid. `scale` holds the scanner units at -1 and at 1,
            and the power; `shading`, where there is one, what `MatchShadingd` did.
    """
    low, high, power = meta["scale"].tolist()
    units = ((values + 1) / 2).clamp(0, 1) ** (1 / power) * (high - low) + low
    shaded = meta.get("shading")
    return units if shaded is None else units / gain(shaded, units.shape[1:]).to(units.device)


def percentiles(values: torch.Tensor, lower: float, upper: float) -> tuple[float, float]:
    """The values at two percentiles (0 to 100) of a flat tensor of any length.

    Raises:
        InputError: They are equal, so there is no contrast to scale.
    """
    ranked = values.sort().values  # torch.quantile refuses more than 2^24 values
    low, high = (ranked[round(p / 100 * (len(ranked) - 1))].item() for p in (lower, upper))
    if not high > low:
        raise InputError(
            f"the scan must have contrast, got {low:g} almost everywhere; is it empty?"
        )
    return low, high


def _power(inside: torch.Tensor, low: float, high: float, median: float) -> float:
    """The power that brings the median of the values between two of them to a place in [-1, 1].

    None moves a median that lies at one of the two: such a scan stays as it is, and looks so.
    """
    middle = (inside.median().item() - low) / (high - low)
    if not 0 < middle < 1:
        return 1.0
    power = math.log((median + 1) / 2) / math.log(middle)
    return min(max(power, 1 / MOST_POWER), MOST_POWER)


def _to_network_space(
    volume: torch.Tensor, mask: torch.Tensor, low: float, high: float, power: float = 1.0
) -> torch.Tensor:
    share = ((volume.float() - low) / (high - low)).clamp(0, 1)
    scaled = (share**power * 2 - 1).clamp_(min=DARKEST)
    scaled[~mask] = BACKGROUND
    if isinstance(scaled, MetaTensor):
        scaled.meta["scale"] = torch.tensor([low, high, power])
    return scaled
