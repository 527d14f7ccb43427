"""A discriminator of pairs: does this latent belong to this patch?

Donahue et al. 2016 (arXiv 1605.09782), in the form of Zenati et al. 2018 (arXiv 1802.06222,
appendix): the patch and the latent each pass layers of their own, then one layer together.
"""

from __future__ import annotations

import torch
from torch import nn

from monai_anogan.networks.dcgan import SEED_SIZE, layer_widths, shrinking_stages

__all__ = ["JointDiscriminator"]


class JointDiscriminator(nn.Module):
    """D(x, z): patches (B, C, *S) and latents (B, Z) to one logit each, (B,).

    Args:
        spatial_dims: 2 or 3.
        patch_size: voxels of the patch along each axis: 4 times a power of two, 8 at least.
        latent_size: Z.
        channels: C of the patch.
        width: feature maps of the first layer; they double with every halving, up to `max_width`.
        max_width: most feature maps of a layer, and values of the layers that see z.
        norm: normalisation of the hidden convolutions but the first.
    """

    def __init__(
        self,
        spatial_dims: int = 2,
        patch_size: int = 64,
        latent_size: int = 128,
        *,
        channels: int = 1,
        width: int = 64,
        max_width: int = 512,
        norm: str | tuple | None = ("group", {"num_groups": 8}),
    ) -> None:
        super().__init__()
        widths = layer_widths(patch_size, width, max_width)
        seen = widths[-1] * SEED_SIZE**spatial_dims
        self.stages = shrinking_stages(spatial_dims, channels, widths, norm)
        self.of_latent = nn.Sequential(nn.Linear(latent_size, max_width), nn.LeakyReLU(0.2))
        self.together = nn.Sequential(nn.Linear(seen + max_width, max_width), nn.LeakyReLU(0.2))
        self.judge = nn.Linear(max_width, 1)

    def forward(self, patches: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
        return self.judge(self.features(patches, latents))[:, 0]

    def features(self, patches: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
        """f(x, z): what the logit is computed from, (B, max_width)."""
        for stage in self.stages:
            patches = stage(patches)
        return self.together(torch.cat([patches.flatten(1), self.of_latent(latents)], dim=1))
