"""Frozen networks rewritten to run fast: the same function from fewer, better shaped operations.

A latent search runs G and D for every step and never changes them. BatchNorm in eval mode is an
affine map, so it goes into the layer before it; the layers next to the image are rearranged
(`subpixel`); weights lie in channels_last and, where the hardware multiplies it, in bfloat16.
"""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from monai_anogan.networks.subpixel import ShuffledConvTranspose, UnshuffledConv, is_halving

__all__ = ["fast_layout", "lowered", "resolve_precision"]

Network = TypeVar("Network", bound=nn.Module)
BATCH_NORMS = (nn.BatchNorm2d, nn.BatchNorm3d)
TRANSPOSED = (nn.ConvTranspose2d, nn.ConvTranspose3d)
STRIDED = (nn.Conv2d, nn.Conv3d)
FEW_CHANNELS = 4
VECTOR = 16  # bfloat16 values of 256 bits


@torch.no_grad()
def lowered(network: Network, dtype: torch.dtype) -> Network:
    """A copy of `network` that computes the same in eval mode, faster; the original stays as it is.

    Args:
        network: any module; what is folded and rearranged stands in its `nn.Sequential`s.
        dtype: of its weights and of what it takes and gives; sums of products are kept in float32
            by the hardware.

    Returns:
        The copy: eval mode, no parameter gradients, channels_last.
    """
    copied = copy.deepcopy(network).eval().requires_grad_(False)
    for module in list(copied.modules()):
        if isinstance(module, nn.Sequential):
            _fold_batch_norms(module)
            _rearrange(module)
    layout = fast_layout(copied)
    return copied.to(dtype).to(memory_format=layout)  # type: ignore[call-overload]


def fast_layout(network: nn.Module) -> torch.memory_format:
    """channels_last, as convolutions of this network's dimension want it."""
    volumes = any(isinstance(m, nn.Conv3d | nn.ConvTranspose3d) for m in network.modules())
    return torch.channels_last_3d if volumes else torch.channels_last


def resolve_precision(precision: str, device: torch.device) -> torch.dtype:
    """The number format that a name stands for on a device.

    Raises:
        ValueError: The name is unknown.
    """
    names = {"float32": torch.float32, "bfloat16": torch.bfloat16, "auto": _best_dtype(device)}
    if precision not in names:
        raise ValueError(f"precision must be one of {sorted(names)}, got {precision!r}")
    return names[precision]


def _best_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the hardware multiplies it, else float32."""
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if native else torch.float32


def _fold_batch_norms(layers: nn.Sequential) -> None:
    """Put each BatchNorm into the convolution before it."""
    for i in range(len(layers) - 1):
        conv, norm = layers[i], layers[i + 1]
        if isinstance(conv, STRIDED + TRANSPOSED) and isinstance(norm, BATCH_NORMS):
            layers[i] = fuse_conv_bn_eval(conv, norm, transpose=isinstance(conv, TRANSPOSED))
            layers[i + 1] = nn.Identity()


def _rearrange(layers: nn.Sequential) -> None:
    """Give the layers next to the image, and those that suffer from the layout, a better form."""
    for i, layer in enumerate(layers):
        if isinstance(layer, STRIDED) and layer.in_channels <= FEW_CHANNELS and is_halving(layer):
            layers[i] = UnshuffledConv(layer)
        elif (
            isinstance(layer, TRANSPOSED)
            and layer.out_channels <= FEW_CHANNELS
            and is_halving(layer)
        ):
            layers[i] = ShuffledConvTranspose(layer)
        elif isinstance(layer, nn.GroupNorm):
            layers[i] = Planar(layer)
        elif i == 0 and isinstance(layer, BATCH_NORMS):  # behind a linear layer: not folded
            layers[i] = nn.Sequential(ChannelsLast(), layer)


class ChannelsLast(nn.Module):
    """What follows a linear layer, laid out as the convolutions behind it want it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.contiguous(memory_format=_layout(x))


class Planar(nn.Module):
    """A GroupNorm computed channel by channel: with 8 channels a group four times as fast on CPUs.

    There channels_last leaves each vector of 16 bfloat16 half empty.
    """

    def __init__(self, norm: nn.GroupNorm) -> None:
        super().__init__()
        self.norm = norm
        self.narrow = norm.num_channels // norm.num_groups < VECTOR

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.narrow or x.dtype != torch.bfloat16 or x.device.type != "cpu":
            return self.norm(x)
        return self.norm(x.contiguous()).contiguous(memory_format=_layout(x))


def _layout(x: torch.Tensor) -> torch.memory_format:
    return torch.channels_last_3d if x.ndim == 5 else torch.channels_last
