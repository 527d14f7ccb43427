"""A second opinion that another scanner hardly disturbs, which a map may not go beyond.

What a comparison takes for healthy, it takes for healthy on the scanner that it was taught with.
This one was shown scans altered as other scanners would have made them, and sees each feature in
the spread that it has in the scan itself, as instance normalisation does (Ulyanov et al. 2016,
arXiv 1607.08022), here by a median that lesions hardly move. It sees less at home, so it says
nothing itself: where it holds tissue for healthy, the map is held down, and elsewhere it is left.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from monai_anogan.maps.scale_features import FEATURES
from monai_anogan.maps.two_looks import TwoLooks, look_twice
from monai_anogan.maps.weights_file import weights_of
from monai_anogan.transforms.highest import highest

__all__ = ["SecondOpinion", "in_own_spreads", "load_second_opinion"]

PLACES = [FEATURES.index(name) for name in ("depth", "off the middle", "front", "up")]
MIDDLE = (0.2, 0.5, 0.8)  # quantiles: the middle three fifths are the spread
EVERY = 7  # voxels; enough for a quantile
NARROWEST = 1e-3
BESIDE = 3  # voxels along the sides of the cube within which a lesion is not held down
LOWEST = -8.0  # logit


class SecondOpinion(nn.Module):
    """Members that look as those of a `Comparison` do; fitted by `ComparisonFit`.

    Args:
        members: how many.
    """

    def __init__(self, members: int = 2) -> None:
        super().__init__()
        self.members = nn.ModuleList(TwoLooks() for _ in range(members))

    def forward(self, features: torch.Tensor, organ: torch.Tensor) -> torch.Tensor:
        """The highest logit that a map may have at each voxel of an organ, (N,).

        The members' mean, at most as it is beside: they say where a lesion is, not where it ends.

        Args:
            features: what `Comparison.see` gives, (N, SEEN).
            organ: (D, H, W), True inside.
        """
        looks = look_twice(self.members, in_own_spreads(features), organ)
        mean = torch.full(organ.shape, LOWEST, device=features.device)
        mean[organ] = looks.clamp(min=LOWEST).mean(0)
        return highest(mean, BESIDE)[organ]


def in_own_spreads(features: torch.Tensor) -> torch.Tensor:
    """Features, (N, SEEN), counted from their median in spreads, but for the place in the organ."""
    if not len(features):
        return features
    quantiles = torch.tensor(MIDDLE, device=features.device)
    low, middle, high = features[::EVERY].quantile(quantiles, dim=0)
    own = (features - middle) / (high - low).clamp(min=NARROWEST)
    own[:, PLACES] = features[:, PLACES]
    return own


def load_second_opinion(
    path: str | Path | None, device: str | torch.device = "cpu"
) -> SecondOpinion | None:
    """A fitted second opinion, frozen; None without a path.

    Raises:
        InputError: The file is not there, or holds something else.
    """
    if path is None:
        return None
    cure = (
        "run the bundle's fit_comparison.json with configs/second_opinion.yaml, or do without it "
        "by an overlay with second_opinion_file: null"
    )
    with weights_of(path, "second opinion", make="fit", made="fitted", cure=cure) as state:
        opinion = SecondOpinion(len({name.split(".")[1] for name in state}))
        opinion.load_state_dict(state)
    return opinion.to(device).float().eval().requires_grad_(False)
