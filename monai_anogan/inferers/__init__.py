"""MONAI inferers: windows over the foreground, searched and stitched; and patches by themselves."""

from monai_anogan.inferers.cutter import Cutter
from monai_anogan.inferers.latent_search import LatentSearchInferer
from monai_anogan.inferers.patch_scorer import PatchScorer, PatchScores
from monai_anogan.inferers.stitcher import Stitcher, foreground_windows

__all__ = [
    "Cutter",
    "LatentSearchInferer",
    "PatchScorer",
    "PatchScores",
    "Stitcher",
    "foreground_windows",
]
