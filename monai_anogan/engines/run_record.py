"""What a training run was asked for and how its losses went, kept in its checkpoint."""

from __future__ import annotations

from typing import Any

from ignite.engine import Events

from monai_anogan.engines.progress import ProgressLog
from monai_anogan.errors import InputError

__all__ = ["LossHistory", "Losses", "RunPlan"]

Losses = list[dict[str, float]]


class LossHistory:
    """Handler: the mean of every loss for every epoch, those of a resumed run's past included.

    Args:
        log: attached before this; it takes the means.
    """

    def __init__(self, log: ProgressLog) -> None:
        self.log = log
        self.epochs: Losses = []

    def attach(self, engine: Any) -> None:
        """Have `engine` call this after every epoch."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Any) -> None:
        self.epochs.append(dict(self.log.means))

    def state_dict(self) -> dict[str, Losses]:
        """The epochs so far."""
        return {"epochs": self.epochs}

    def load_state_dict(self, state: dict[str, Losses]) -> None:
        """Go on behind the epochs of a checkpoint."""
        self.epochs[:] = state["epochs"]


class RunPlan:
    """What a run was asked for, by name; a checkpoint of another run is refused."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def state_dict(self) -> dict[str, Any]:
        """The settings, for the checkpoint."""
        return self.settings

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Compare the settings with those of a checkpoint.

        Raises:
            InputError: They differ.
        """
        differ = [n for n, value in self.settings.items() if n in state and state[n] != value]
        if differ:
            asked, kept = ({n: s[n] for n in differ} for s in (self.settings, state))
            raise InputError(
                f"a run to resume must have its own settings {kept}, got {asked}; take another "
                "output_dir for another run"
            )
