"""A look at the whole organ at once, beside the looks at its voxels.

A perceptron of the comparison judges a voxel by features that were thought out for it. This network
finds its own, up to the whole organ wide: the discriminative half of DRAEM (Zavrtanik et al. 2021,
arXiv 2108.07610), a residual U-Net in the manner of nnU-Net (Isensee et al. 2021, Nature Methods
18:203) by MONAI. It is taught by `scripts/train_wide_look.py`, and wants a GPU for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from monai.networks.nets import DynUNet
from torch import nn
from torch.nn import functional as F

from monai_anogan.maps.in_organ import box_of, places
from monai_anogan.maps.surroundings import SURPRISES
from monai_anogan.maps.weights_file import weights_of

__all__ = ["SEEN_WIDE", "WideLook", "load_wide_look", "see_wide"]

FILTERS = (32, 64, 128, 256)
OF_SURROUNDINGS = tuple(
    SURPRISES.index(f"{what} of the {of}")
    for what in ("surprise", "logarithm of the usual error")
    for of in ("voxel", "cube of three")
)
SEEN_WIDE = (
    *("scan", "reconstruction", "residual"),
    *(SURPRISES[index] for index in OF_SURROUNDINGS),
    *("depth", "off the middle", "front", "up", "organ"),
)
"""What each volume is that the network sees, 0 outside the organ."""


class WideLook(nn.Module):
    """(B, len(SEEN_WIDE), D, H, W) to the logit of a lesion at each voxel, (B, D, H, W).

    Args:
        filters: maps of each level, each half as large as the one before.
    """

    def __init__(self, filters: Sequence[int] = FILTERS) -> None:
        super().__init__()
        levels = len(filters)
        self.step = 2 ** (levels - 1)
        self.network = DynUNet(
            spatial_dims=3,
            in_channels=len(SEEN_WIDE),
            out_channels=1,
            kernel_size=[3] * levels,
            strides=[1] + [2] * (levels - 1),
            upsample_kernel_size=[2] * (levels - 1),
            filters=list(filters),
            norm_name="batch",
            res_block=True,
        )

    def forward(self, volumes: torch.Tensor) -> torch.Tensor:
        shape = volumes.shape[2:]
        after = [side for n in reversed(shape) for side in (0, -n % self.step)]
        logits = self.network(F.pad(volumes, after))[:, 0]
        return logits[(slice(None), *(slice(0, n) for n in shape))]

    def parts(self) -> dict[str, torch.Tensor]:
        """Every parameter and buffer once; DynUNet's state dict has some under several names."""
        return dict([*self.network.named_parameters(), *self.network.named_buffers()])


def see_wide(
    image: torch.Tensor,
    reconstruction: torch.Tensor,
    mask: torch.Tensor,
    surprise: torch.Tensor,
) -> torch.Tensor:
    """What a `WideLook` is shown of an organ, in the organ's box.

    Args:
        image: x in network space, (D, H, W), in RAS.
        reconstruction: G(z), same shape.
        mask: the organ, True inside; what lies outside has no influence.
        surprise: of the voxels of the organ, (N, len(SURPRISES)), see `surprises`.

    Returns:
        (len(SEEN_WIDE), d, h, w).
    """
    box = box_of(mask)
    x, rebuilt, inside = image[box].float(), reconstruction[box].float(), mask[box]
    of_voxel, of_cube, usual, usual_of_cube = surprise[:, OF_SURROUNDINGS].T
    around = torch.zeros(len(OF_SURROUNDINGS), *inside.shape, device=x.device)
    around[:, inside] = torch.stack(
        [of_voxel / 3, of_cube / 3, usual / 2 + 1, usual_of_cube / 2 + 1]  # about -1 to 1
    )
    seen = [x, rebuilt, x - rebuilt, *around, *places(inside), torch.ones_like(x)]
    return torch.where(inside, torch.stack(seen), 0.0)


def load_wide_look(path: str | Path | None, device: str | torch.device = "cpu") -> WideLook | None:
    """A trained wide look, frozen, in float32 whatever the file has; None without a path.

    Raises:
        InputError: The file is not there, or holds something else.
    """
    if path is None:
        return None
    cure = (
        "run scripts/train_wide_look.py, or do without it by an overlay with wide_look_file: null"
    )
    with weights_of(path, "wide look", make="train", made="trained", cure=cure) as state:
        look = WideLook([len(state[f"{n}.conv1.conv.weight"]) for n in _levels(state)])
        parts = look.parts()
        if parts.keys() != state.keys():
            raise KeyError("other parts")
        with torch.no_grad():
            for name, part in parts.items():
                part.copy_(state[name])
    return look.to(device).eval().requires_grad_(False)


def _levels(state: dict[str, torch.Tensor]) -> list[str]:
    """The blocks of the levels, from the largest volume to the smallest."""
    down = sorted({n.split(".")[1] for n in state if n.startswith("downsamples.")}, key=int)
    return ["input_block", *(f"downsamples.{n}" for n in down), "bottleneck"]
