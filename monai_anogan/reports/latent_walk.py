"""A walk through the latent space of a generator, drawn: does every step look healthy?

Radford et al. 2016 (arXiv 1511.06434), figure 4: between two latents of the prior a good generator
changes smoothly and never leaves what is plausible; sudden jumps mean that it has memorised.
"""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from matplotlib import image as mpl_image

from monai_anogan.systems import System

__all__ = ["latent_walk", "save_latent_walk"]


@torch.no_grad()
def latent_walk(
    system: System, *, walks: int = 8, steps: int = 10, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Patches along great circles between pairs of latents of the prior.

    A straight line would pass near the origin, where the prior has next to no mass.

    Args:
        system: trained; it is left as it is.
        walks: pairs of ends.
        steps: latents of a walk, both ends included.
        seed: of the ends.

    Returns:
        Latents (walks, steps, Z) and what G makes of them, (walks, steps, C, *S), on the CPU.

    Raises:
        ValueError: A walk has fewer than two steps.
    """
    if steps < 2:
        raise ValueError(f"steps must be 2 or more, both ends of a walk, got {steps}")
    rng = torch.Generator().manual_seed(seed)
    first, last = (system.sample_latents(walks, rng) for _ in range(2))
    share = torch.linspace(0, 1, steps, device=first.device)[:, None]
    latents = torch.stack([slerp(a, b, share) for a, b in zip(first, last, strict=True)])
    patches = copy.deepcopy(system.generator).eval()(latents.flatten(0, 1)).float().cpu()
    return latents.cpu(), patches.unflatten(0, (walks, steps))


def slerp(first: torch.Tensor, last: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """From (Z,) to (Z,) by (N, 1) shares along the circle about the origin: (N, Z)."""
    cosine = torch.dot(first, last) / (first.norm() * last.norm())
    angle = torch.acos(cosine.clamp(-0.9999, 0.9999))
    return (torch.sin((1 - share) * angle) * first + torch.sin(share * angle) * last) / torch.sin(
        angle
    )


def save_latent_walk(
    path: str | Path, system: System, *, anatomical: bool = True, **settings: int
) -> None:
    """Write `latent_walk`, which takes the settings, as a grey PNG: a row a walk.

    Args:
        path: of the picture; its folder must be there.
        system: trained.
        anatomical: patches run to the right and to the front, as those of scans do, and are turned
            upright; False for those of photographs. Of 3D patches the middle slice is drawn.
        **settings: of `latent_walk`.
    """
    _, patches = latent_walk(system, **settings)
    flat = patches[:, :, 0] if patches.ndim == 5 else patches[:, :, 0, ..., patches.shape[-1] // 2]
    upright = flat.transpose(2, 3).flip(2) if anatomical else flat
    picture = upright.transpose(1, 2).flatten(0, 1).flatten(1)
    mpl_image.imsave(Path(path), picture.numpy(), cmap="gray", vmin=-1, vmax=1)
