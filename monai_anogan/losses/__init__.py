"""Losses of the adversarial training and of the latent search."""

from monai_anogan.losses.adversarial import AdversarialLoss, NonSaturatingR1, WassersteinGP
from monai_anogan.losses.inpainting import InpaintingLoss, context_weights
from monai_anogan.losses.matching import MatchingLoss, l1_distance, mean_square
from monai_anogan.losses.reference import ReferenceLoss

__all__ = [
    "AdversarialLoss",
    "InpaintingLoss",
    "MatchingLoss",
    "NonSaturatingR1",
    "ReferenceLoss",
    "WassersteinGP",
    "context_weights",
    "l1_distance",
    "mean_square",
]
