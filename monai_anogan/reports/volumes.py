"""The volumes of a case as a browser can hold them: bytes, packed, in one line of text."""

from __future__ import annotations

import base64
import gzip
from typing import Any

import numpy as np
from nibabel.affines import from_matvec
from numpy.typing import NDArray
from scipy import ndimage

from monai_anogan.reports.scene import Scene
from monai_anogan.reports.shade import Shade

__all__ = ["packed"]

FINEST_MM = 1.5  # voxels of the viewer; finer ones would only make the file large


def packed(scene: Scene, shade: Shade) -> dict[str, Any]:
    """The volumes of a scene for the viewer.

    Args:
        scene: the case in RAS.
        shade: its `vmax` becomes byte 255 of the map.

    Returns:
        `shape` (3,), `spacing` (3,) in mm, `affine` (4, 4) voxel to RAS, and `scan`, `healthy` and
        `map`: unsigned bytes, first axis fastest, gzipped, in base64.
    """
    zoom = np.minimum(1.0, scene.spacing / FINEST_MM)
    low, high = scene.window

    def grey(volume: NDArray[np.float32]) -> NDArray[np.float32]:
        return (volume - low) / (high - low)

    volumes = {
        "scan": grey(scene.image),
        "healthy": grey(scene.reconstruction),
        "map": scene.anomaly_map / shade.vmax,
    }
    small = {name: _as_bytes(_shrink(volume, zoom)) for name, volume in volumes.items()}
    shape = small["scan"].shape
    scale = np.array(scene.image.shape) / shape  # cells of equal size that fill the same box
    affine = scene.affine @ from_matvec(np.diag(scale), (scale - 1) / 2)
    return {
        "shape": list(shape),
        "spacing": (scene.spacing * scale).tolist(),
        "affine": affine.tolist(),
        **{name: _text(volume) for name, volume in small.items()},
    }


def _shrink(volume: NDArray[np.float32], zoom: NDArray[np.float64]) -> NDArray[np.float32]:
    if (zoom > 0.999).all():
        return volume
    return ndimage.zoom(volume, zoom, order=1, grid_mode=True, mode="nearest")


def _as_bytes(share: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.round(np.clip(share, 0, 1) * 255).astype(np.uint8)


def _text(volume: NDArray[np.uint8]) -> str:
    squeezed = gzip.compress(volume.tobytes(order="F"), compresslevel=6, mtime=0)
    return base64.b64encode(squeezed).decode("ascii")
