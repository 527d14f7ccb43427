"""Losses of the adversarial training and of the latent search."""

from monai_anogan.losses.adversarial import AdversarialLoss, NonSaturatingR1, WassersteinGP
from monai_anogan.losses.inpainting import InpaintingLoss, context_weights
from monai_anogan.losses.matching import MatchingLoss, l1_distance

__all__ = [
    "AdversarialLoss",
    "InpaintingLoss",
    "MatchingLoss",
    "NonSaturatingR1",
    "WassersteinGP",
    "context_weights",
    "l1_distance",
]
