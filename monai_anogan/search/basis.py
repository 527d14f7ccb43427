"""Coordinates of the latent space in which a search is short: its gradients are white in them.

A step along some latent directions changes the whole patch, along others hardly a voxel: the second
moments of the search's gradients spread over decades. Adam corrects that along its own axes only,
so it is given the axes it wants: the eigenvectors of C = E[g g^T], each scaled by lambda^-1/2. That
is a step of the natural gradient (Amari 1998) with the empirical Fisher matrix, and Adam in such a
basis is SOAP (Vyas et al. 2024, arXiv 2409.11321), here with a basis that is fitted once to the
model: patches that G makes from its prior stand for all healthy ones, so it needs no data and no
patch feels another.

G is convolutional, so all cells of a latent grid share one small covariance of their channels, and
each gradient brings a sample for every cell: one batch says as much as thousands of gradients said
about the whole C (docs/speed.md).
"""

from __future__ import annotations

import torch

from monai_anogan.search.starts import Start
from monai_anogan.systems import FrozenSystem

__all__ = ["fit_basis"]


def fit_basis(
    network: FrozenSystem,
    start: Start,
    *,
    weight: float = 0.1,
    samples: int = 8,
    ridge: float = 0.1,
    batch_size: int = 64,
    seed: int = 0,
) -> torch.Tensor:
    """Fit the basis for `descend` to a model.

    Args:
        network: the model.
        start: where the searches will begin.
        weight: lambda of their matching loss.
        samples: gradients drawn for each channel of a cell, from all cells together.
        ridge: added to the eigenvalues, as a share of their mean; it is the prior's word, N(0, I),
            on directions that the loss hardly feels.
        batch_size: gradients drawn at a time.
        seed: of the prior samples.

    Returns:
        (Z, Z): its columns are the new axes, longest where the loss is flattest; as a whole its
        columns are as long as those of the identity.
    """
    rng = torch.Generator().manual_seed(seed)
    size, cells, to_grid = network.latent_size, network.cells, network.to_grid.double().cpu()
    channels = size // cells
    moments = torch.zeros(channels, channels, dtype=torch.float64)
    for _ in range(-(-samples * channels // (batch_size * cells))):
        prior = torch.randn(batch_size, size, generator=rng).to(network.device)
        with torch.no_grad():
            patches = network.generate(prior)
        z = start(network, patches, rng)
        gradient = search_gradient(network, patches, z, weight).double().cpu()
        in_grid = torch.linalg.solve(to_grid, gradient, left=False).view(-1, channels, cells)
        moments += torch.einsum("bip,bjp->ij", in_grid, in_grid)
    all_cells = torch.kron(moments, torch.eye(cells, dtype=torch.float64))
    return whitening(to_grid.T @ all_cells @ to_grid, ridge).float().to(network.device)


def whitening(moments: torch.Tensor, ridge: float) -> torch.Tensor:
    """Axes along which second moments are alike, (Z, Z) to (Z, Z), of the identity's length."""
    spread, axes = torch.linalg.eigh(moments)
    spread = spread.clamp(min=0) / spread.mean() + ridge
    basis = axes * spread.rsqrt()
    return basis * (len(basis) ** 0.5 / basis.norm())


@torch.enable_grad()
def search_gradient(
    network: FrozenSystem, patches: torch.Tensor, z: torch.Tensor, weight: float
) -> torch.Tensor:
    """Gradient of each patch's matching loss with respect to its own latent, (B, Z)."""
    objective = network.objective(patches, weight)
    z = z.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(objective(network.generate(z)).sum(), z)
    return gradient
