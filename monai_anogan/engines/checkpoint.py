"""Checkpoints that are whole or absent: the state to resume from, and the best model so far."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Events
from torch import nn

from monai_anogan.engines.whole_file import whole_file

__all__ = ["CheckpointKeeper", "save_state_dict"]


class CheckpointKeeper:
    """Handler: resume from `last` if it is there, renew it after every epoch, keep the best.

    MONAI's CheckpointSaver writes in place, so that a run killed while it writes loses its only
    checkpoint; here every file is written beside and renamed.

    Args:
        output_dir: folder of the files.
        state: what a resumed run needs, by name: networks, optimizers, anything with a state_dict.
        model: whose flat state dict `model_name` holds.
        model_name: file of the best model.
        metric: name in `engine.state.metrics`, lower is better; None keeps the latest model,
            written when the run completes.
    """

    def __init__(
        self,
        output_dir: str | Path,
        state: dict[str, Any],
        model: nn.Module,
        *,
        model_name: str = "model.pt",
        metric: str | None = None,
    ) -> None:
        self.output_dir, self.state = Path(output_dir), dict(state)
        self.model, self.model_name, self.metric = model, model_name, metric
        self.best = math.inf

    @property
    def last(self) -> Path:
        """The file a run resumes from."""
        return self.output_dir / f"last_{Path(self.model_name).stem}.pt"

    def attach(self, engine: Any) -> None:
        """Have `engine` resume when it starts and save after every epoch."""
        engine.add_event_handler(Events.STARTED, self.resume)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.save)
        if self.metric is None:
            engine.add_event_handler(Events.COMPLETED, lambda _: self._save_model())

    def resume(self, engine: Any) -> None:
        """Load `last` into `state` and `engine`, if the file is there."""
        if not self.last.is_file():
            return
        kept = torch.load(self.last, map_location="cpu", weights_only=True)
        for name, target in self.state.items():
            target.load_state_dict(kept[name])
        engine.state.epoch, engine.state.iteration = kept["epoch"], kept["iteration"]
        self.best = kept["best"]
        engine.logger.info("resumed after epoch %d from %s", kept["epoch"], self.last)

    def save(self, engine: Any) -> None:
        """Write `last`, and the model if its metric is the best so far."""
        if self.metric is not None and engine.state.metrics[self.metric] < self.best:
            self.best = engine.state.metrics[self.metric]
            self._save_model()
        kept = {name: target.state_dict() for name, target in self.state.items()}
        kept |= {"epoch": engine.state.epoch, "iteration": engine.state.iteration}
        _write(kept | {"best": self.best}, self.last)

    def _save_model(self) -> None:
        save_state_dict(self.model, self.output_dir / self.model_name)


def save_state_dict(model: nn.Module, path: str | Path, dtype: torch.dtype = torch.float32) -> None:
    """Write a flat state dict, floating-point entries as `dtype` (float16 halves the file)."""
    state = {
        name: value.detach().cpu().to(dtype) if value.is_floating_point() else value.cpu()
        for name, value in model.state_dict().items()
    }
    _write(state, Path(path))


def _write(content: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as beside:
        torch.save(content, beside)
