"""Train any system on patches that are in memory, resuming where an earlier run was cut off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Events

from monai_anogan.engines.alarm import CollapseAlarm
from monai_anogan.engines.checkpoint import CheckpointKeeper
from monai_anogan.engines.patches import Change
from monai_anogan.engines.progress import ProgressLog
from monai_anogan.engines.run_record import Losses, LossHistory, RunPlan
from monai_anogan.engines.system_trainer import SystemTrainer, optimizers_of
from monai_anogan.errors import InputError
from monai_anogan.networks import resolve_precision
from monai_anogan.systems import System
from monai_anogan.transforms import FromUint8

__all__ = ["train_system"]

Progress = Callable[[int, int], None]


def train_system(
    system: System,
    patches: torch.Tensor,
    *,
    iterations: int,
    batch_size: int = 64,
    seed: int = 0,
    output_dir: str | Path | None = None,
    progress: Progress | None = None,
    augment: Change | None = None,
    mirrored: bool = False,
    precision: str = "auto",
    checkpoint_every: int = 200,
) -> Losses:
    """Train a system, in place, on healthy patches; it is left frozen, in eval mode.

    The same seed gives the same weights on the same machine, also where the run was interrupted:
    called again with the same `output_dir` it goes on from the last checkpoint.

    Args:
        system: with fresh weights; they are what it begins with, unless there is a checkpoint.
        patches: healthy ones, (N, C, *S): uint8, 0 to 255 for -1 to 1, or float in [-1, 1].
        iterations: batches to train on, split over the system's phases; rounded up to whole epochs
            of at most `checkpoint_every`.
        batch_size: patches a batch.
        seed: of the order of patches and of everything random in training.
        output_dir: folder of `last_model.pt`, the checkpoint, and of `model.pt`, the weights of the
            completed run; None keeps nothing.
        progress: called with (iterations done, iterations in all).
        augment: changes the healthy patches, (B, C, *S) and a generator to the same shape.
        mirrored: mirror half of the patches along their first axis, left and right in a brain.
        precision: `bfloat16` autocast, `float32`, or `auto`, bfloat16 where the hardware has it.
        checkpoint_every: iterations from one checkpoint to the next, at most: one epoch.

    Returns:
        Mean of every loss for every epoch, from the first on, those before an interruption too.

    Raises:
        InputError: There are no patches, or `output_dir` holds a run with other settings.
        TrainingError: A loss is not finite.
    """
    _check(system, patches, iterations, batch_size)
    device = next(system.parameters()).device
    epochs = -(-iterations // checkpoint_every)
    optimizers, log = optimizers_of(system), ProgressLog()
    history = LossHistory(log)
    handlers: list[Any] = [CollapseAlarm(), log, history]
    if progress is not None:
        handlers.append(_Report(progress))
    if output_dir is not None:
        plan = RunPlan(
            system=type(system).__name__,
            parameters=sum(parameter.numel() for parameter in system.parameters()),
            iterations=iterations,
            epochs=epochs,
            batch_size=batch_size,
            seed=seed,
            patches=len(patches),
            mirrored=mirrored,
        )
        state = {"plan": plan, "network": system, "history": history, **optimizers}
        handlers.append(CheckpointKeeper(output_dir, state, system))
    SystemTrainer(
        device,
        epochs,
        _Batches(patches, batch_size),
        system,
        optimizers=optimizers,
        seed=seed,
        amp=resolve_precision(precision, device) == torch.bfloat16,
        augment=augment,
        mirrored=mirrored,
        train_handlers=handlers,
        epoch_length=-(-iterations // epochs),
    ).run()
    system.eval().requires_grad_(False)
    return history.epochs


def _check(system: System, patches: torch.Tensor, iterations: int, batch_size: int) -> None:
    wanted = (system.channels, *[system.patch_size] * system.spatial_dims)
    if len(patches) < 1 or tuple(patches.shape[1:]) != wanted:
        got = tuple(patches.shape)
        raise InputError(f"patches must be (N, {', '.join(map(str, wanted))}), got {got}")
    if iterations < 1 or batch_size < 1:
        raise InputError(
            f"iterations and batch_size must be 1 or more, got {iterations} and {batch_size}"
        )


class _Batches:
    """An endless loader: patches drawn anew for every batch, so that it has no place to lose."""

    def __init__(self, patches: torch.Tensor, batch_size: int) -> None:
        self.patches, self.batch_size = patches, batch_size

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        while True:  # the trainer seeds torch's own generator at the start of every epoch
            drawn = self.patches[torch.randint(len(self.patches), (self.batch_size,))]
            yield {"image": FromUint8()(drawn) if drawn.dtype == torch.uint8 else drawn}


class _Report:
    """Handler: tells a caller of every iteration."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def attach(self, engine: Any) -> None:
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    def __call__(self, engine: Any) -> None:
        state = engine.state
        self.progress(state.iteration, state.max_epochs * state.epoch_length)
