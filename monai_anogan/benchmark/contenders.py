"""The searches that are compared: the textbook's, the same in batches, and ours.

Only here do slow forms of the algorithm live: they are what the fast one is measured against.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from monai_anogan.losses import MatchingLoss
from monai_anogan.search import EncoderStart, descend, fit_basis
from monai_anogan.systems import FrozenSystem, System

__all__ = [
    "LONG",
    "PAPER",
    "Contender",
    "EagerSystem",
    "contenders",
    "flops_of_a_step",
    "losses_met",
    "paper_search",
]

PAPER: dict[str, Any] = {"lr": 0.1}  # of Adam; the paper names none, docs/speed.md tries four
LONG = 25  # steps in which half of the patches are to be where the reference ends
Steps = Callable[[torch.Tensor, int], torch.Tensor]


@dataclass(frozen=True)
class Contender:
    """A way to search; `search(patches, steps)` returns the losses met, (steps + 1, B)."""

    name: str
    batch: int  # patches at a time
    steps: int  # of its full search
    search: Steps
    dtype: torch.dtype


class EagerSystem:
    """A system as it is: float32, the layout it was made in, nothing folded; same doors as ours."""

    def __init__(self, system: System) -> None:
        system = system.eval().requires_grad_(False)
        self.device = next(system.parameters()).device
        self.latent_size = system.generator.latent_size
        self.generate, self.features = system.generator, system.discriminator.features
        self.encode = torch.no_grad()(system.encoder)


def contenders(
    system: System, fast: Mapping[str, Any], *, compiled: bool = False
) -> list[Contender]:
    """The rows of the benchmark.

    Args:
        system: the model.
        fast: settings of our search, as in the bundle's `searches`.
        compiled: add ours through torch.compile.

    The system is left frozen, in eval mode.
    """
    ours, eager = FrozenSystem(system), EagerSystem(system)
    rows = [
        Contender("textbook", 1, 500, _textbook(system), torch.float32),
        Contender("batched eager", 64, 500, paper_search(eager), torch.float32),
        Contender("fast steps, 500 of them", 64, 500, paper_search(ours), ours.dtype),
        Contender("ours", 64, fast["steps"], _fast(ours, fast), ours.dtype),
        Contender(f"ours, {LONG} steps", 64, LONG, _fast(ours, fast), ours.dtype),
    ]
    if compiled:
        inductor = FrozenSystem(system, compiled=True)
        search = _fast(inductor, fast)
        rows.append(Contender("ours + torch.compile", 64, fast["steps"], search, ours.dtype))
    return rows


def descend_as_in_textbooks(
    system: System, patch: torch.Tensor, start: torch.Tensor, steps: int, lr: float
) -> torch.Tensor:
    """AnoGAN's search as most reimplementations run it; losses met, (steps + 1,).

    One patch at a time, float32, f(x) computed anew in every step, and `backward()` through
    parameters that still ask for gradients nobody reads.
    """
    system.eval().requires_grad_(True)
    z = start.clone().requires_grad_()
    adam = torch.optim.Adam([z], lr=lr)
    losses = []
    for _ in range(steps + 1):
        image = system.generator(z)
        loss = MatchingLoss(patch, system.discriminator.features)(image).sum()
        losses.append(loss.detach())
        adam.zero_grad()
        loss.backward()
        adam.step()
    system.zero_grad(set_to_none=True)
    system.requires_grad_(False)
    return torch.stack(losses)


def flops_of_a_step(system: System, patch: torch.Tensor) -> float:
    """Multiplications and additions of one step for one patch, forward and back to z."""
    eager = EagerSystem(system)
    objective = MatchingLoss(patch, eager.features)
    z = torch.zeros(1, eager.latent_size, device=patch.device).requires_grad_()
    with FlopCounterMode(display=False) as counter:
        objective(eager.generate(z)).sum().backward()
    return float(counter.get_total_flops())


def _textbook(system: System) -> Steps:
    def search(patches: torch.Tensor, steps: int) -> torch.Tensor:
        starts = _prior(system.generator.latent_size, patches)
        pairs = zip(patches.split(1), starts.split(1), strict=True)
        losses = [descend_as_in_textbooks(system, x, z, steps, PAPER["lr"]) for x, z in pairs]
        return torch.stack(losses, dim=1)

    return search


def paper_search(network: FrozenSystem | EagerSystem) -> Steps:
    """500 steps of Adam from the prior, for a batch at a time, on any network."""

    def search(patches: torch.Tensor, steps: int) -> torch.Tensor:
        start = _prior(network.latent_size, patches)
        return losses_met(network, patches, start, steps=steps, **PAPER)

    return search


def _fast(network: FrozenSystem, fast: Mapping[str, Any]) -> Steps:
    basis = fit_basis(network, EncoderStart(), weight=fast["weight"])
    walk = {"lr": fast["lr"], "betas": tuple(fast["betas"]), "decay": fast["decay"]}

    def search(patches: torch.Tensor, steps: int) -> torch.Tensor:
        start = network.encode(patches)
        return losses_met(network, patches, start, steps=steps, basis=basis, **walk)

    return search


def losses_met(
    network: FrozenSystem | EagerSystem, patches: torch.Tensor, start: torch.Tensor, **walk: Any
) -> torch.Tensor:
    """Losses of every point that `descend` meets, by the one objective that all compete for."""
    objective = MatchingLoss(patches, network.features)
    losses = []

    def recorded(image: torch.Tensor) -> torch.Tensor:
        loss = objective(image)
        losses.append(loss.detach())
        return loss

    descend(network.generate, recorded, start, **walk)
    return torch.stack(losses)


def _prior(size: int, patches: torch.Tensor) -> torch.Tensor:
    rng = torch.Generator().manual_seed(0)
    return torch.randn(len(patches), size, generator=rng).to(patches.device)
