"""Fill a marked region of a scan with healthy anatomy, and leave every other voxel as it is.

Semantic inpainting, Yeh et al. 2016 (arXiv 1607.07539): a latent search for the patch that
continues what surrounds the hole, then Poisson blending. What the scan holds in the hole is taken
out before anything looks at it, so the filling cannot depend on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.data.utils import affine_to_spacing
from monai.transforms import ResampleToMatch
from numpy.typing import NDArray

from monai_anogan.bundle_folder import default_bundle
from monai_anogan.errors import InputError
from monai_anogan.io import MaskFile, mask_on_grid
from monai_anogan.pipeline import Pipeline, Progress, StageClock
from monai_anogan.transforms import harmonic_fill, to_scanner_units

__all__ = ["Filling", "inpaint", "overlay_of"]

TOUCHED = 0.02  # of a voxel of the model may lie in the hole before it counts as unknown
MOST = 0.5  # of the organ may be a hole


@dataclass(frozen=True)
class Filling:
    """A scan before and after; every volume is (1, I, J, K) on the scan's own grid."""

    source: MetaTensor  # as it came, scanner units
    hole: torch.Tensor  # bool, the voxels that were filled
    filled: torch.Tensor  # scanner units; outside the hole the source's own values
    warnings: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)  # by stage

    @property
    def millilitres(self) -> float:
        """How much was filled."""
        voxel = float(np.prod(affine_to_spacing(self.source.affine, r=3).numpy())) / 1000
        return int(self.hole.sum()) * voxel


def overlay_of(bundle: Path | None = None) -> Path:
    """The config of a bundle that makes its inference an inpainting, to be laid over it.

    Raises:
        InputError: The bundle has none.
    """
    path = (bundle or default_bundle()) / "configs" / "inpaint.json"
    if not path.is_file():
        raise InputError(f"a bundle that fills holes must hold {path}, it is missing")
    return path


def inpaint(
    pipeline: Pipeline,
    item: Mapping[str, str],
    mask: MaskFile,
    progress: Progress | None = None,
) -> Filling:
    """Fill what a mask marks.

    Args:
        pipeline: a bundle with its `configs/inpaint.json` laid over.
        item: the case, `{"image": path}`.
        mask: see `read_mask`.
        progress: called with (windows done, windows in all) during the search.

    Raises:
        InputError: The scan cannot be used, or the mask does not fit it.
    """
    clock = StageClock()
    kept: dict[str, Any] = {}

    def take_out(data: dict[str, Any]) -> dict[str, Any]:
        image = data["image"]
        if image.ndim != 4 or len(image) != 1:  # refused by the next transform, in its words
            return data
        hole, kept["told"] = mask_on_grid(mask, tuple(image.shape[1:]), image.affine.numpy())
        kept["source"], kept["hole"] = image.clone(), hole
        smooth = harmonic_fill(image[0].numpy(), hole, spacing=_spacing(image))
        return {**data, "image": image.clone().copy_(torch.from_numpy(smooth)[None])}

    data = pipeline.fill(
        item,
        take_out,
        lambda data: _propose(pipeline, data, kept["hole"]),
        clock=clock,
        progress=progress,
    )
    with clock("blend"):
        filled = _blend(data, kept["source"], kept["hole"])
    hole = torch.from_numpy(kept["hole"])[None]
    warnings = (*kept["told"], *_outside(data, hole))
    return Filling(kept["source"], hole, filled, warnings, clock.seconds)


def _propose(pipeline: Pipeline, data: dict[str, Any], hole: NDArray[np.bool_]) -> dict[str, Any]:
    """The hole on the grid of the model, and a proposal for it in the scan."""
    shares = MetaTensor(torch.from_numpy(hole)[None].float(), affine=data["source"].affine)
    unknown = pipeline["hole_to_model"]({"hole": shares})["hole"].as_tensor()[0].numpy() > TOUCHED
    image, organ = data["image"], data["mask"].as_tensor()[0].numpy() > 0
    inside = unknown & organ
    if not inside.any():
        raise InputError("the mask must mark a part of the organ, got one that lies outside of it")
    if inside.sum() > MOST * organ.sum():
        raise InputError(
            f"the mask must leave half of the organ to go by, got one that takes "
            f"{inside.sum() / organ.sum():.0%} of it"
        )
    proposal = pipeline["proposal"](image.as_tensor()[0].numpy(), organ, inside)
    return {
        **data,
        "image": MetaTensor(torch.from_numpy(proposal)[None], meta=image.meta),
        "smooth": image,
        "hole": torch.from_numpy(inside)[None],
    }


def _blend(data: Mapping[str, Any], source: MetaTensor, hole: NDArray[np.bool_]) -> torch.Tensor:
    """Lay what G made into the scan, without a seam.

    The change that G makes to the smoothly continued scan is brought to the scan's own grid and
    units; a membrane through what it would change at the rim is taken off, so that it is 0 there.
    """
    meta = data["image"].meta
    made, given = (
        to_scanner_units(values, meta) for values in (data["pred"].cpu(), data["smooth"])
    )
    change = (made - given) * data["mask"]
    to_scan = ResampleToMatch(mode="bilinear", padding_mode="zeros")
    change = to_scan(MetaTensor(change, affine=data["image"].affine), source)[0].numpy()
    seam = harmonic_fill(change, hole, spacing=_spacing(source))
    smooth = data["source"].as_tensor()[0].numpy()
    filled = np.where(hole, smooth + change - seam, source.as_tensor()[0].numpy())
    return torch.from_numpy(filled.astype(np.float32))[None]


def _outside(data: Mapping[str, Any], hole: torch.Tensor) -> list[str]:
    """What the generator knows nothing of, and was only continued smoothly."""
    to_scan = ResampleToMatch(mode="nearest", padding_mode="zeros")
    organ = to_scan(data["mask"], data["source"]) > 0
    share = float((hole & ~organ.as_tensor()).sum() / hole.sum())
    if share < 0.01:
        return []
    return [f"{share:.0%} of the mask lies outside the organ and was only continued smoothly"]


def _spacing(volume: MetaTensor) -> list[float]:
    return affine_to_spacing(volume.affine, r=3).tolist()
