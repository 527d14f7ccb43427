"""An alarm that stops a run gone wrong, with a word on what to do."""

from __future__ import annotations

import math
from typing import Any

from ignite.engine import Events

from monai_anogan.errors import TrainingError

__all__ = ["CollapseAlarm"]


class CollapseAlarm:
    """Stop a run that has gone wrong: a loss is not finite, or all samples look alike.

    Args:
        lowest_diversity: `diversity` below this counts as collapse.
        patience: epochs in a row that must be below it.
        grace: first epochs that do not count: an average that starts from an untrained generator
            has no diversity yet.
    """

    def __init__(self, lowest_diversity: float = 0.3, patience: int = 3, grace: int = 5) -> None:
        self.lowest_diversity, self.patience, self.grace = lowest_diversity, patience, grace
        self.epochs_below = 0

    def attach(self, engine: Any) -> None:
        """Have `engine` check losses at every iteration and diversity after every epoch."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.check_losses)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.check_diversity)

    def check_losses(self, engine: Any) -> None:
        """Raise `TrainingError` if a loss of this iteration is not finite."""
        for name, value in engine.state.output.items():
            if not math.isfinite(value):
                raise TrainingError(
                    f"{name} must be finite, got {value} at iteration {engine.state.iteration}; "
                    "lower the learning rate or switch amp off, then resume"
                )

    def check_diversity(self, engine: Any) -> None:
        """Raise `TrainingError` if samples have been too alike for `patience` epochs."""
        share = engine.state.metrics.get("diversity", 1.0)
        alike = share < self.lowest_diversity and engine.state.epoch > self.grace
        self.epochs_below = self.epochs_below + 1 if alike else 0
        if self.epochs_below >= self.patience:
            raise TrainingError(
                f"the generator has collapsed: its samples differ {share:.2f} times as much as "
                f"real patches do, {self.lowest_diversity:g} at least is wanted; start again from "
                "an earlier checkpoint with a lower learning rate of D or a larger R1 gamma"
            )
