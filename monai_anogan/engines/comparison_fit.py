"""Healthy scans with painted lesions through a model, one by one, into its comparison.

The scans are rebuilt by the very inferer that will rebuild a patient's, so that the comparison
knows what this model in this mode leaves unexplained in healthy tissue.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from ignite.engine import Events
from monai.utils import convert_to_tensor
from torch.nn import functional as F

from monai_anogan.engines.checkpoint import save_state_dict
from monai_anogan.engines.lesion_voxels import LesionVoxels, lesion_sizes
from monai_anogan.errors import AnoganError
from monai_anogan.maps import Comparison, Perceptron, TwoLooks, scale_features

__all__ = ["ComparisonFit", "fit_perceptron", "in_rounds"]

Item = TypeVar("Item")


class ComparisonFit:
    """Handler: collect voxels of scans and reconstructions, fit and save when the run completes.

    Scans come in the order of `in_rounds`, painted anew each time. The first half of what a member
    is given teaches its first look, the second half its second: this meets evidence on scans that
    the first has not learned from, as it will later.

    Args:
        path: file of the fitted comparison.
        scans: how many will come, each as often as it does.
        rounds: how often a scan comes to a member.
        members: of the comparison.
        epochs: passes over all voxels of a look.
        seed: of the draw of voxels and of the fit.

    Raises:
        ValueError: `scans` cannot be the same, two or more, for every member and round.
    """

    def __init__(
        self,
        path: str | Path,
        scans: int,
        *,
        rounds: int = 1,
        members: int = 1,
        epochs: int = 20,
        seed: int = 0,
    ) -> None:
        if scans % (rounds * members) or scans < 2 * rounds * members:
            raise ValueError(
                f"{scans} scans must be {members} members' in {rounds} rounds each, of two or more"
            )
        self.path, self.scans, self.epochs, self.seed = Path(path), scans, epochs, seed
        self.each = scans // members
        self.first = self.each // rounds // 2 * rounds
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.comparison = Comparison(members)
        self.voxels = LesionVoxels(seed)
        self.done = 0

    def attach(self, engine: Any) -> None:
        """Have `engine` hand over every scan and write the file when it completes."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._add_output)
        engine.add_event_handler(Events.COMPLETED, lambda _: self.save())

    def add(self, data: Mapping[Any, Any]) -> None:
        """Add one scan: `image`, `mask`, `pred` and `lesion`, (1, D, H, W) each."""
        names = ("image", "pred", "mask", "lesion")
        image, rebuilt, mask, lesion = (
            convert_to_tensor(data[name], track_meta=False)[0].cpu() for name in names
        )
        organ = mask > 0
        member = self._member()
        seen = scale_features(image, rebuilt, organ)
        if self.done % self.each >= self.first:
            with torch.no_grad():
                seen = member.look_again(seen, organ)
        self.voxels.add(seen, lesion_sizes(lesion)[organ])
        self.done += 1
        if self.done % self.each == self.first:
            self._fit(member.first)
        elif self.done % self.each == 0:
            self._fit(member.second)

    def save(self) -> None:
        """Write the comparison.

        Raises:
            AnoganError: Other than `scans` scans came.
        """
        if self.done != self.scans:
            raise AnoganError(f"the fit must get {self.scans} scans, got {self.done}; run it again")
        save_state_dict(self.comparison, self.path)

    def _member(self) -> TwoLooks:
        """The one that is being fitted."""
        member = self.comparison.members[self.done // self.each]
        assert isinstance(member, TwoLooks)
        return member

    def _fit(self, look: Perceptron) -> None:
        fit_perceptron(look, *self.voxels.all(), epochs=self.epochs, seed=self.seed + self.done)
        self.voxels = LesionVoxels(self.seed + self.done)

    def _add_output(self, engine: Any) -> None:
        for item, output in zip(engine.state.batch, engine.state.output, strict=True):
            self.add({**item, **output})


def in_rounds(scans: Sequence[Item], rounds: int, members: int = 1) -> list[Item]:
    """For each member the first half of the scans, again and again, then the second."""
    half = len(scans) // 2
    return ([*scans[:half]] * rounds + [*scans[half:]] * rounds) * members


def fit_perceptron(
    look: Perceptron,
    features: torch.Tensor,
    lesions: torch.Tensor,
    weights: torch.Tensor,
    *,
    epochs: int,
    batch_size: int = 8192,
    lr: float = 3e-3,
    seed: int = 0,
) -> None:
    """Fit a perceptron in place by weighted cross-entropy.

    Args:
        look: what learns.
        features: (N, F).
        lesions: (N,) True in a lesion.
        weights: (N,) how much a voxel counts.
        epochs: passes over all voxels.
        batch_size: voxels a step of AdamW.
        lr: its learning rate at the start; it falls to zero in a straight line.
        seed: of the order of the voxels.

    Raises:
        AnoganError: There are no lesions, or nothing but lesions.
    """
    if not lesions.any() or lesions.all():
        raise AnoganError(
            f"a comparison must be fitted on voxels of both kinds, got {int(lesions.sum())} of "
            f"lesions among {len(lesions)}; paint lesions on more scans"
        )
    look.mean.copy_(features.float().mean(0))
    look.spread.copy_(features.float().std(0) + 1e-4)
    optimizer = torch.optim.AdamW(look.parameters(), lr, weight_decay=1e-3)
    steps = max(1, round(epochs * len(features) / batch_size))
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=steps)
    rng = torch.Generator().manual_seed(seed)
    with torch.enable_grad():  # evaluators call their handlers under no_grad
        for _ in range(steps):
            drawn = torch.randint(len(features), (batch_size,), generator=rng)
            loss = F.binary_cross_entropy_with_logits(
                look(features[drawn]), lesions[drawn].float(), weights[drawn]
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    logging.getLogger(__name__).info("fitted to %d voxels: loss %.4f", len(features), loss.item())
