"""What is compared: anything that learns from healthy patches and says how abnormal others are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

__all__ = ["Budget", "Contender", "Judgement", "Progress"]

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Budget:
    """What every contender may spend, and how large its networks are: the same for all."""

    iterations: int = 1000
    batch_size: int = 64
    width: int = 16
    latent_size: int = 64
    search_steps: int = 100

    def as_dict(self) -> dict[str, int]:
        """For a config file."""
        return asdict(self)


@dataclass(frozen=True)
class Judgement:
    """What a contender says of N patches."""

    scores: dict[str, torch.Tensor]  # name -> (N,), the main one first; higher is more abnormal
    reconstruction: torch.Tensor | None = None  # (N, C, *S); None: it makes none
    maps: torch.Tensor | None = None  # (N, 1, *S), higher is more abnormal; None: it makes none
    embedding: torch.Tensor | None = None  # (N, F)


class Contender(Protocol):
    """A system of the family, or a yardstick."""

    name: str
    title: str  # as a table calls it

    @property
    def parameters(self) -> int:
        """Numbers it keeps of its training."""

    @property
    def settings(self) -> dict[str, Any]:
        """What its results depend on besides data, budget and seed."""

    def fit(self, patches: torch.Tensor, *, seed: int, directory: Path, progress: Progress) -> None:
        """Learn from healthy patches, (N, C, *S) uint8; what is learned goes into `directory`.

        Called again in the same directory after an interruption, it goes on from there.
        """

    def judge(self, patches: torch.Tensor, *, seed: int, progress: Progress) -> Judgement:
        """Say how abnormal patches are, (N, C, *S) float32 in [-1, 1]."""
