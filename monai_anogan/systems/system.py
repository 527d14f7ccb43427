"""What every member of the family has, so that trainer, search and inferer serve all of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from monai_anogan.networks import Encoder, Generator
from monai_anogan.systems.phases import Phase, Step
from monai_anogan.systems.search_plan import SearchPlan

__all__ = ["System"]


class System(nn.Module, ABC):
    """Abstract: one module with its networks as parts; `forward` is patches to reconstructions.

    A system has a `generator` (z to patches); a `discriminator` and an `encoder` (patches to z)
    where its paper has one. How it learns (`phases`), how its reconstructions are found (`search`)
    and how abnormal a patch is (`scores`) are its own; who trains, searches and scores is not.

    Args:
        spatial_dims: 2 or 3.
        patch_size: voxels of a patch along each axis.
        channels: C of a patch.
        search: how reconstructions are searched; None: they are G(E(x)), at once.
        matching: what a search compares beside the patches themselves: `features` of D, D's
            `reference` loss, or nothing, `residual`.
    """

    if TYPE_CHECKING:  # TorchScript would read these annotations too, and not know the classes
        generator: Generator
        discriminator: Any  # of (x) or, BiGAN's, of (x, z)
        encoder: Encoder

    def __init__(
        self,
        spatial_dims: int,
        patch_size: int,
        channels: int,
        *,
        search: SearchPlan | None = None,
        matching: str = "features",
    ) -> None:
        super().__init__()
        self.spatial_dims, self.patch_size, self.channels = spatial_dims, patch_size, channels
        self.search, self.matching = search, matching

    @abstractmethod
    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        """Reconstruction without a search, (B, C, *S) to (B, C, *S), both in [-1, 1]."""

    @abstractmethod
    def phases(self) -> tuple[Phase, ...]:
        """How the system learns from healthy patches."""

    @abstractmethod
    def scores(
        self,
        patches: torch.Tensor,
        reconstruction: torch.Tensor,
        latents: torch.Tensor | None = None,
    ) -> dict[str, torch.Tensor]:
        """Every published score of the paper, the main one first; higher is more abnormal.

        Args:
            patches: x, (B, C, *S) in [-1, 1].
            reconstruction: what `forward`, or a search, made of them, (B, C, *S).
            latents: z of the reconstruction, (B, Z), where the scores look at it.

        Returns:
            By name, (B,) each. Call it in eval mode, under `no_grad`.
        """

    def sample_latents(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """z from the prior N(0, I), (count, Z), on the device of the parameters."""
        z = torch.randn(count, self.generator.latent_size, generator=generator)
        return z.to(next(self.parameters()).device)

    def generate_for(self, step: Step) -> torch.Tensor:
        """G(z) for fresh z of the prior, as many as there are patches: (B, C, *S), float32."""
        return self.generator(self.sample_latents(len(step.patches), step.rng)).float()

    def whiten(self, latents: torch.Tensor) -> None:
        """Re-express the latent space so that `latents`, (N, Z), become N(0, I).

        The last layer of E and the first of G are linear: with m the mean and C = L L^T the
        covariance of the latents, z' = L^-1 (z - m) goes into E and its inverse into G, and
        G(E(x)) stays what it was. The prior of the adversarial training then is the paper's N(0, I)
        and covers the latents of healthy patches.

        Raises:
            ValueError: There are too few latents to estimate a covariance from.
        """
        count, size = latents.shape
        if count < 2 * size:
            raise ValueError(f"whitening needs {2 * size} latents or more, got {count}")
        mean = latents.double().mean(0)
        centred = latents.double() - mean
        ridge = 1e-6 * torch.eye(size, dtype=torch.float64, device=latents.device)
        factor = torch.linalg.cholesky(centred.T @ centred / (count - 1) + ridge)
        _whiten_output(self.encoder.project, mean, factor)
        _whiten_input(self.generator.project, mean, factor)


@torch.no_grad()
def _whiten_output(layer: nn.Linear, mean: torch.Tensor, factor: torch.Tensor) -> None:
    """y becomes L^-1 (y - m)."""
    affine = torch.cat([layer.weight.double(), (layer.bias.double() - mean)[:, None]], dim=1)
    whitened = torch.linalg.solve_triangular(factor, affine, upper=False)
    layer.weight.copy_(whitened[:, :-1])
    layer.bias.copy_(whitened[:, -1])


@torch.no_grad()
def _whiten_input(layer: nn.Linear, mean: torch.Tensor, factor: torch.Tensor) -> None:
    """Takes L^-1 (x - m) for x and answers as before."""
    layer.bias.add_(layer.weight.double() @ mean)
    layer.weight.copy_(layer.weight.double() @ factor)
