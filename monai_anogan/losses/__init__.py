"""Losses of the adversarial training and of the latent search."""

from monai_anogan.losses.adversarial import AdversarialLoss, NonSaturatingR1, WassersteinGP
from monai_anogan.losses.matching import MatchingLoss, l1_distance, mean_square
from monai_anogan.losses.reference import ReferenceLoss

__all__ = [
    "AdversarialLoss",
    "MatchingLoss",
    "NonSaturatingR1",
    "ReferenceLoss",
    "WassersteinGP",
    "l1_distance",
    "mean_square",
]
