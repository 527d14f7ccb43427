"""Generator, discriminator and encoder after DCGAN, for 2D and 3D patches.

Radford, Metz, Chintala 2016 (arXiv 1511.06434), as used by AnoGAN (Schlegl et al. 2017) and, for
the encoder, f-AnoGAN (Schlegl et al. 2019): strided (transposed) convolutions of kernel 4, no
pooling, widths that double each time the patch halves. With `grid` the latent is not one vector
for the whole patch but a grid of them, as in an autoencoder with a spatial bottleneck (Baur et al.
2021, arXiv 2004.03271): each describes its own neighbourhood, and anatomy comes back much sharper.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.layers.factories import Act, Conv
from monai.networks.layers.utils import get_norm_layer
from torch import nn

__all__ = ["Discriminator", "Encoder", "Generator"]

SEED_SIZE = 4  # voxels along an axis of the smallest feature map


class Generator(nn.Module):
    """G: latent z (B, Z) to a patch (B, C, *S) in [-1, 1].

    Args:
        spatial_dims: 2 or 3.
        patch_size: voxels of the patch along each axis: 4 times a power of two, 8 at least.
        latent_size: Z.
        channels: C of the patch.
        width: feature maps next to the patch; they double with every halving, up to `max_width`.
        max_width: most feature maps of a layer.
        norm: normalisation of the hidden layers, as MONAI names it, or None.
        grid: voxels along an axis of the latent grid, a power of two; None is the paper's vector.
        depth: plain convolutions at the latent grid.
    """

    def __init__(
        self,
        spatial_dims: int = 2,
        patch_size: int = 64,
        latent_size: int = 128,
        *,
        channels: int = 1,
        width: int = 64,
        max_width: int = 512,
        norm: str | tuple | None = "batch",
        grid: int | None = None,
        depth: int = 0,
    ) -> None:
        super().__init__()
        widths = layer_widths(patch_size, width, max_width, grid or SEED_SIZE)
        self.latent_size, self.cells = latent_size, 1 if grid is None else grid**spatial_dims
        transposed = Conv["convtrans", spatial_dims]
        layers: list[nn.Module]
        if grid is None:
            self.seed_shape = (widths[-1], *[SEED_SIZE] * spatial_dims)
            self.project = nn.Linear(latent_size, widths[-1] * SEED_SIZE**spatial_dims)
            layers = [*_norm_act(norm, spatial_dims, widths[-1], "relu")]
        else:
            self.seed_shape = (
                grid_channels(latent_size, grid, spatial_dims),
                *[grid] * spatial_dims,
            )
            self.project = identity_layer(latent_size)
            layers = plain_layers(spatial_dims, self.seed_shape[0], widths[-1], 1, norm, "relu")
        layers.extend(plain_layers(spatial_dims, widths[-1], widths[-1], depth, norm, "relu"))
        for wide, narrow in zip(widths[:0:-1], widths[-2::-1], strict=True):
            layers.append(transposed(wide, narrow, 4, stride=2, padding=1, bias=norm is None))
            layers.extend(_norm_act(norm, spatial_dims, narrow, "relu"))
        layers.append(transposed(widths[0], channels, 4, stride=2, padding=1))
        self.grow = nn.Sequential(*layers, nn.Tanh())

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.grow(self.project(z).view(-1, *self.seed_shape))


class Discriminator(nn.Module):
    """D: a patch (B, C, *S) to one logit (B,), with taps into its feature maps.

    Args:
        spatial_dims: 2 or 3.
        patch_size: voxels of the patch along each axis: 4 times a power of two, 8 at least.
        channels: C of the patch.
        width: feature maps of the first layer; they double with every halving, up to `max_width`.
        max_width: most feature maps of a layer.
        norm: normalisation of the hidden layers but the first; None for WGAN-GP, whose penalty
            wants every patch judged alone.
        tap: which layer's activation `features` returns, counted from 0; -1 is the last.
    """

    def __init__(
        self,
        spatial_dims: int = 2,
        patch_size: int = 64,
        *,
        channels: int = 1,
        width: int = 64,
        max_width: int = 512,
        norm: str | tuple | None = ("group", {"num_groups": 8}),
        tap: int = -1,
    ) -> None:
        super().__init__()
        widths = layer_widths(patch_size, width, max_width)
        self.stages = shrinking_stages(spatial_dims, channels, widths, norm)
        self.judge = nn.Linear(widths[-1] * SEED_SIZE**spatial_dims, 1)
        self.tap = range(len(widths))[tap]

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        return self.judge(self._run(patches, len(self.stages)).flatten(1))[:, 0]

    def features(self, patches: torch.Tensor) -> torch.Tensor:
        """f(x): the activation of layer `tap`, (B, F, *S / 2^(tap + 1))."""
        return self._run(patches, self.tap + 1)

    def _run(self, patches: torch.Tensor, depth: int) -> torch.Tensor:
        for index, stage in enumerate(self.stages):  # TorchScript knows no slice of modules
            if index < depth:
                patches = stage(patches)
        return patches


class Encoder(nn.Module):
    """E: a patch (B, C, *S) to a latent (B, Z); the last layer is linear, so z is unbounded.

    Args:
        spatial_dims: 2 or 3.
        patch_size: voxels of the patch along each axis: 4 times a power of two, 8 at least.
        latent_size: Z.
        channels: C of the patch.
        width: feature maps of the first layer; they double with every halving, up to `max_width`.
        max_width: most feature maps of a layer.
        norm: normalisation of the hidden layers but the first, as MONAI names it, or None.
        grid: voxels along an axis of the latent grid, a power of two; None is the paper's vector.
        depth: plain convolutions at the latent grid; each lets E look further around.
    """

    def __init__(
        self,
        spatial_dims: int = 2,
        patch_size: int = 64,
        latent_size: int = 128,
        *,
        channels: int = 1,
        width: int = 64,
        max_width: int = 512,
        norm: str | tuple | None = "batch",
        grid: int | None = None,
        depth: int = 0,
    ) -> None:
        super().__init__()
        widths = layer_widths(patch_size, width, max_width, grid or SEED_SIZE)
        last = widths[-1]
        self.stages = shrinking_stages(spatial_dims, channels, widths, norm)
        if depth:
            around = plain_layers(spatial_dims, last, last, depth, norm, "leakyrelu")
            self.stages.append(nn.Sequential(*around))
        if grid is None:
            self.project = nn.Linear(last * SEED_SIZE**spatial_dims, latent_size)
        else:
            thin = Conv["conv", spatial_dims](
                last, grid_channels(latent_size, grid, spatial_dims), 1
            )
            self.stages.append(thin)
            self.project = identity_layer(latent_size)

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        for stage in self.stages:
            patches = stage(patches)
        return self.project(patches.flatten(1))


def layer_widths(
    patch_size: int, width: int, max_width: int, smallest: int = SEED_SIZE
) -> list[int]:
    """Feature maps of each halving of a patch, from the patch inwards to `smallest` voxels.

    Raises:
        ValueError: `patch_size` is not `smallest` times a power of two, 2 at least.
    """
    halvings = (patch_size // smallest).bit_length() - 1
    if halvings < 1 or smallest * 2**halvings != patch_size:
        sizes = ", ".join(str(smallest * 2**i) for i in range(1, 5))
        raise ValueError(f"patch_size must be {sizes}, ... voxels, got {patch_size}")
    return [min(width * 2**i, max_width) for i in range(halvings)]


def grid_channels(latent_size: int, grid: int, spatial_dims: int) -> int:
    """Latent numbers at each voxel of a latent grid.

    Raises:
        ValueError: They do not come out even.
    """
    channels, over = divmod(latent_size, grid**spatial_dims)
    if over or not channels:
        raise ValueError(
            f"latent_size must be a multiple of {grid**spatial_dims}, one number or more for each "
            f"voxel of a grid of {grid}, got {latent_size}"
        )
    return channels


def identity_layer(size: int) -> nn.Linear:
    """A linear layer, at first the identity; `System.whiten` writes its change of basis here."""
    layer = nn.Linear(size, size)
    nn.init.eye_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def plain_layers(
    spatial_dims: int, before: int, after: int, count: int, norm: str | tuple | None, act: str
) -> list[nn.Module]:
    """`count` convolutions of kernel 3 that keep the size, each with its norm and activation."""
    layers: list[nn.Module] = []
    for _ in range(count):
        same = Conv["conv", spatial_dims](before, after, 3, padding=1, bias=norm is None)
        layers.extend([same, *_norm_act(norm, spatial_dims, after, act)])
        before = after
    return layers


def shrinking_stages(
    spatial_dims: int, channels: int, widths: Sequence[int], norm: str | tuple | None
) -> nn.ModuleList:
    """Convolutions of stride 2 from the patch to `SEED_SIZE`, each with its norm and activation."""
    conv = Conv["conv", spatial_dims]
    stages = []
    for depth, (before, after) in enumerate(zip([channels, *widths], widths, strict=False)):
        own_norm = norm if depth else None  # DCGAN leaves the layer next to the image as it is
        strided = conv(before, after, 4, stride=2, padding=1, bias=own_norm is None)
        stages.append(
            nn.Sequential(strided, *_norm_act(own_norm, spatial_dims, after, "leakyrelu"))
        )
    return nn.ModuleList(stages)


def _norm_act(
    norm: str | tuple | None, spatial_dims: int, channels: int, act: str
) -> list[nn.Module]:
    slope = {"negative_slope": 0.2} if act == "leakyrelu" else {}
    normed = [] if norm is None else [get_norm_layer(norm, spatial_dims, channels)]
    return [*normed, Act[act](inplace=True, **slope)]
