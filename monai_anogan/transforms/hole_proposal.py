"""What a hole in a brain may have held, before a search makes healthy anatomy of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monai_anogan.transforms.harmonic import harmonic_fill
from monai_anogan.transforms.mirror import mirrored

__all__ = ["HoleProposal"]


class HoleProposal:
    """A blend of what surrounds a hole, continued smoothly, and of the other hemisphere.

    Args:
        mirror: share of the other hemisphere, where it shows tissue, levelled to fit at the rim;
            0 for organs without a mirror image, which are then not registered either.
    """

    def __init__(self, mirror: float = 0.5) -> None:
        if not 0 <= mirror <= 1:
            raise ValueError(f"mirror must be in [0, 1], got {mirror}")
        self.mirror = mirror

    def __call__(
        self, volume: NDArray[np.float32], organ: NDArray[np.bool_], hole: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Fill a hole on the grid of the model.

        Args:
            volume: (R, A, S) in network space; what the hole holds is not looked at.
            organ: (R, A, S), the only voxels that are continued.
            hole: (R, A, S), inside the organ.

        Raises:
            ValueError: The whole organ is a hole.
        """
        smooth = harmonic_fill(volume, hole, known=organ)
        if not self.mirror:
            return smooth
        image, shown = mirrored(smooth, organ, hole)
        rim = organ & shown & ~hole
        if not rim.any():
            return smooth
        beside = harmonic_fill(image - smooth, hole, known=rim)  # so that the rims meet
        blended = smooth + self.mirror * (image - beside - smooth)
        return np.where(hole & shown, blended, smooth).astype(np.float32)
