"""Convolutions next to the image in a shape that hardware likes: the same sums, rearranged.

A strided convolution of a one-channel image, and a transposed one that ends in it, keep matrix
units idle, for channels are what these multiply along. Moving the factor of two between space and
channels (Shi et al. 2016, arXiv 1609.05158) makes of either an ordinary convolution of kernel 3 at
half the resolution; a few of its taps are zero, and the function is the same.
"""

from __future__ import annotations

import torch
from monai.networks.layers.factories import Conv
from monai.networks.utils import pixelshuffle, pixelunshuffle
from torch import nn

__all__ = ["ShuffledConvTranspose", "UnshuffledConv", "is_halving"]

Strided = nn.Conv2d | nn.Conv3d
Transposed = nn.ConvTranspose2d | nn.ConvTranspose3d

# (phase r, tap t of the kernel of 3) -> tap of the kernel of 4, along one axis
SHRINKING = {(0, 1): 1, (0, 2): 3, (1, 0): 0, (1, 1): 2}
GROWING = {(0, 0): 3, (0, 1): 1, (1, 1): 2, (1, 2): 0}


class UnshuffledConv(nn.Module):
    """What a convolution of kernel 4, stride 2, padding 1 does: (B, C, *S) to (B, F, *S / 2)."""

    def __init__(self, conv: Strided) -> None:
        super().__init__()
        self.spatial_dims = conv.weight.ndim - 2
        phases = _phases(conv.weight, SHRINKING)  # F, C, phases, *taps
        self.conv = _kernel_of_3(phases.flatten(1, 2), conv.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(pixelunshuffle(x, self.spatial_dims, 2))


class ShuffledConvTranspose(nn.Module):
    """What a transposed one of kernel 4, stride 2, padding 1 does: (B, F, *S) to (B, C, *2S)."""

    def __init__(self, conv: Transposed) -> None:
        super().__init__()
        self.spatial_dims = conv.weight.ndim - 2
        phases = _phases(conv.weight.transpose(0, 1), GROWING)  # C, F, phases, *taps
        bias = None if conv.bias is None else conv.bias.repeat_interleave(2**self.spatial_dims)
        self.conv = _kernel_of_3(phases.transpose(1, 2).flatten(0, 1), bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return pixelshuffle(self.conv(x), self.spatial_dims, 2)


def is_halving(conv: nn.Module) -> bool:
    """Whether a (transposed) convolution is one of kernel 4, stride 2, padding 1."""
    wanted = {"kernel_size": 4, "stride": 2, "padding": 1, "dilation": 1}
    plain = getattr(conv, "groups", 0) == 1 and not any(getattr(conv, "output_padding", (0,)))
    return plain and all(set(getattr(conv, name)) == {n} for name, n in wanted.items())


def _phases(weight: torch.Tensor, taps: dict[tuple[int, int], int]) -> torch.Tensor:
    """Kernels of 4, (A, B, *4), as kernels of 3 for each phase, (A, B, 2^dims, *3)."""
    dims = weight.ndim - 2
    move = weight.new_zeros(2, 3, 4)
    for (phase, tap), source in taps.items():
        move[phase, tap, source] = 1
    for _ in range(dims):  # each round takes the first kernel axis and appends (phase, tap)
        weight = torch.tensordot(weight, move, dims=([2], [2]))
    order = [0, 1, *range(2, 2 + 2 * dims, 2), *range(3, 2 + 2 * dims, 2)]
    return weight.permute(order).flatten(2, 1 + dims)


def _kernel_of_3(weight: torch.Tensor, bias: torch.Tensor | None) -> nn.Module:
    """The convolution of kernel 3 that keeps the size, with these parameters."""
    conv = Conv["conv", weight.ndim - 2](
        weight.shape[1], weight.shape[0], 3, padding=1, bias=bias is not None
    )
    conv.weight = nn.Parameter(weight.contiguous(), requires_grad=False)
    if bias is not None:
        conv.bias = nn.Parameter(bias, requires_grad=False)
    return conv
