"""Patches, not volumes: what a system makes of each, and every score its paper gives it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch

from monai_anogan.errors import InputError
from monai_anogan.inferers.latent_search import STARTS
from monai_anogan.search import descend
from monai_anogan.systems import FrozenSystem, SearchPlan, System
from monai_anogan.transforms import FromUint8

__all__ = ["PatchScorer", "PatchScores"]


@dataclass(frozen=True)
class PatchScores:
    """What a system says of N patches, on the CPU."""

    reconstruction: torch.Tensor  # (N, C, *S) in [-1, 1]
    latents: torch.Tensor  # (N, Z), of the reconstruction
    scores: dict[str, torch.Tensor]  # (N,) each, the paper's main score first


class PatchScorer:
    """Called as `scorer(system, patches)`; the system is left as it is.

    Args:
        search: how to search the reconstructions; None is the system's own way.
        batch_size: patches at a time.
        precision: of the networks that rebuild, see `FrozenSystem`; scores are float32.
        seed: of the starts.
        progress: called with (patches done, patches in all).
    """

    def __init__(
        self,
        search: SearchPlan | None = None,
        *,
        batch_size: int = 64,
        precision: str = "auto",
        seed: int = 0,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self.search, self.batch_size, self.precision = search, batch_size, precision
        self.seed, self.progress = seed, progress

    @torch.no_grad()
    def __call__(self, system: System, patches: torch.Tensor) -> PatchScores:
        """Rebuild and score patches (N, C, *S), uint8 (0 to 255 for -1 to 1) or in [-1, 1].

        Raises:
            InputError: There are no patches, or a search would start from the encoder of a system
                that has none.
        """
        if len(patches) < 1:
            raise InputError("patches must be one or more, got none")
        judge = copy.deepcopy(system).eval().float()
        frozen = FrozenSystem(system, self.precision)
        rng = torch.Generator().manual_seed(self.seed)
        parts, done = [], 0
        for batch in patches.split(self.batch_size):
            coded = batch.dtype == torch.uint8
            x = frozen.take(FromUint8()(batch) if coded else batch.float())
            latents, image = self._rebuild(frozen, x, self.search or system.search, rng)
            scores = judge.scores(x, image, latents)
            parts.append(
                PatchScores(image.cpu(), latents.cpu(), {n: s.cpu() for n, s in scores.items()})
            )
            done += len(batch)
            if self.progress is not None:
                self.progress(done, len(patches))
        return PatchScores(
            torch.cat([part.reconstruction for part in parts]),
            torch.cat([part.latents for part in parts]),
            {name: torch.cat([part.scores[name] for part in parts]) for name in parts[0].scores},
        )

    def _rebuild(
        self,
        frozen: FrozenSystem,
        patches: torch.Tensor,
        plan: SearchPlan | None,
        rng: torch.Generator,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents (B, Z) and the patches (B, C, *S) that G makes of them."""
        if plan is None:
            latents = frozen.encode(patches)
            return latents, frozen.generate(latents)
        match = descend(
            frozen.generate,
            frozen.objective(patches, plan.weight),
            STARTS[plan.start]()(frozen, patches, rng),
            steps=plan.steps,
            lr=plan.lr,
            betas=plan.betas,
            decay=plan.decay,
        )
        return match.latent, match.image
