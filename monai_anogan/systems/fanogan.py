"""f-AnoGAN: a generator, the discriminator that taught it, and an encoder that guesses the latent.

Schlegl et al. 2019, "f-AnoGAN: Fast unsupervised anomaly detection with generative adversarial
networks", Medical Image Analysis 54: G and D by WGAN-GP (Gulrajani et al. 2017, arXiv 1704.00028,
equation 3), then E against the frozen two by "izi_f" (section 2.3). `phases` is that route; the
shipped model took another (scripts/train_brain_mr.sh): a warm start, R1, lesions painted on.
"""

from __future__ import annotations

from typing import Any

import torch

from monai_anogan.losses import WassersteinGP, mean_square
from monai_anogan.networks import Discriminator, Encoder, Generator
from monai_anogan.systems.phases import Phase, Step, Turn, discriminator_turn
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
        kappa: weight of the feature term in E's loss and in the score.
        critic_steps: iterations, each with a step of D, to one step of G; 5 in WGAN-GP.
        encoder_share: share of the iterations that train E.
        learning_rate: of Adam, in every turn.
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
        kappa: float = 1.0,
        critic_steps: int = 5,
        encoder_share: float = 0.25,
        learning_rate: float = 1e-3,
    ) -> None:
        super().__init__(spatial_dims, patch_size, channels)
        self.kappa, self.critic_steps, self.encoder_share = kappa, critic_steps, encoder_share
        self.learning_rate = learning_rate
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

    def phases(self) -> tuple[Phase, ...]:
        """WGAN-GP of G and D, then izi_f: E alone."""
        loss = WassersteinGP()
        game: dict[str, Any] = {"lr": self.learning_rate, "betas": (0.0, 0.9)}

        def fool(step: Step, fake: torch.Tensor) -> torch.Tensor:
            return loss.generator(self.discriminator(fake).float())

        def explain(step: Step, rebuilt: torch.Tensor) -> torch.Tensor:
            residual, features = self._differences(step.patches, rebuilt)
            return (residual + self.kappa * features).mean()

        critic = discriminator_turn(self.discriminator, loss, lambda fake: fake, **game)
        generator = Turn("generator", ("generator",), fool, every=self.critic_steps, **game)
        encoder = Turn("encoder", ("encoder",), explain, lr=self.learning_rate)
        return (
            Phase("wgan", self.generate_for, (critic, generator), share=1 - self.encoder_share),
            Phase("izi_f", self._rebuild, (encoder,), share=self.encoder_share),
        )

    def scores(
        self,
        patches: torch.Tensor,
        reconstruction: torch.Tensor,
        latents: torch.Tensor | None = None,
    ) -> dict[str, torch.Tensor]:
        """A = A_R + kappa A_D and its two parts, mean squared residuals of patches and features."""
        residual, features = self._differences(patches, reconstruction)
        return {"A": residual + self.kappa * features, "A_R": residual, "A_D": features}

    def _differences(
        self, patches: torch.Tensor, rebuilt: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean (x - y)^2 and mean (f(x) - f(y))^2 of each pair, (B,) and (B,)."""
        features = self.discriminator.features
        return mean_square(patches, rebuilt), mean_square(features(patches), features(rebuilt))

    def _rebuild(self, step: Step) -> torch.Tensor:
        return self(step.patches).float()
