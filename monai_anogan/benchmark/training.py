"""A step of the adversarial training: ours against plain eager float32."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from ignite.engine import Events

from monai_anogan.benchmark.brain import Brain
from monai_anogan.engines import AnoGANTrainer
from monai_anogan.losses import NonSaturatingR1

__all__ = ["training_rows"]


class Batches:
    """The patches of the brain as one batch, so many times."""

    def __init__(self, patches: torch.Tensor, count: int) -> None:
        self.patches, self.count = patches, count

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        for _ in range(self.count):
            yield {"image": self.patches}


def training_rows(
    brain: Brain, *, repeats: int, say: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Median milliseconds of an iteration (D and G step) on untrained copies of the model."""
    rows = []
    for name, amp in (("plain eager float32", False), ("ours", True)):
        say(f"training, {name}")
        rows.append({"name": name, "ms_an_iteration": 1e3 * _iteration(brain, amp, repeats)})
    return rows


def _iteration(brain: Brain, amp: bool, repeats: int) -> float:
    torch.manual_seed(0)
    network = brain.pipeline.untrained().to(brain.device)
    trainer = AnoGANTrainer(
        brain.device,
        1,
        Batches(brain.patches, 8 * repeats),  # R1's penalty falls due every 8
        network,
        torch.optim.Adam(network.generator.parameters(), 2e-4, (0.5, 0.99)),
        torch.optim.Adam(network.discriminator.parameters(), 2e-4, (0.5, 0.99)),
        NonSaturatingR1(),
        reconstruction_weight=10,
        amp=amp,
    )
    ticks: list[float] = []
    trainer.add_event_handler(
        Events.ITERATION_STARTED | Events.ITERATION_COMPLETED,
        lambda _: ticks.append(time.perf_counter()),
    )
    trainer.run()
    return statistics.median(b - a for a, b in zip(ticks[::2], ticks[1::2], strict=True))
