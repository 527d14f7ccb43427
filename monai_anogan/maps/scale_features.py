"""What a voxel of a scan and of its reconstruction looks like at several scales.

Grey values, residual, texture and likeness within Gaussian windows from a voxel to a centimetre
(scale space: Lindeberg 1998, IJCV 30), spots darker or brighter than all around (`top_hats`), the
depth under the organ's surface, the place in it, the difference from the other side, and how the
grey values curve (`curvatures`), which tells a spot from a fold.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from monai_anogan.maps.curvatures import CURVATURES, curvatures
from monai_anogan.maps.in_organ import blur, box_of, means_within, places, within
from monai_anogan.maps.top_hats import top_hats

__all__ = ["CONTEXT", "FEATURES", "context_features", "scale_features"]

SCALES = (0.7, 1.2, 2.0, 3.2, 5.0)  # standard deviations in voxels
LIKE = SCALES[1:]  # at which likeness means something
SPOTS = (3, 5)  # voxels along the sides of a cube
SIDES = (2.0, 3.2)
CURVED = (1.0, 1.7, 2.8)  # at which a volume curves; less is noise
FILLED = 2.0  # of the means that stand for what lies outside the organ when it does

FEATURES = (
    *("residual", "absolute residual", "scan", "reconstruction"),
    *(
        f"{name} at {scale}"
        for scale in SCALES
        for name in ("residual", "absolute residual", "scan", "reconstruction")
    ),
    *(f"texture of the {name} at {scale}" for scale in SCALES for name in ("scan", "rebuilt")),
    *(f"likeness at {scale}" for scale in LIKE),
    *(
        f"{kind} spots of the {name} in {size}"
        for name in ("scan", "rebuilt", "residual")
        for size in SPOTS
        for kind in ("dark", "bright")
    ),
    *("depth", "off the middle", "front", "up"),
    *(f"other side: {name} at {scale}" for scale in SIDES for name in ("residual", "scan")),
    *(
        f"{which} curvature of the {name} at {scale}"
        for scale in CURVED
        for which in CURVATURES
        for name in ("scan", "rebuilt", "residual")
    ),
)
"""What each feature is."""

CONTEXT = ("evidence", *(f"evidence at {scale}" for scale in SCALES))
"""What each feature of a second look is, besides."""


def scale_features(
    image: torch.Tensor, reconstruction: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Features of the voxels of an organ.

    Args:
        image: x in network space, (D, H, W), in RAS.
        reconstruction: G(z), same shape.
        mask: the organ, True inside; what lies outside has no influence.

    Returns:
        (N, F) in the order of `mask.nonzero()`.
    """
    box = box_of(mask)
    inside = mask[box]
    if not inside.numel():
        return torch.zeros(0, len(FEATURES), device=image.device)
    x, rebuilt = (torch.where(inside, v[box].float(), 0.0) for v in (image, reconstruction))
    residual = x - rebuilt
    now = [residual, residual.abs(), x, rebuilt]
    smooth = _smooth([*now, x * x, rebuilt * rebuilt, x * rebuilt], inside)
    volumes = [*now, *(v for scale in SCALES for v in smooth[scale][:4])]
    textures = {scale: _textures(smooth[scale]) for scale in SCALES}
    volumes += [texture.sqrt() for scale in SCALES for texture in textures[scale]]
    volumes += [_likeness(smooth[scale], textures[scale]) for scale in LIKE]
    volumes += [
        hat for v in (x, rebuilt, residual) for n in SPOTS for hat in top_hats(v, inside, n)
    ]
    volumes += places(inside)
    for scale in SIDES:
        volumes += [_other_side(smooth[scale][k], inside) for k in (0, 2)]
    values = within(volumes, inside)
    curved = _curvatures(torch.stack([x, rebuilt]), smooth[FILLED][2:4], inside)
    return torch.cat([values, *curved]).T


def context_features(evidence: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """How the evidence of first looks lies around each voxel.

    Args:
        evidence: of M looks at the voxels of the organ, (M, N) in the order of `mask.nonzero()`.
        mask: the organ, (D, H, W).

    Returns:
        (M, N, len(CONTEXT)).
    """
    box = box_of(mask)
    inside = mask[box]
    volumes = torch.zeros(len(evidence), *inside.shape, device=evidence.device)
    volumes[:, inside] = evidence
    smooth = _smooth([*volumes], inside)
    return torch.stack([evidence, *(within(smooth[scale], inside) for scale in SCALES)], dim=2)


def _smooth(volumes: list[torch.Tensor], inside: torch.Tensor) -> dict[float, torch.Tensor]:
    """Gaussian means over the organ alone, (V, D, H, W) for each scale."""
    stack = torch.stack(volumes)
    return {scale: means_within(stack, inside, scale) for scale in SCALES}


def _textures(means: torch.Tensor) -> list[torch.Tensor]:
    """Variances of scan and reconstruction around their local means."""
    return [(means[4] - means[2] ** 2).clamp(min=1e-4), (means[5] - means[3] ** 2).clamp(min=1e-4)]


def _likeness(means: torch.Tensor, textures: list[torch.Tensor]) -> torch.Tensor:
    """Local normalised cross-correlation of scan and reconstruction."""
    return (means[6] - means[2] * means[3]) / ((textures[0] + 1e-3) * (textures[1] + 1e-3)).sqrt()


def _curvatures(
    volumes: torch.Tensor, around: torch.Tensor, inside: torch.Tensor
) -> Iterator[torch.Tensor]:
    """Curvatures of scan, reconstruction and residual at each scale, (3, N) each.

    Outside the organ they go on as its smooth means, for its surface is no sheet in it. By the
    square of the scale they are comparable from scale to scale.
    """
    filled = torch.where(inside, volumes, around)
    stack = torch.cat([torch.ones_like(filled[:1]), filled, filled[:1] - filled[1:]])
    for scale in CURVED:
        smooth = blur(stack, scale)  # the ones fall off where the box ends, as the others do
        yield from (scale**2 * c for c in curvatures(smooth[1:] / smooth[0], inside))


def _other_side(volume: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
    """Difference from the mirror image about the organ's middle, 0 where that has no organ."""
    return torch.where(inside.flip(0), volume - volume.flip(0), 0.0)
