"""A line an epoch for a person, the same numbers for TensorBoard."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from ignite.engine import Events

__all__ = ["ProgressLog"]


class ProgressLog:
    """After each epoch, one line with losses and metrics; the same numbers go to TensorBoard.

    Args:
        output_dir: folder of the TensorBoard events; None writes the lines alone.
    """

    def __init__(self, output_dir: str | Path | None = None) -> None:
        self.writer: Any = None
        self.output_dir = output_dir
        self.sums: dict[str, float] = {}
        self.counts: dict[str, int] = {}
        self.logger = logging.getLogger("monai_anogan.training")

    def attach(self, engine: Any) -> None:
        """Have `engine` report to this."""
        engine.add_event_handler(Events.EPOCH_STARTED, self._begin)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._add)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def _begin(self, _: Any) -> None:
        self.sums, self.counts = {}, {}

    def _add(self, engine: Any) -> None:
        for name, value in engine.state.output.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
            self.counts[name] = self.counts.get(name, 0) + 1

    @property
    def means(self) -> dict[str, float]:
        """Mean of each loss over the iterations of this epoch that had it."""
        return {name: total / self.counts[name] for name, total in self.sums.items()}

    def __call__(self, engine: Any) -> None:
        numbers = self.means | engine.state.metrics
        line = ", ".join(f"{name} {value:.4f}" for name, value in numbers.items())
        self.logger.info("epoch %d of %d: %s", engine.state.epoch, engine.state.max_epochs, line)
        if self.output_dir is not None:
            self._to_tensorboard(numbers, engine.state.iteration)

    def _to_tensorboard(self, numbers: dict[str, float], iteration: int) -> None:
        if self.writer is None:
            from torch.utils.tensorboard import SummaryWriter  # the extra `train`

            self.writer = SummaryWriter(str(self.output_dir))
        for name, value in numbers.items():
            self.writer.add_scalar(name, value, iteration)
        self.writer.flush()
