"""The one trainer of every system: it takes the turns that the system's phases name.

The adversarial games of the family (Goodfellow et al. 2014, arXiv 1406.2661, and its followers in
`monai_anogan.systems`) differ in losses and in whose turn it is, not in how an iteration goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.optim import Adam, Optimizer
from torch.utils.data import DataLoader

from monai_anogan.engines.patches import Change, PatchTrainer
from monai_anogan.systems import Phase, Step, System, Turn, active_phase

__all__ = ["SystemTrainer", "optimizers_of"]


class SystemTrainer(PatchTrainer):
    """Train any system on healthy patches, phase by phase, turn by turn.

    The iterations of the run are split over the phases by their shares.

    Args:
        device: where the network is.
        max_epochs: epochs to train for.
        train_data_loader: batches `{"image": patches (B, C, *S) in [-1, 1]}`.
        network: the system.
        optimizers: one for every turn, from `optimizers_of`; None makes them.
        seed: of everything random.
        amp: bfloat16 autocast.
        augment: changes the healthy patches.
        mirrored: mirror half of the patches, left and right.
        train_handlers: ignite handlers.
        epoch_length: iterations an epoch; None takes the loader's length.

    The output of an iteration is a dict of floats: `NAME_loss` of every turn that was taken.
    """

    def __init__(
        self,
        device: torch.device,
        max_epochs: int,
        train_data_loader: Iterable | DataLoader,
        network: System,
        *,
        optimizers: dict[str, Optimizer] | None = None,
        seed: int = 0,
        amp: bool = True,
        augment: Change | None = None,
        mirrored: bool = True,
        train_handlers: Sequence[Any] | None = None,
        epoch_length: int | None = None,
    ) -> None:
        self.phases = network.phases()
        self.optimizers = optimizers_of(network) if optimizers is None else optimizers
        super().__init__(
            device,
            max_epochs,
            train_data_loader,
            network,
            learning=self.phases[0].parts,
            seed=seed,
            amp=amp,
            augment=augment,
            mirrored=mirrored,
            train_handlers=train_handlers,
            epoch_length=epoch_length,
        )

    def _iteration(self, engine: Any, batchdata: dict[str, torch.Tensor]) -> dict[str, float]:
        phase = self._phase()
        step = Step(self.patches(batchdata), self.rng, self.state.iteration)
        with self.autocast():
            made = phase.forward(step)
        taken = [turn for turn in phase.turns if step.iteration % turn.every == 0]
        return {f"{turn.name}_loss": self._take(phase, turn, step, made) for turn in taken}

    def _phase(self) -> Phase:
        """The phase of this iteration, its parts awake."""
        total = self.state.max_epochs * self.state.epoch_length
        phase = self.phases[active_phase(self.phases, self.state.iteration - 1, total)]
        if self.learning != phase.parts:
            self.wake(phase.parts)
        return phase

    def _take(self, phase: Phase, turn: Turn, step: Step, made: Any) -> float:
        others = [name for name in phase.parts if name not in turn.parts]
        with self._asleep(others), self.autocast():
            loss = turn.loss(step, made)
        self.step(self.optimizers[key_of(phase, turn)], loss)
        return loss.item()

    @contextmanager
    def _asleep(self, parts: Sequence[str]) -> Iterator[None]:
        """Parts whose weights a loss passes through without asking for their gradients."""
        modules = [self.network.get_submodule(name) for name in parts]
        for module in modules:
            module.requires_grad_(False)
        yield
        for module in modules:
            module.requires_grad_(True)


def optimizers_of(network: System) -> dict[str, Optimizer]:
    """Adam for every turn of every phase, by `PHASE_TURN`."""
    return {
        key_of(phase, turn): Adam(
            [p for name in turn.parts for p in network.get_submodule(name).parameters()],
            lr=turn.lr,
            betas=turn.betas,
            fused=True,
        )
        for phase in network.phases()
        for turn in phase.turns
    }


def key_of(phase: Phase, turn: Turn) -> str:
    """The name of a turn's optimizer in a checkpoint."""
    return f"{phase.name}_{turn.name}"
