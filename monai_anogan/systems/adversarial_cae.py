"""aCAE: an autoencoder whose reconstructions a discriminator takes for real.

The adversarial convolutional autoencoder that AnoGAN was measured against (Schlegl et al. 2017,
arXiv 1703.05921, section 3): encoder and losses after Pathak et al. 2016 (arXiv 1604.07379,
equations 1 to 3), on whole patches.
"""

from __future__ import annotations

import torch

from monai_anogan.losses import MatchingLoss, NonSaturatingR1, mean_square
from monai_anogan.networks import Discriminator, Encoder, Generator
from monai_anogan.systems.phases import Phase, Step, Turn, discriminator_turn
from monai_anogan.systems.system import System

__all__ = ["AdversarialCAE"]


class AdversarialCAE(System):
    """The bundle's `network_def`; `forward` is G(E(x)).

    Args:
        spatial_dims: 2 or 3.
        patch_size: voxels of a patch along each axis: 8, 16, 32, 64, ...
        latent_size: Z.
        channels: C of a patch.
        width: feature maps next to the patch, in all three networks.
        max_width: most feature maps of a layer.
        discriminator_norm: normalisation in D.
        adversarial_weight: lambda_adv of Pathak et al.; lambda_rec is what is left of 1.
        weight: lambda, the share of feature matching in the score.
        r1_gamma: weight of the R1 penalty on D; 0 is the plain game.
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
        adversarial_weight: float = 0.001,
        weight: float = 0.1,
        r1_gamma: float = 1.0,
        learning_rate: float = 1e-3,
    ) -> None:
        super().__init__(spatial_dims, patch_size, channels)
        self.adversarial_weight, self.weight = adversarial_weight, weight
        self.r1_gamma, self.learning_rate = r1_gamma, learning_rate
        size = (spatial_dims, patch_size)
        widths = {"channels": channels, "width": width, "max_width": max_width}
        self.encoder = Encoder(*size, latent_size, norm="batch", **widths)
        self.generator = Generator(*size, latent_size, norm="batch", **widths)
        self.discriminator = Discriminator(*size, norm=discriminator_norm, **widths)

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        """Reconstruction G(E(x)), (B, C, *S) to (B, C, *S), both in [-1, 1]."""
        return self.generator(self.encoder(patches))

    def phases(self) -> tuple[Phase, ...]:
        """A step of D, a step of E and G together."""
        loss, rate = NonSaturatingR1(self.r1_gamma), self.learning_rate
        turns = (
            discriminator_turn(self.discriminator, loss, lambda rebuilt: rebuilt, lr=rate),
            Turn("generator", ("encoder", "generator"), self.generator_loss, lr=rate),
        )
        return (Phase("adversarial", lambda step: self(step.patches).float(), turns),)

    def generator_loss(self, step: Step, rebuilt: torch.Tensor) -> torch.Tensor:
        """lambda_rec mean (x - G(E(x)))^2 - lambda_adv log D(G(E(x)))."""
        rebuilding = mean_square(step.patches, rebuilt).mean()
        fooling = NonSaturatingR1().generator(self.discriminator(rebuilt).float())
        return (1 - self.adversarial_weight) * rebuilding + self.adversarial_weight * fooling

    def scores(
        self,
        patches: torch.Tensor,
        reconstruction: torch.Tensor,
        latents: torch.Tensor | None = None,
    ) -> dict[str, torch.Tensor]:
        """A = (1 - lambda) R + lambda D, as AnoGAN's (equation 7), R and D."""
        loss = MatchingLoss(patches, self.discriminator.features, self.weight)
        return {
            "A": loss(reconstruction),
            "R": loss.residual(reconstruction),
            "D": loss.discrimination(reconstruction),
        }
