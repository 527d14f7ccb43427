"""The anomaly map by a learned comparison of the scan with its healthy reconstruction.

|x - G(z)| is large in every fold and vessel that the generator blurs. What tells an unexplained
lesion from that is learned on healthy scans with lesions painted over them, the discriminative half
of DRAEM (Zavrtanik et al. 2021, arXiv 2108.07610), here by a small perceptron on features at
several scales, and on how far a voxel is from what its surroundings make expect: it is fitted in
minutes. A network that finds its own features is asked besides, where there is one: see `WideLook`.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import torch
from monai.data import MetaTensor
from monai.transforms import Transform
from monai.utils import convert_to_tensor
from torch import nn
from torch.nn import functional as F

from monai_anogan.errors import InputError
from monai_anogan.maps.in_organ import box_of
from monai_anogan.maps.scale_features import (
    CONTEXT,
    FEATURES,
    context_features,
    scale_features,
)
from monai_anogan.maps.surroundings import SURPRISES, Surroundings, surprises
from monai_anogan.maps.wide_look import WideLook, see_wide

__all__ = ["Comparison", "ComparisonMapd", "Perceptron", "TwoLooks", "load_comparison"]

FARTHEST = 8.0  # standard deviations of a feature; beyond, nothing was learned
WIDTH = 128
AT_ONCE = 16_384  # voxels; what the layers make of them fits the caches, and steps are few
SEEN = len(FEATURES) + len(SURPRISES)
WIDE_COUNTS = 4  # as many members
LOWEST = -5.0  # logit; below, no voice says more than that it sees nothing


class Perceptron(nn.Module):
    """Two hidden layers on standardised features, (N, F) to logits (N,).

    Args:
        features: F.
        width: units of a hidden layer.
    """

    mean: torch.Tensor
    spread: torch.Tensor

    def __init__(self, features: int, width: int = WIDTH) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("spread", torch.ones(features))
        self.layers = nn.Sequential(
            nn.Linear(features, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, 1),
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return torch.cat([self._logits(some) for some in features.split(AT_ONCE)])

    def _logits(self, features: torch.Tensor) -> torch.Tensor:
        scaled = ((features.float() - self.mean) / self.spread).clamp(-FARTHEST, FARTHEST)
        return self.layers(scaled)[:, 0]


class TwoLooks(nn.Module):
    """Two looks at the voxels of an organ.

    The first judges a voxel by what `Comparison.see` gives. The second sees besides how the
    evidence of the first lies around the voxel (auto-context: Tu and Bai 2010, IEEE TPAMI 32), so
    that it can fill a large lesion and drop a speck.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first = Perceptron(SEEN)
        self.second = Perceptron(SEEN + len(CONTEXT))

    def look_again(self, features: torch.Tensor, organ: torch.Tensor) -> torch.Tensor:
        """What the second look sees: `features`, (N, F), with the first look's evidence beside."""
        evidence = F.softplus(self.first(features))
        return torch.cat([features, context_features(evidence, organ)], dim=1)

    def forward(self, features: torch.Tensor, organ: torch.Tensor) -> torch.Tensor:
        """Logarithm of the odds of a lesion at each voxel, (N,)."""
        return self.second(self.look_again(features, organ))


class Comparison(nn.Module):
    """Members that look at scan and reconstruction each for itself; fitted by `ComparisonFit`.

    All see the same; what one makes of a rare fold or a faint lesion depends on the lesions it was
    shown. The mean of several depends on it less (bagging: Breiman 1996, Machine Learning 24).

    Args:
        members: how many.
    """

    def __init__(self, members: int = 1) -> None:
        super().__init__()
        self.surroundings = Surroundings()
        self.members = nn.ModuleList(TwoLooks() for _ in range(members))

    def see(
        self, image: torch.Tensor, reconstruction: torch.Tensor, organ: torch.Tensor
    ) -> torch.Tensor:
        """What a first look sees of each voxel of the organ, (N, SEEN); volumes are (D, H, W)."""
        features = scale_features(image, reconstruction, organ)
        return torch.cat(
            [features, surprises(self.surroundings, image, reconstruction, organ)], dim=1
        )

    @torch.no_grad()
    def evidence(
        self,
        image: torch.Tensor,
        reconstruction: torch.Tensor,
        mask: torch.Tensor,
        wide_look: WideLook | None = None,
    ) -> torch.Tensor:
        """Evidence of a lesion at each voxel, log(1 + odds), (1, D, H, W), 0 outside the organ.

        Args:
            image: the scan in network space, (1, D, H, W).
            reconstruction: its healthy reconstruction.
            mask: the organ, 0 or 1.
            wide_look: asked besides, see `pooled`; without one it is the mean of the members'.
        """
        volumes = [convert_to_tensor(v, track_meta=False) for v in (image, reconstruction, mask)]
        device = next(self.parameters()).device
        x, rebuilt, organ = (v[0].to(device) for v in volumes)
        organ = organ > 0
        features = self.see(x, rebuilt, organ)
        found = torch.zeros(organ.shape, device=device)
        looks = torch.stack([look(features, organ) for look in self.members])
        if wide_look is None or not organ.any():
            found[organ] = F.softplus(looks).mean(0)
        else:
            seen = see_wide(x, rebuilt, organ, features[:, len(FEATURES) :])
            found[organ] = pooled(looks, wide_look(seen[None])[0][organ[box_of(organ)]])
        return found[None].to(volumes[0].device)


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


class ComparisonMapd(Transform):
    """Write the evidence of a lesion under `map_key`, 0 outside the mask; see `Comparison`.

    Args:
        comparison: fitted.
        wide_look: asked besides; None leaves it to the comparison.
        image_key: the scan in network space, (1, D, H, W).
        reconstruction_key: its healthy reconstruction, same shape.
        mask_key: the organ, same shape.
        map_key: where the map goes, (1, D, H, W) float32.
    """

    def __init__(
        self,
        comparison: Comparison,
        wide_look: WideLook | None = None,
        image_key: str = "image",
        reconstruction_key: str = "reconstruction",
        mask_key: str = "mask",
        map_key: str = "anomaly_map",
    ) -> None:
        self.comparison, self.wide_look = comparison, wide_look
        self.image_key, self.reconstruction_key = image_key, reconstruction_key
        self.mask_key, self.map_key = mask_key, map_key

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        image = data[self.image_key]
        meta: dict[str, Any] = {"affine": image.affine} if isinstance(image, MetaTensor) else {}
        found = self.comparison.evidence(
            image, data[self.reconstruction_key], data[self.mask_key], self.wide_look
        ).cpu()
        return {**data, self.map_key: MetaTensor(found, meta=meta)}


def load_comparison(path: str | Path, device: str | torch.device = "cpu") -> Comparison:
    """A fitted comparison, frozen.

    Raises:
        InputError: The file is not there, or holds something else.
    """
    if not Path(path).is_file():
        raise InputError(
            f"the comparison must be fitted first, {path} is missing; run the bundle's "
            "fit_comparison.json, or take configs/residual_map.yaml as an overlay"
        )
    state = torch.load(path, map_location="cpu", weights_only=True)
    try:
        comparison = Comparison(len({n.split(".")[1] for n in state if n.startswith("members.")}))
        comparison.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError, IndexError) as error:
        raise InputError(
            f"{path} must be a comparison of this version, got something else; fit it again"
        ) from error
    return comparison.to(device).float().eval().requires_grad_(False)
