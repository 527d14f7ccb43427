"""The anomaly map by a comparison of the scan with its reconstruction, and others asked besides.

A search that heals has asked another comparison, of the scan with the encoder's guess: see `Heal`.
A network that finds its own features is asked where there is one: see `WideLook`. What all say is
pooled, and where there is a `SecondOpinion` held down by it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.data import MetaTensor
from monai.transforms import Transform
from monai.utils import convert_to_tensor
from torch.nn import functional as F

from monai_anogan.maps.background import background
from monai_anogan.maps.comparison import Comparison, mean_evidence
from monai_anogan.maps.in_organ import box_of
from monai_anogan.maps.scale_features import FEATURES
from monai_anogan.maps.second_opinion import SecondOpinion
from monai_anogan.maps.wide_look import WideLook, see_wide

__all__ = ["ComparisonMapd"]

WIDE_COUNTS = 4  # as many members
LOWEST = -5.0  # logit; below, no voice says more than that it sees nothing


class ComparisonMapd(Transform):
    """Write the evidence of a lesion under `map_key`, 0 outside the mask; see `Comparison`.

    Args:
        comparison: fitted.
        wide_look: asked besides, see `pooled`; None leaves it to the mean of the comparison's
            members.
        second_opinion: the map goes nowhere beyond it; None leaves it as it is.
        image_key: the scan in network space, (1, D, H, W).
        reconstruction_key: its healthy reconstruction, same shape.
        mask_key: the organ, same shape.
        healing_key: logits of M members that healed the scan before, (M, D, H, W), each as good as
            one of the comparison; absent without healing.
        map_key: where the map goes, (1, D, H, W) float32.
        background_key: where its background goes, a float. A pooled map hardly shows how loud a
            scan is, for it holds no voice below `LOWEST`: it is that of the members' mean.
    """

    def __init__(
        self,
        comparison: Comparison,
        wide_look: WideLook | None = None,
        second_opinion: SecondOpinion | None = None,
        image_key: str = "image",
        reconstruction_key: str = "reconstruction",
        mask_key: str = "mask",
        healing_key: str = "healing",
        map_key: str = "anomaly_map",
        background_key: str = "map_background",
    ) -> None:
        self.comparison, self.wide_look = comparison, wide_look
        self.second_opinion = second_opinion
        self.image_key, self.reconstruction_key = image_key, reconstruction_key
        self.mask_key, self.healing_key, self.map_key = mask_key, healing_key, map_key
        self.background_key = background_key

    @torch.no_grad()
    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, Any]:
        image = data[self.image_key]
        meta: dict[str, Any] = {"affine": image.affine} if isinstance(image, MetaTensor) else {}
        x, rebuilt, organ = self.comparison.on_its_device(
            image, data[self.reconstruction_key], data[self.mask_key]
        )
        features = self.comparison.see(x, rebuilt, organ)
        looks = self.comparison.look(features, organ)
        if self.healing_key in data:
            before = convert_to_tensor(data[self.healing_key], track_meta=False).to(looks)
            looks = torch.cat([looks, before[:, organ]])
        alone, found = mean_evidence(looks), torch.zeros(organ.shape, device=x.device)
        found[organ] = alone
        if self.wide_look is not None and organ.any():
            seen = see_wide(x, rebuilt, organ, features[:, len(FEATURES) :])
            found[organ] = pooled(looks, self.wide_look(seen[None])[0][organ[box_of(organ)]])
        if self.second_opinion is not None and organ.any():
            most = F.softplus(self.second_opinion(features, organ))
            found[organ] = torch.minimum(found[organ], most)
        return {
            **data,
            self.map_key: MetaTensor(found[None].cpu(), meta=meta),
            self.background_key: background(alone.cpu()),
        }


def pooled(looks: torch.Tensor, wide: torch.Tensor) -> torch.Tensor:
    """What members and a wide look say together, by a logarithmic opinion pool.

    Where a lesion is, they agree; where a fold or another scanner misleads some, others do not
    follow, which a mean of odds cannot tell and a mean of their logarithms can (Genest and Zidek
    1986, Statistical Science 1:114). Bounded below, for a member that never was shown a kind of
    lesion must not forbid it.

    Args:
        looks: logits of M members, (M, N).
        wide: logits of the wide look, (N,), which counts as `WIDE_COUNTS` members.

    Returns:
        log(1 + odds), (N,).
    """
    voices = torch.cat([looks, wide[None]]).clamp(min=LOWEST)
    weights = torch.ones(len(voices), device=voices.device)
    weights[-1] = WIDE_COUNTS
    return F.softplus(weights @ voices / weights.sum())
