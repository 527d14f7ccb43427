"""f-AnoGAN: a generator, the discriminator that taught it, and an encoder that guesses the latent.

Schlegl et al. 2019, "f-AnoGAN: Fast unsupervised anomaly detection with generative adversarial
networks", Medical Image Analysis 54. Its encoder left aside, it is AnoGAN (Schlegl et al. 2017).
"""

from __future__ import annotations

from typing import Any

import torch

from monai_anogan.networks import Discriminator, Encoder, Generator
from monai_anogan.systems.system import System

__all__ = ["FAnoGAN"]


class FAnoGAN(System):
    """The bundle's `network_def`: `forward` is the encoder's guess, G(E(x)); the search is outside.

    Args:
        spatial_dims: 2 or 3.
        patch_size: voxels of a patch along each axis: 8, 16, 32, 64, ...
        latent_size: Z.
        channels: C of a patch.
        width: feature maps next to the patch, in all three networks.
        max_width: most feature maps of a layer.
        discriminator_norm: normalisation in D; None for WGAN-GP.
        tap: the layer of D whose activation is f(x), counted from 0; -1 is the last.
        grid: voxels along an axis of the latent grid; None is one vector, as in the papers.
        depth: plain convolutions at the latent grid, in E; G has one if E has any.
        generator_width: `width` of G, where it differs.
    """

    def __init__(
        self,
        spatial_dims: int = 2,
        patch_size: int = 64,
        latent_size: int = 128,
        *,
        channels: int = 1,
        width: int = 32,
        max_width: int = 512,
        discriminator_norm: str | tuple | None = ("group", {"num_groups": 8}),
        tap: int = -1,
        grid: int | None = None,
        depth: int = 0,
        generator_width: int | None = None,
    ) -> None:
        super().__init__()
        self.spatial_dims, self.patch_size, self.channels = spatial_dims, patch_size, channels
        size = (spatial_dims, patch_size)
        widths: dict[str, Any] = {"channels": channels, "max_width": max_width}
        latent: dict[str, Any] = {"norm": "batch", "grid": grid, **widths}
        self.generator = Generator(
            *size, latent_size, width=generator_width or width, depth=min(depth, 1), **latent
        )
        self.discriminator = Discriminator(
            *size, width=width, norm=discriminator_norm, tap=tap, **widths
        )
        self.encoder = Encoder(*size, latent_size, width=width, depth=depth, **latent)

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        """Reconstruction G(E(x)), (B, C, *S) to (B, C, *S), both in [-1, 1]."""
        return self.generator(self.encoder(patches))
