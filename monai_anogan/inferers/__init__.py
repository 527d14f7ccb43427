"""MONAI inferers: windows over the foreground, searched and stitched."""

from monai_anogan.inferers.latent_search import LatentSearchInferer
from monai_anogan.inferers.stitcher import Stitcher, foreground_windows

__all__ = ["LatentSearchInferer", "Stitcher", "foreground_windows"]
