"""Where a search begins: the prior, as in AnoGAN, or the encoder's guess, as in f-AnoGAN."""

from __future__ import annotations

from typing import Protocol

import torch

from monai_anogan.systems import FrozenSystem

__all__ = ["EncoderStart", "PriorStart", "Start"]


class Start(Protocol):
    """Propose latents for a batch of patches."""

    def __call__(
        self, network: FrozenSystem, patches: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Latents (B, Z) for `patches` (B, C, *S); all randomness comes from `generator`."""


class PriorStart:
    """z drawn from the prior N(0, I) (Schlegl et al. 2017, section 2.2)."""

    def __call__(
        self, network: FrozenSystem, patches: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        z = torch.randn(len(patches), network.latent_size, generator=generator)
        return z.to(patches.device)


class EncoderStart:
    """z = E(x) (Schlegl et al. 2019, section 2.3)."""

    def __call__(
        self, network: FrozenSystem, patches: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        return network.encode(patches)
