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
from monai_anogan.systems import System

__all__ = ["PLAIN", "training_rows"]

PLAIN = "plain eager float32"
WEIGHT = 10.0  # of the reconstruction beside the adversarial loss


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
    count = max(3, 2 * repeats)
    rows = []
    for name, amp in ((PLAIN, None), ("ours, in float32", False), ("ours", True)):
        say(f"training, {name}")
        torch.manual_seed(0)
        network = brain.pipeline.untrained().to(brain.device)
        taken = _plain(network, brain, count) if amp is None else _ours(network, brain, count, amp)
        rows.append({"name": name, "ms_an_iteration": 1e3 * statistics.median(taken)})
    return rows


def _adams(network: System, *, fused: bool) -> tuple[torch.optim.Adam, torch.optim.Adam]:
    parts = (network.generator, network.discriminator)
    g_adam, d_adam = (
        torch.optim.Adam(part.parameters(), 2e-4, (0.5, 0.99), fused=fused) for part in parts
    )
    return g_adam, d_adam


def _plain(network: System, brain: Brain, count: int) -> list[float]:
    """Seconds of each iteration as most GAN code has it: every loss makes its own passes.

    The layout is the one the network was made in, and D's gradients of G's step are computed and
    thrown away.
    """
    generator, judge = network.generator.train(), network.discriminator.train()
    network.encoder.eval()
    (g_adam, d_adam), loss = _adams(network, fused=False), NonSaturatingR1()
    real, rng, taken = brain.patches, torch.Generator().manual_seed(0), []
    for iteration in range(1, count + 1):
        begin = time.perf_counter()
        fake = generator(network.sample_latents(len(real), rng)).detach()
        d_loss = loss.discriminator(judge(real), judge(fake))
        if iteration % loss.penalty_every == 0:
            d_loss = d_loss + loss.penalty(judge, real, fake, rng)
        d_adam.zero_grad()
        d_loss.backward()
        d_adam.step()
        with torch.no_grad():
            codes = network.encoder(real)
        rebuilding = (real - generator(codes)).abs().mean()
        fake = generator(network.sample_latents(len(real), rng))
        g_adam.zero_grad()
        (loss.generator(judge(fake)) + WEIGHT * rebuilding).backward()
        g_adam.step()
        taken.append(time.perf_counter() - begin)
    return taken


def _ours(network: System, brain: Brain, count: int, amp: bool) -> list[float]:
    """Seconds of each iteration of the trainer."""
    trainer = AnoGANTrainer(
        brain.device,
        1,
        Batches(brain.patches, count),
        network,
        *_adams(network, fused=True),
        NonSaturatingR1(),
        reconstruction_weight=WEIGHT,
        amp=amp,
    )
    ticks: list[float] = []
    trainer.add_event_handler(
        Events.ITERATION_STARTED | Events.ITERATION_COMPLETED,
        lambda _: ticks.append(time.perf_counter()),
    )
    trainer.run()
    return [b - a for a, b in zip(ticks[::2], ticks[1::2], strict=True)]
