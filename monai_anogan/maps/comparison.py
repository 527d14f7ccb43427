"""The anomaly map by a learned comparison of the scan with its healthy reconstruction.

|x - G(z)| is large in every fold and vessel that the generator blurs. A segmentation network that
sees both, trained on lesions painted over healthy scans (`engines.ComparisonTrainer`), knows what
an unexplained lesion looks like beside that: the discriminative half of DRAEM (Zavrtanik et al.
2021, arXiv 2108.07610).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path

import torch
from monai.data import MetaTensor
from monai.transforms import Transform
from monai.utils import convert_to_tensor
from torch import nn
from torch.nn import functional as F

from monai_anogan.errors import InputError
from monai_anogan.maps.regions import foreground_box

__all__ = ["Comparison", "ComparisonMapd", "side_by_side"]

MARGIN = 4  # voxels around the organ
DIVISOR = 16  # the network halves four times


class Comparison:
    """A trained comparison network, held ready.

    Args:
        network: (B, 3, D, H, W) to one logit a voxel.
        checkpoint: its flat state dict.
        device: where it runs.

    Raises:
        InputError: The file is not there.
    """

    def __init__(
        self, network: nn.Module, checkpoint: str | Path, device: str | torch.device = "cpu"
    ) -> None:
        if not Path(checkpoint).is_file():
            raise InputError(
                f"the comparison must be trained first, {checkpoint} is missing; run the bundle's "
                "train_comparison.json, or take ResidualMapd as the `map` instead"
            )
        self.device = torch.device(device)
        network.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True))
        self.network = network.to(self.device).float().eval().requires_grad_(False)

    @torch.no_grad()
    def __call__(
        self, image: torch.Tensor, reconstruction: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        """Evidence of a lesion at each voxel, (1, D, H, W): log(1 + odds), 0 outside the organ.

        Args:
            image: the scan in network space, (1, D, H, W).
            reconstruction: its healthy reconstruction.
            mask: the organ, 0 or 1.
        """
        volumes = [convert_to_tensor(v, track_meta=False) for v in (image, reconstruction, mask)]
        organ = volumes[2].cpu() > 0
        evidence = torch.zeros(organ.shape)
        box = (slice(None), *foreground_box(organ[0].numpy(), MARGIN))
        seen = side_by_side(*(v[box].to(self.device) for v in volumes))
        if seen.numel():
            short = [side for n in reversed(seen.shape[2:]) for side in (0, -n % DIVISOR)]
            logits = self.network(F.pad(seen, short))[0].float().cpu()
            evidence[box] = F.softplus(logits[:, *map(slice, seen.shape[2:])])
        return evidence * organ


class ComparisonMapd(Transform):
    """Write the evidence of a lesion under `map_key`, 0 outside the mask; see `Comparison`.

    Args:
        comparison: the network.
        image_key: the scan in network space, (1, D, H, W).
        reconstruction_key: its healthy reconstruction, same shape.
        mask_key: the organ, same shape.
        map_key: where the map goes, (1, D, H, W) float32.
    """

    def __init__(
        self,
        comparison: Comparison,
        image_key: str = "image",
        reconstruction_key: str = "reconstruction",
        mask_key: str = "mask",
        map_key: str = "anomaly_map",
    ) -> None:
        self.comparison = comparison
        self.image_key, self.reconstruction_key = image_key, reconstruction_key
        self.mask_key, self.map_key = mask_key, map_key

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        image = data[self.image_key]
        meta = {"affine": image.affine} if isinstance(image, MetaTensor) else {}
        found = self.comparison(image, data[self.reconstruction_key], data[self.mask_key])
        return {**data, self.map_key: MetaTensor(found, meta=meta)}


def side_by_side(
    image: torch.Tensor, reconstruction: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """What the network sees: x, G(z) and x - G(z), 0 outside the organ, (1, 3, D, H, W).

    Args:
        image: x in network space, (1, D, H, W).
        reconstruction: G(z), same shape.
        mask: the organ.
    """
    seen = torch.stack([image, reconstruction, image - reconstruction], dim=1)
    return torch.where(mask[:, None] > 0, seen.float(), 0.0)
