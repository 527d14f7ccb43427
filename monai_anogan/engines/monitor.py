"""What a person watches while networks learn: a picture and a number or two after each epoch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from ignite.engine import Events

from monai_anogan.engines.grid import save_grid
from monai_anogan.metrics.sample_quality import diversity, sliced_wasserstein
from monai_anogan.systems import System

__all__ = ["FidelityMonitor", "ReconstructionMonitor"]


class FidelityMonitor:
    """After each epoch: do samples look like real patches, and do they differ as those do?

    Writes `swd` (sliced Wasserstein distance, lower is better) and `diversity` into
    `engine.state.metrics`, and `samples_NNN.png` into `output_dir`. The latents are the same each
    time. `swd` needs no anomalies and no labels: it chooses the checkpoint.

    Args:
        network: the system to watch, an exponential average as a rule.
        real: real patches held back from training, (N, C, *S).
        output_dir: where the pictures go.
        seed: of the latents.
    """

    def __init__(
        self, network: System, real: torch.Tensor, output_dir: str | Path, seed: int = 0
    ) -> None:
        self.network, self.real, self.seed = network, real, seed
        self.output_dir = Path(output_dir)

    def attach(self, engine: Any) -> None:
        """Have `engine` call this after every epoch."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    @torch.no_grad()
    def __call__(self, engine: Any) -> None:
        rng = torch.Generator().manual_seed(self.seed)
        z = self.network.sample_latents(len(self.real), rng)
        self.network.eval()
        samples = torch.cat([self.network.generator(part).cpu() for part in z.split(128)]).float()
        metrics = engine.state.metrics
        metrics["swd"] = sliced_wasserstein(samples, self.real)
        metrics["diversity"] = diversity(samples, self.real)
        save_grid(self.output_dir / f"samples_{engine.state.epoch:03d}.png", samples[:64])


class ReconstructionMonitor:
    """After each epoch: how well is healthy tissue rebuilt, seen through painted lesions?

    Writes `residual`, the mean absolute residual against the clean patches (lower is better), into
    `engine.state.metrics`, and `reconstructions_NNN.png` (seen, rebuilt, clean) into `output_dir`.

    Args:
        network: the system to watch.
        clean: real patches held back from training, (N, C, *S).
        seen: what the encoder is shown in their place, (N, C, *S).
        output_dir: where the pictures go.
    """

    def __init__(
        self, network: System, clean: torch.Tensor, seen: torch.Tensor, output_dir: str | Path
    ) -> None:
        self.network, self.clean, self.seen = network, clean, seen
        self.output_dir = Path(output_dir)

    def attach(self, engine: Any) -> None:
        """Have `engine` call this after every epoch."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    @torch.no_grad()
    def __call__(self, engine: Any) -> None:
        self.network.eval()
        device = next(self.network.parameters()).device
        rebuilt = torch.cat(
            [self.network(p.to(device)).cpu() for p in self.seen.split(128)]
        ).float()
        engine.state.metrics["residual"] = (rebuilt - self.clean).abs().mean().item()
        rows = torch.stack([self.seen[:16], rebuilt[:16], self.clean[:16]], dim=0)
        path = self.output_dir / f"reconstructions_{engine.state.epoch:03d}.png"
        save_grid(path, rows.flatten(0, 1), columns=16)
