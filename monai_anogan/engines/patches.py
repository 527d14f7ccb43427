"""A MONAI trainer over batches of healthy patches that repeats, and resumes, exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from ignite.engine import Events
from monai.data.utils import set_rnd
from monai.engines import Trainer
from torch.optim import Optimizer
from torch.utils.data import DataLoader, Dataset

from monai_anogan.networks import fast_layout
from monai_anogan.systems import System

__all__ = ["Change", "PatchTrainer", "draw_patches"]

Change = Callable[[torch.Tensor, torch.Generator], torch.Tensor]


class PatchTrainer(Trainer):
    """What adversarial and encoder training share: seeds, autocast, which networks learn.

    Every epoch draws from generators seeded by (`seed`, epoch) alone, so a run resumed after an
    epoch goes on exactly as the uninterrupted one would have.

    Args:
        device: where the network is.
        max_epochs: epochs to train for.
        train_data_loader: batches `{"image": patches (B, C, *S) in [-1, 1]}`.
        network: the system that learns; its weights are laid out channels_last.
        learning: names of the parts of `network` that learn; the others are frozen, in eval mode.
        seed: of everything random.
        amp: bfloat16 autocast of the networks; losses stay in float32.
        augment: changes the healthy patches, (B, C, *S) and a generator to the same shape.
        mirrored: mirror half of the patches, left and right.
        train_handlers: ignite handlers.
        epoch_length: iterations an epoch; None takes the loader's length.
    """

    def __init__(
        self,
        device: torch.device,
        max_epochs: int,
        train_data_loader: Iterable | DataLoader,
        network: System,
        *,
        learning: Sequence[str],
        seed: int = 0,
        amp: bool = True,
        augment: Change | None = None,
        mirrored: bool = True,
        train_handlers: Sequence[Any] | None = None,
        epoch_length: int | None = None,
    ) -> None:
        super().__init__(
            device=device,
            max_epochs=max_epochs,
            data_loader=train_data_loader,
            epoch_length=epoch_length,
            handlers=None,
            decollate=False,
        )
        self.network, self.learning, self.seed = network, tuple(learning), seed
        network.to(memory_format=fast_layout(network))  # type: ignore[call-overload]
        self.bfloat16, self.augment, self.mirrored = amp, augment, mirrored
        self.rng = torch.Generator()
        self.add_event_handler(Events.EPOCH_STARTED, PatchTrainer._begin_epoch)
        self._register_handlers(list(train_handlers or ()))

    def _begin_epoch(self) -> None:
        seed = self.seed * 1_000_003 + self.state.epoch
        self.rng.manual_seed(seed)
        torch.manual_seed(seed)  # the loader's order of volumes
        set_rnd(getattr(self.data_loader, "dataset", None), seed % 2**31)
        self.wake(self.learning)

    def wake(self, learning: Sequence[str]) -> None:
        """Let these parts of the network learn, and no others."""
        self.learning = tuple(learning)
        self.network.eval().requires_grad_(False)
        for name in self.learning:
            self.network.get_submodule(name).train().requires_grad_(True)

    def autocast(self) -> AbstractContextManager:
        """bfloat16 for the networks of one step, if asked for."""
        return torch.autocast(self.state.device.type, torch.bfloat16, enabled=self.bfloat16)

    def patches(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """The batch on the device, mirrored and augmented."""
        real = batch["image"].to(self.state.device, non_blocking=True)
        if self.mirrored:
            turned = torch.rand(len(real), generator=self.rng) < 0.5
            turned = turned.view(-1, *[1] * (real.ndim - 1)).to(real.device)
            real = torch.where(turned, real.flip(2), real)
        return real if self.augment is None else self.augment(real, self.rng)

    @staticmethod
    def step(optimizer: Optimizer, loss: torch.Tensor) -> None:
        """One step of an optimizer down the gradient of a loss."""
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()


def draw_patches(dataset: Dataset, count: int, *, seed: int) -> torch.Tensor:
    """Draw fixed patches for validation, (count, C, *S), the same for the same seed.

    Args:
        dataset: volumes whose transform ends in `RandPatchesd`.
        count: patches wanted, over all volumes alike.
        seed: of the draw.
    """
    set_rnd(dataset, seed)
    drawn: list[torch.Tensor] = []
    index = 0
    while sum(map(len, drawn)) < count:
        drawn.append(dataset[index % len(dataset)]["image"])  # type: ignore[arg-type]
        index += 1
    order = torch.randperm(sum(map(len, drawn)), generator=torch.Generator().manual_seed(seed))
    return torch.cat(drawn)[order[:count]]
