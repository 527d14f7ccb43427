"""Losses of the adversarial training and of the latent search."""

from monai_anogan.losses.adversarial import AdversarialLoss, NonSaturatingR1, WassersteinGP
from monai_anogan.losses.matching import MatchingLoss, l1_distance

__all__ = [
    "AdversarialLoss",
    "MatchingLoss",
    "NonSaturatingR1",
    "WassersteinGP",
    "l1_distance",
]
