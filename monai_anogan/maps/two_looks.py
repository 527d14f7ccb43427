"""Two looks at the voxels of an organ, the second at what the first found around each besides."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
from torch import nn
from torch.nn import functional as F

from monai_anogan.maps.scale_features import CONTEXT, FEATURES, context_features
from monai_anogan.maps.surroundings import SURPRISES

__all__ = ["AT_ONCE", "Perceptron", "TwoLooks", "look_twice"]

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
            nn.ReLU(inplace=True),
            nn.Linear(width, width),
            nn.ReLU(inplace=True),
            nn.Linear(width, 1),
        )

    def forward(self, *features: torch.Tensor) -> torch.Tensor:
        """Logits, (N,), of features in one part or several, (N, F1), (N, F2) and so on."""
        blocks = zip(*(part.split(AT_ONCE) for part in features), strict=True)
        return torch.cat([self._logits(torch.cat(parts, dim=1)) for parts in blocks])

    def _logits(self, features: torch.Tensor) -> torch.Tensor:
        scaled = (features.float() - self.mean).div_(self.spread).clamp_(-FARTHEST, FARTHEST)
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


def look_twice(
    members: Iterable[nn.Module], features: torch.Tensor, organ: torch.Tensor
) -> torch.Tensor:
    """What each of M `TwoLooks` makes of an organ: logits of a lesion, (M, N).

    Args:
        members: the looks.
        features: what a first look sees of each voxel, (N, SEEN) in the order of `organ.nonzero()`.
        organ: (D, H, W), True inside.
    """
    looks = [cast("TwoLooks", member) for member in members]
    first = torch.stack([member.first(features) for member in looks])
    around = context_features(F.softplus(first), organ)
    return torch.stack([m.second(features, a) for m, a in zip(looks, around, strict=True)])
