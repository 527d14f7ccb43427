"""A system as the search runs it: lowered once, fast from then on, float32 at its doors."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from monai_anogan.errors import InputError
from monai_anogan.losses import MatchingLoss, ReferenceLoss
from monai_anogan.networks import lowered, resolve_precision
from monai_anogan.systems.system import System

__all__ = ["FrozenSystem"]

Function = Callable[[torch.Tensor], torch.Tensor]


class FrozenSystem:
    """G, D with its f, and E (those that it has) of a system that learns no more.

    What goes in and what comes out is float32, so that z, losses and updates are exact; between
    the doors the networks run in `dtype`. The system itself is copied, and left as it is.

    Args:
        system: the trained system, in any mode.
        precision: `float32`, `bfloat16`, or `auto`, which takes bfloat16 where the device of the
            parameters multiplies it in hardware and float32 elsewhere.
        compiled: run the networks through torch.compile, for the shapes they meet; on CUDA each
            pass is then replayed as one CUDA graph.

    Raises:
        ValueError: The precision has another name.
    """

    def __init__(self, system: System, precision: str = "auto", *, compiled: bool = False) -> None:
        self.device = next(system.parameters()).device
        self.dtype = resolve_precision(precision, self.device)
        self._generator, self.latent_size = system.generator, system.generator.latent_size
        self._name, self._matching = type(system).__name__, getattr(system, "matching", "features")
        judge, encoder = self._part(system, "discriminator"), self._part(system, "encoder")
        self._generate: Function = lowered(system.generator, self.dtype)
        self._judge: Function | None = judge
        self._features: Function | None = getattr(judge, "features", None)
        self._encode: Function | None = encoder
        self._graphed = compiled and self.device.type == "cuda"
        if compiled:
            mode = "reduce-overhead" if self._graphed else None
            compiler = partial(torch.compile, dynamic=False, mode=mode)
            self._generate = compiler(self._generate)
            for name in ("_judge", "_features", "_encode"):
                if getattr(self, name) is not None:
                    setattr(self, name, compiler(getattr(self, name)))

    @property
    def cells(self) -> int:
        """Cells of the latent grid, 1 where the latent is one vector."""
        return self._generator.cells

    @property
    def to_grid(self) -> torch.Tensor:
        """Linear part of what takes z to the latent grid, channel by channel, (Z, Z)."""
        if self.cells == 1:
            return torch.eye(self.latent_size, device=self.device)
        return self._generator.project.weight.detach()

    def take(self, patches: torch.Tensor) -> torch.Tensor:
        """Patches on the device; to a GPU from pinned memory, so that nothing waits for them."""
        if self.device.type == "cuda" and patches.device.type == "cpu":
            patches = patches.pin_memory()
        return patches.to(self.device, non_blocking=True)

    def generate(self, latents: torch.Tensor) -> torch.Tensor:
        """G(z): (B, Z) to patches (B, C, *S)."""
        return self._float(self._generate(latents.to(self.dtype)))

    def features(self, patches: torch.Tensor) -> torch.Tensor:
        """f(x), an inner layer of D, which the system must have: (B, C, *S) to (B, F, *S')."""
        assert self._features is not None
        return self._float(self._features(self._laid_out(patches)))

    def judge(self, patches: torch.Tensor) -> torch.Tensor:
        """D(x), where the system has a D of patches alone: (B, C, *S) to logits (B,)."""
        assert self._judge is not None
        return self._float(self._judge(self._laid_out(patches)))

    def objective(self, patches: torch.Tensor, weight: float) -> MatchingLoss | ReferenceLoss:
        """What a search for `patches`, (B, C, *S), minimises; `weight` is lambda.

        Which of the losses it is, is the system's own `matching`.
        """
        if self._matching == "reference":
            return ReferenceLoss(patches, self.judge, weight)
        features = self.features if self._matching == "features" else None
        return MatchingLoss(patches, features, weight)

    @torch.no_grad()
    def encode(self, patches: torch.Tensor) -> torch.Tensor:
        """E(x): (B, C, *S) to latents (B, Z).

        Raises:
            InputError: The system has no encoder.
        """
        if self._encode is None:
            raise InputError(
                f"a search must start from the prior where there is no encoder, {self._name} has "
                "none; take mode search and start prior"
            )
        return self._float(self._encode(self._laid_out(patches)))

    def _part(self, system: System, name: str) -> Any:
        """A network of the system as it runs here, None if the system has none of that name."""
        network: nn.Module | None = getattr(system, name, None)
        return None if network is None else lowered(network, self.dtype)

    def _float(self, result: torch.Tensor) -> torch.Tensor:
        """In float32; out of a graph's memory, which its next replay writes over."""
        return result.to(torch.float32, copy=self._graphed)

    def _laid_out(self, patches: torch.Tensor) -> torch.Tensor:
        layout = torch.channels_last if patches.ndim == 4 else torch.channels_last_3d
        return patches.to(self.dtype, memory_format=layout)
