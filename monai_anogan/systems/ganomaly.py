"""GANomaly: encode, decode, encode again; an anomaly is what the second look does not confirm.

Akcay et al. 2018 (arXiv 1805.06725). The generator of the paper is E, G and a second encoder here;
equation and section numbers are the paper's.
"""

from __future__ import annotations

import torch

from monai_anogan.losses import NonSaturatingR1, mean_square
from monai_anogan.networks import Discriminator, Encoder, Generator
from monai_anogan.systems.phases import Phase, Step, Turn, discriminator_turn
from monai_anogan.systems.system import System

__all__ = ["GANomaly"]

Made = tuple[torch.Tensor, torch.Tensor, torch.Tensor]  # z, G(z), E'(G(z))


class GANomaly(System):
    """The bundle's `network_def`; `forward` is G(E(x)).

    The paper compares scores that are scaled to [0, 1] over the test set (equation 7); a scaling
    that needs the whole set is left to whoever holds it, and ranks no two patches otherwise.

    Args:
        spatial_dims: 2 or 3.
        patch_size: voxels of a patch along each axis: 8, 16, 32, 64, ...
        latent_size: Z.
        channels: C of a patch.
        width: feature maps next to the patch, in all four networks.
        max_width: most feature maps of a layer.
        discriminator_norm: normalisation in D.
        adversarial_weight: w_adv, of feature matching.
        contextual_weight: w_con, of the patch itself.
        encoder_weight: w_enc, of the latents.
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
        adversarial_weight: float = 1.0,
        contextual_weight: float = 50.0,
        encoder_weight: float = 1.0,
        r1_gamma: float = 1.0,
        learning_rate: float = 1e-3,
    ) -> None:
        super().__init__(spatial_dims, patch_size, channels)
        self.adversarial_weight, self.contextual_weight = adversarial_weight, contextual_weight
        self.encoder_weight = encoder_weight
        self.r1_gamma, self.learning_rate = r1_gamma, learning_rate
        size = (spatial_dims, patch_size)
        widths = {"channels": channels, "width": width, "max_width": max_width}
        self.encoder = Encoder(*size, latent_size, norm="batch", **widths)
        self.generator = Generator(*size, latent_size, norm="batch", **widths)
        self.second_encoder = Encoder(*size, latent_size, norm="batch", **widths)
        self.discriminator = Discriminator(*size, norm=discriminator_norm, **widths)

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        """Reconstruction G(E(x)), (B, C, *S) to (B, C, *S), both in [-1, 1]."""
        return self.generator(self.encoder(patches))

    def phases(self) -> tuple[Phase, ...]:
        """A step of D, a step of the two encoders and G together (section 3.2)."""
        loss, rate = NonSaturatingR1(self.r1_gamma), self.learning_rate
        parts = ("encoder", "generator", "second_encoder")
        turns = (
            discriminator_turn(self.discriminator, loss, lambda made: made[1], lr=rate),
            Turn("generator", parts, self.generator_loss, lr=rate),
        )
        return (Phase("adversarial", self._pass, turns),)

    def generator_loss(self, step: Step, made: Made) -> torch.Tensor:
        """w_adv L_adv + w_con L_con + w_enc L_enc (equations 1 to 4), each a mean over its values.

        L_adv and L_enc are squared, L_con is absolute, as in the authors' program.
        """
        latents, rebuilt, again = made
        features = self.discriminator.features
        adversarial = mean_square(features(step.patches), features(rebuilt)).mean()
        contextual = (step.patches - rebuilt).abs().mean()
        encoder = mean_square(latents, again).mean()
        return (
            self.adversarial_weight * adversarial
            + self.contextual_weight * contextual
            + self.encoder_weight * encoder
        )

    def scores(
        self,
        patches: torch.Tensor,
        reconstruction: torch.Tensor,
        latents: torch.Tensor | None = None,
    ) -> dict[str, torch.Tensor]:
        """A = ||E(x) - E'(G(E(x)))||_1 (equation 6); beside it the residual, for the map shows it.

        `A_squared` is what the authors' program computes in place of A, the mean square.
        """
        latents = self.encoder(patches) if latents is None else latents
        again = self.second_encoder(reconstruction)
        return {
            "A": (latents - again).abs().sum(1),
            "A_squared": mean_square(latents, again),
            "R": (patches - reconstruction).abs().flatten(1).sum(1),
        }

    def _pass(self, step: Step) -> Made:
        latents = self.encoder(step.patches)
        rebuilt = self.generator(latents)
        return latents.float(), rebuilt.float(), self.second_encoder(rebuilt).float()
