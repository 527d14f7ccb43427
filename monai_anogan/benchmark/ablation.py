"""`anogan benchmark --ablation`: what a search gains from its start, its axes and its optimiser."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch

from monai_anogan.benchmark.brain import WINDOWS, Brain
from monai_anogan.benchmark.contenders import losses_met
from monai_anogan.benchmark.lbfgs import lbfgs_losses
from monai_anogan.benchmark.searches import against
from monai_anogan.losses import MatchingLoss
from monai_anogan.search import EncoderStart, PriorStart, descend, fit_basis
from monai_anogan.search.basis import search_gradient, whitening
from monai_anogan.systems import FrozenSystem

__all__ = ["ablation_rows"]

LONG, PATIENCE = 25, 3  # steps of the longest search; of those that gain little on end


@dataclass(frozen=True)
class Trial:
    """One way to search; `fit_seconds` were spent once, for all patches."""

    name: str
    losses: Callable[[], torch.Tensor]  # what it meets, (steps + 1, B)
    fit_seconds: float = 0.0


def ablation_rows(brains: Sequence[Brain], *, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """One row a trial, on the same windows, drawn from all brains alike.

    The first is the paper's search and the reference: 500 steps of Adam from the prior.
    """
    bench = Bench(brains)
    rows: list[dict[str, Any]] = []
    reference = met = torch.zeros(0)
    for trial in bench.trials():
        say(trial.name)
        begin = time.perf_counter()
        losses = trial.losses()
        seconds = time.perf_counter() - begin
        met = losses.cummin(0).values
        reference = reference if rows else met[-1]
        figures = {"fit_seconds": trial.fit_seconds, "seconds_a_patch": seconds / met.shape[1]}
        steps = len(met) - 1
        rows.append({"name": trial.name, "steps": steps} | against(reference, met) | figures)
    return rows + [exit_row(reference, met, rows[-1], share) for share in (0.002, 0.005)]


def exit_row(
    reference: torch.Tensor, met: torch.Tensor, whole: dict[str, Any], tolerance: float
) -> dict[str, Any]:
    """The last trial, had patches left it once they gained too little for a few steps on end."""
    gained = (met[:-1] - met[1:]) / met[1:]
    idle = (gained < tolerance).unfold(0, PATIENCE, 1).all(-1)  # (steps - PATIENCE + 1, B)
    last = len(met) - 1
    left = torch.where(idle.any(0), idle.float().argmax(0) + PATIENCE, last)
    steps = torch.arange(len(met))[:, None].minimum(left.cpu()).to(met.device)
    taken = statistics.mean(left.tolist())
    name = f"{whole['name']}, a patch leaves when {PATIENCE} steps gain below {tolerance:.1%} each"
    figures = {"seconds_a_patch": whole["seconds_a_patch"] * taken / last, "fit_seconds": 0.0}
    return {"name": name, "steps": taken} | against(reference, met.gather(0, steps)) | figures


class Bench:
    """Patches, starts and axes that the trials share.

    Args:
        brains: of one model.
    """

    def __init__(self, brains: Sequence[Brain]) -> None:
        searches = brains[0].pipeline["searches"]
        self.network, self.rate = FrozenSystem(brains[0].system), searches["paper"]["lr"]
        self.fast = {name: searches["fast"][name] for name in ("steps", "lr", "betas", "decay")}
        self.patches, beside = (
            torch.cat([patches[:: len(brains)] for patches in of_brains])[:WINDOWS]
            for of_brains in ([b.patches for b in brains], [b.neighbours() for b in brains])
        )
        self.prior = PriorStart()(self.network, self.patches, torch.Generator().manual_seed(0))
        self.encoded = self.network.encode(self.patches)
        self.basis, self.fit_seconds = timed(partial(fit_basis, self.network, EncoderStart()))
        objective = MatchingLoss(beside, self.network.features)
        walk = {"start": self.network.encode(beside), "basis": self.basis} | self.fast
        self.beside = descend(self.network.generate, objective, **walk).latent

    def trials(self) -> Iterator[Trial]:
        """The paper's search first; ours in its longest form last."""
        for rate in dict.fromkeys((self.rate, 0.05, 0.2, 0.4)):
            paper = {"steps": 500, "lr": rate, "betas": (0.9, 0.999), "decay": False}
            yield self._walked(f"the paper's: prior, Adam, rate {rate}", None, self.prior, **paper)
        ours = self.basis
        yield self._walked("ours, from the prior", ours, self.prior)
        yield self._walked("ours, from the neighbouring slice's solution", ours, self.beside)
        for rate in (0.025, 0.05, 0.1):
            yield self._walked(f"encoder, Adam along z, rate {rate}", None, lr=rate)
        for name, fit in (
            ("axes of the grid, not whitened", self._grid_axes),
            ("axes scaled, not turned", self._scaled_axes),
            ("axes of 256 whole gradients", partial(self._whole_axes, 256)),
            ("axes of 8192 whole gradients", partial(self._whole_axes, 8192)),
        ):
            axes, seconds = timed(fit)
            for rate in (self.fast["lr"], 2 * self.fast["lr"]):
                walked = self._walked(f"encoder, {name}, rate {rate}", axes, lr=rate)
                yield replace(walked, fit_seconds=seconds)
        yield Trial("encoder, L-BFGS along z", partial(self._lbfgs, None))
        yield Trial("encoder, L-BFGS along our axes", partial(self._lbfgs, ours), self.fit_seconds)
        yield self._walked("ours, betas 0.9 and 0.999", ours, betas=(0.9, 0.999))
        constant = {"decay": False, "lr": self.fast["lr"] / 2}
        yield self._walked("ours, half the rate without decay", ours, **constant)
        for steps in (4, self.fast["steps"], 15, LONG):
            yield self._walked(f"ours, {steps} steps", ours, steps=steps)

    def _walked(
        self, name: str, axes: torch.Tensor | None, start: torch.Tensor | None = None, **walk: Any
    ) -> Trial:
        """A trial of `descend`, with our settings where no others are given."""
        start = self.encoded if start is None else start
        search = partial(losses_met, self.network, self.patches, start, basis=axes)
        seconds = self.fit_seconds if axes is self.basis else 0.0
        return Trial(name, partial(search, **(self.fast | walk)), seconds)

    def _lbfgs(self, axes: torch.Tensor | None) -> torch.Tensor:
        objective, start = MatchingLoss(self.patches, self.network.features), self.encoded

        def value(walk: torch.Tensor) -> torch.Tensor:
            z = start + (walk if axes is None else walk @ axes.T)
            return objective(self.network.generate(z))

        first = 0.02 if axes is None else 0.2  # mean moves of ours in its first steps
        steps = self.fast["steps"]
        return lbfgs_losses(value, torch.zeros_like(start), steps=steps, first=first)

    def _grid_axes(self) -> torch.Tensor:
        """One axis for each number of the latent grid, as if z had never been whitened."""
        axes = torch.linalg.inv(self.network.to_grid)
        return axes * (len(axes) ** 0.5 / axes.norm())

    def _scaled_axes(self) -> torch.Tensor:
        """z's own axes, each as long as its gradients are short."""
        return whitening(self._gradients(256).square().mean(0).diag().double(), 0.1).float()

    def _whole_axes(self, count: int) -> torch.Tensor:
        """From so many gradients, without what is known of the grid."""
        gradients = self._gradients(count).double()
        return whitening(gradients.T @ gradients, 0.01).float()

    def _gradients(self, count: int) -> torch.Tensor:
        rng, drawn = torch.Generator().manual_seed(0), []
        for _ in range(count // WINDOWS):
            prior = torch.randn(WINDOWS, self.network.latent_size, generator=rng)
            with torch.no_grad():
                patches = self.network.generate(prior.to(self.network.device))
            z = self.network.encode(patches)
            drawn.append(search_gradient(self.network, patches, z, 0.1))
        return torch.cat(drawn)


def timed(function: Callable[[], torch.Tensor]) -> tuple[torch.Tensor, float]:
    """What it returns, and the seconds it took."""
    begin = time.perf_counter()
    result = function()
    return result, time.perf_counter() - begin
