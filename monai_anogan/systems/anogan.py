"""AnoGAN: a generator and a discriminator; what z explains a patch is searched for.

Schlegl et al. 2017 (arXiv 1703.05921), on the networks and the game of DCGAN (Radford et al. 2016,
arXiv 1511.06434). With the reference loss of Yeh et al. 2016 (arXiv 1607.07539) it is the paper's
GAN_R. D's own output is the paper's baseline P_D.
"""

from __future__ import annotations

import torch

from monai_anogan.losses import MatchingLoss, NonSaturatingR1, ReferenceLoss
from monai_anogan.networks import Discriminator, Generator
from monai_anogan.systems.phases import Phase, Step, Turn, discriminator_turn
from monai_anogan.systems.search_plan import SearchPlan
from monai_anogan.systems.system import System

__all__ = ["AnoGAN"]


class AnoGAN(System):
    """The bundle's `network_def`; `forward` is where a search could begin, G(0), for every patch.

    Args:
        spatial_dims: 2 or 3.
        patch_size: voxels of a patch along each axis: 8, 16, 32, 64, ...
        latent_size: Z.
        channels: C of a patch.
        width: feature maps next to the patch, in both networks.
        max_width: most feature maps of a layer.
        discriminator_norm: normalisation in D.
        matching: `features` for the paper's feature matching, `reference` for GAN_R.
        weight: lambda, the share of the discrimination loss in search and score.
        r1_gamma: weight of the R1 penalty on D, which keeps the game stable; 0 is the plain game.
        learning_rate: of Adam, in every turn.

    Raises:
        ValueError: `matching` has another name.
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
        matching: str = "features",
        weight: float = 0.1,
        r1_gamma: float = 0.05,
        learning_rate: float = 5e-4,
    ) -> None:
        if matching not in ("features", "reference"):
            raise ValueError(f"matching must be features or reference, got {matching!r}")
        super().__init__(
            spatial_dims, patch_size, channels, search=SearchPlan(weight=weight), matching=matching
        )
        self.weight = weight
        self.r1_gamma, self.learning_rate = r1_gamma, learning_rate
        size = (spatial_dims, patch_size)
        widths = {"channels": channels, "width": width, "max_width": max_width}
        self.generator = Generator(*size, latent_size, norm="batch", **widths)
        self.discriminator = Discriminator(*size, norm=discriminator_norm, **widths)

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        """G(0), the middle of the prior, once for each of (B, C, *S): no search, so no x in it."""
        z = torch.zeros(patches.shape[0], self.generator.latent_size, device=patches.device)
        return self.generator(z)

    def phases(self) -> tuple[Phase, ...]:
        """The adversarial game: a step of D, a step of G (equation 1)."""
        loss = NonSaturatingR1(self.r1_gamma)

        def fool(step: Step, fake: torch.Tensor) -> torch.Tensor:
            return loss.generator(self.discriminator(fake).float())

        turns = (
            discriminator_turn(self.discriminator, loss, lambda fake: fake, lr=self.learning_rate),
            Turn("generator", ("generator",), fool, lr=self.learning_rate),
        )
        return (Phase("adversarial", self.generate_for, turns),)

    def scores(
        self,
        patches: torch.Tensor,
        reconstruction: torch.Tensor,
        latents: torch.Tensor | None = None,
    ) -> dict[str, torch.Tensor]:
        """A = (1 - lambda) R + lambda D (equation 7), R, D, and P_D; or A^, R, D^, P_D.

        P_D is minus D's logit on the patch itself: it orders patches as 1 - D(x) does, and tells
        those apart to whom D gives 0 or 1.
        """
        loss, names = self._loss(patches)
        told = (f(reconstruction) for f in (loss, loss.residual, loss.discrimination))
        return {**dict(zip(names, told, strict=True)), "P_D": -self.discriminator(patches).float()}

    def _loss(
        self, patches: torch.Tensor
    ) -> tuple[MatchingLoss | ReferenceLoss, tuple[str, str, str]]:
        """What search and scores share, and what the paper calls its numbers."""
        if self.matching == "reference":
            return ReferenceLoss(patches, self.discriminator, self.weight), ("A^", "R", "D^")
        return MatchingLoss(patches, self.discriminator.features, self.weight), ("A", "R", "D")
