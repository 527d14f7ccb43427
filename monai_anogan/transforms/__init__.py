"""MONAI dictionary transforms from a loaded scan to the patches a network sees."""

from monai_anogan.transforms.augment import (
    RandCutNeckd,
    RandHeadContrastd,
    RandLesionsd,
    RandSkullStripd,
)
from monai_anogan.transforms.body_mask import BodyMaskd
from monai_anogan.transforms.brain_mask import BrainMaskd, ScaleHeadd
from monai_anogan.transforms.check import CheckVolumed
from monai_anogan.transforms.contrast import RandContrast
from monai_anogan.transforms.corrupt import Corrupt
from monai_anogan.transforms.harmonic import harmonic_fill
from monai_anogan.transforms.hole_proposal import HoleProposal
from monai_anogan.transforms.intensity import (
    BACKGROUND,
    ScaleInMaskd,
    UnscaleInMaskd,
    WindowInMaskd,
    to_scanner_units,
)
from monai_anogan.transforms.lesion import paint_lesion
from monai_anogan.transforms.lesion_scene import RandLesionScened
from monai_anogan.transforms.mirror import mirrored
from monai_anogan.transforms.paint_lesions import PaintLesions
from monai_anogan.transforms.patches import (
    FromUint8,
    RandPatchesd,
    ToUint8d,
    concatenate_patches,
)
from monai_anogan.transforms.shading import MatchShadingd, shading
from monai_anogan.transforms.smooth_noise import SmoothNoise
from monai_anogan.transforms.spacing import SmoothSpacingd

__all__ = [
    "BACKGROUND",
    "BodyMaskd",
    "BrainMaskd",
    "CheckVolumed",
    "Corrupt",
    "FromUint8",
    "HoleProposal",
    "MatchShadingd",
    "PaintLesions",
    "RandContrast",
    "RandCutNeckd",
    "RandHeadContrastd",
    "RandLesionScened",
    "RandLesionsd",
    "RandPatchesd",
    "RandSkullStripd",
    "ScaleHeadd",
    "ScaleInMaskd",
    "SmoothNoise",
    "SmoothSpacingd",
    "ToUint8d",
    "UnscaleInMaskd",
    "WindowInMaskd",
    "concatenate_patches",
    "harmonic_fill",
    "mirrored",
    "paint_lesion",
    "shading",
    "to_scanner_units",
]
