"""What every member of the family has, so that trainer, search and inferer serve all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from monai_anogan.networks import Discriminator, Encoder, Generator

__all__ = ["System"]


class System(nn.Module):
    """Abstract: one module with its networks as parts; `forward` is patches to reconstructions."""

    if TYPE_CHECKING:  # TorchScript would read these annotations too, and not know the classes
        generator: Generator
        discriminator: Discriminator
        encoder: Encoder

    def sample_latents(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """z from the prior N(0, I), (count, Z), on the device of the parameters."""
        z = torch.randn(count, self.generator.latent_size, generator=generator)
        return z.to(next(self.parameters()).device)

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
