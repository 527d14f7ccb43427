"""The anomaly map by a learned comparison of the scan with its healthy reconstruction.

|x - G(z)| is large in every fold and vessel that the generator blurs. What tells an unexplained
lesion from that is learned on healthy scans with lesions painted over them, the discriminative half
of DRAEM (Zavrtanik et al. 2021, arXiv 2108.07610), here by a small perceptron on features at
several scales, and on how far a voxel is from what its surroundings make expect: it is fitted in
minutes, where a network that has to find its features first needs a day.
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
from monai_anogan.maps.scale_features import (
    CONTEXT,
    FEATURES,
    context_features,
    scale_features,
)
from monai_anogan.maps.surroundings import SURPRISES, Surroundings, surprises

__all__ = ["Comparison", "ComparisonMapd", "Perceptron", "TwoLooks", "load_comparison"]

FARTHEST = 8.0  # standard deviations of a feature; beyond, nothing was learned
WIDTH = 128
AT_ONCE = 16_384  # voxels; what the layers make of them fits the caches, and steps are few
SEEN = len(FEATURES) + len(SURPRISES)


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
        """Evidence of a lesion at each voxel, (N,): log(1 + odds)."""
        return F.softplus(self.second(self.look_again(features, organ)))


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
        self, image: torch.Tensor, reconstruction: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        """Mean evidence of a lesion at each voxel, (1, D, H, W), 0 outside the organ.

        Args:
            image: the scan in network space, (1, D, H, W).
            reconstruction: its healthy reconstruction.
            mask: the organ, 0 or 1.
        """
        volumes = [convert_to_tensor(v, track_meta=False) for v in (image, reconstruction, mask)]
        device = next(self.parameters()).device
        x, rebuilt, organ = (v[0].to(device) for v in volumes)
        organ = organ > 0
        features = self.see(x, rebuilt, organ)
        found = torch.zeros(organ.shape, device=device)
        found[organ] = torch.stack([look(features, organ) for look in self.members]).mean(0)
        return found[None].to(volumes[0].device)


class ComparisonMapd(Transform):
    """Write the evidence of a lesion under `map_key`, 0 outside the mask; see `Comparison`.

    Args:
        comparison: fitted.
        image_key: the scan in network space, (1, D, H, W).
        reconstruction_key: its healthy reconstruction, same shape.
        mask_key: the organ, same shape.
        map_key: where the map goes, (1, D, H, W) float32.
    """

    def __init__(
        self,
        comparison: Comparison,
        image_key: str = "image",
        reconstruction_key: str = "reconstruction",
        mask_key: str = "mask",
        map_key: str = "anomaly_map",
    ) -> None:
        self.comparison = comparison
        self.image_key, self.reconstruction_key = image_key, reconstruction_key
        self.mask_key, self.map_key = mask_key, map_key

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        image = data[self.image_key]
        meta: dict[str, Any] = {"affine": image.affine} if isinstance(image, MetaTensor) else {}
        found = self.comparison.evidence(
            image, data[self.reconstruction_key], data[self.mask_key]
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
