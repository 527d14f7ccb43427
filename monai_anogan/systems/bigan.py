"""BiGAN as an anomaly detector (EGBAD): G and E face one discriminator of pairs (x, z).

Zenati et al. 2018 (arXiv 1802.06222) on the game of Donahue et al. 2016 (arXiv 1605.09782): D tells
(x, E(x)) from (G(z), z), G and E try that it cannot; then E inverts G.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

from monai_anogan.losses import NonSaturatingR1, l1_distance
from monai_anogan.networks import Encoder, Generator, JointDiscriminator
from monai_anogan.systems.phases import Phase, Step, Turn
from monai_anogan.systems.system import System

__all__ = ["BiGAN"]

Made = tuple[torch.Tensor, torch.Tensor, torch.Tensor]  # E(x), z, G(z)


class BiGAN(System):
    """The bundle's `network_def`; `forward` is G(E(x)).

    Args:
        spatial_dims: 2 or 3.
        patch_size: voxels of a patch along each axis: 8, 16, 32, 64, ...
        latent_size: Z.
        channels: C of a patch.
        width: feature maps next to the patch, in all three networks.
        max_width: most feature maps of a layer.
        discriminator_norm: normalisation in D.
        weight: share of the discriminator's part in the score, 1 - alpha of the paper.
        r1_gamma: weight of the R1 penalty on D, for x; 0 is the plain game.
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
        weight: float = 0.1,
        r1_gamma: float = 0.05,
        learning_rate: float = 5e-4,
    ) -> None:
        super().__init__(spatial_dims, patch_size, channels, matching="residual")
        self.weight, self.r1_gamma, self.learning_rate = weight, r1_gamma, learning_rate
        size = (spatial_dims, patch_size, latent_size)
        widths = {"channels": channels, "width": width, "max_width": max_width}
        self.generator = Generator(*size, norm="batch", **widths)
        self.encoder = Encoder(*size, norm="batch", **widths)
        self.discriminator = JointDiscriminator(*size, norm=discriminator_norm, **widths)

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        """Reconstruction G(E(x)), (B, C, *S) to (B, C, *S), both in [-1, 1]."""
        return self.generator(self.encoder(patches))

    def phases(self) -> tuple[Phase, ...]:
        """A step of D, a step of G and E together."""
        rate = self.learning_rate
        turns = (
            Turn("discriminator", ("discriminator",), self.discriminator_loss, lr=rate),
            Turn("generator", ("generator", "encoder"), self.generator_loss, lr=rate),
        )
        return (Phase("adversarial", self._pairs, turns),)

    def discriminator_loss(self, step: Step, made: Made) -> torch.Tensor:
        """-log D(x, E(x)) - log(1 - D(G(z), z)), and the penalty when it is due."""
        codes, latents, fake = (part.detach() for part in made)
        loss = NonSaturatingR1(self.r1_gamma)
        total = loss.discriminator(*self._judged(step.patches, codes, fake, latents))
        if step.iteration % loss.penalty_every:
            return total

        def critic(patches: torch.Tensor) -> torch.Tensor:
            return self.discriminator(patches, codes)

        return total + loss.penalty(critic, step.patches, fake, step.rng)

    def generator_loss(self, step: Step, made: Made) -> torch.Tensor:
        """-log(1 - D(x, E(x))) - log D(G(z), z): the two swap what they want D to say."""
        codes, latents, fake = made
        on_real, on_fake = self._judged(step.patches, codes, fake, latents)
        return F.softplus(on_real).mean() + F.softplus(-on_fake).mean()

    def scores(
        self,
        patches: torch.Tensor,
        reconstruction: torch.Tensor,
        latents: torch.Tensor | None = None,
    ) -> dict[str, torch.Tensor]:
        """A = alpha L_G + (1 - alpha) L_D with both L_D of the paper (section 3), and the parts.

        L_G is sum|x - G(E(x))|. L_D is, by feature matching, sum|f(x, E(x)) - f(G(E(x)), E(x))|,
        and by cross-entropy -log D(x, E(x)).
        """
        codes = self.encoder(patches) if latents is None else latents
        residual = l1_distance(patches, reconstruction)
        features = self.discriminator.features
        matching = l1_distance(features(patches, codes), features(reconstruction, codes))
        entropy = F.softplus(-self.discriminator(patches, codes).float())
        return {
            "A_fm": (1 - self.weight) * residual + self.weight * matching,
            "A_ce": (1 - self.weight) * residual + self.weight * entropy,
            "R": residual,
            "D_fm": matching,
            "D_ce": entropy,
        }

    def _pairs(self, step: Step) -> Made:
        latents = self.sample_latents(len(step.patches), step.rng)
        return self.encoder(step.patches).float(), latents, self.generator(latents).float()

    def _judged(
        self,
        patches: torch.Tensor,
        codes: torch.Tensor,
        fake: torch.Tensor,
        latents: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """D's logits on (x, E(x)) and on (G(z), z), (B,) each."""
        both = torch.cat([patches, fake]), torch.cat([codes, latents])
        on_real, on_fake = self.discriminator(*both).float().chunk(2)
        return on_real, on_fake
