"""Healthy scans with painted lesions through a model, one by one, into its comparison.

The scans are rebuilt by the very inferer that will rebuild a patient's, so that the comparison
knows what this model in this mode leaves unexplained in healthy tissue.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Events
from monai.utils import convert_to_tensor
from torch.nn import functional as F

from monai_anogan.engines.checkpoint import save_state_dict
from monai_anogan.engines.fit_perceptron import fit_perceptron
from monai_anogan.engines.lesion_voxels import LesionVoxels, lesion_sizes
from monai_anogan.engines.surroundings_fit import SurroundingsFit
from monai_anogan.errors import AnoganError
from monai_anogan.maps import (
    Comparison,
    Perceptron,
    SecondOpinion,
    TwoLooks,
    context_features,
    in_own_spreads,
    load_comparison,
)

__all__ = ["ComparisonFit"]


class ComparisonFit:
    """Handler: collect voxels of scans and reconstructions, fit and save when the run completes.

    Scans come in the order of `in_rounds`, painted anew each time. All of them once teach what to
    expect of healthy voxels by their surroundings. Then each member is given its own: one half
    teaches its first look, the other its second: this meets evidence on scans that the first has
    not learned from, as it will later.

    A comparison that has members can be given more, for lesions of another kind: its surroundings
    and the members that it has stay as they are, and no scans come for them. Or the members are a
    second opinion beside it, see `SecondOpinion`, which are shown what it sees in its own spreads.

    Args:
        path: file of the fitted comparison.
        scans: how many will come, each as often as it does.
        more_of: file of a comparison that is given more members; None begins one.
        second_opinion: the members are of a second opinion beside `more_of`.
        rounds: how often a scan comes to a member.
        members: of the comparison, or how many more.
        epochs: passes over all voxels of a look.
        surroundings_epochs: passes over all healthy voxels.
        seed: of the draw of voxels and of the fit.

    Raises:
        ValueError: `scans` cannot be the same, two or more, for every member and round and the
            surroundings; or there is to be a second opinion beside nothing.
        InputError: `more_of` is no comparison.
    """

    def __init__(
        self,
        path: str | Path,
        scans: int,
        *,
        more_of: str | Path | None = None,
        second_opinion: bool = False,
        rounds: int = 1,
        members: int = 1,
        epochs: int = 20,
        surroundings_epochs: float = 5,
        seed: int = 0,
    ) -> None:
        times = (more_of is None) + rounds * members
        if scans % times or scans < 2 * times:
            before = ", and come once before" if more_of is None else ""
            raise ValueError(
                f"{scans} scans must be {members} members' in {rounds} rounds each{before}, of two "
                "or more"
            )
        if second_opinion and more_of is None:
            raise ValueError("a second opinion must have a comparison beside it, got no more_of")
        self.path, self.scans, self.epochs, self.seed = Path(path), scans, epochs, seed
        self.surroundings_epochs = surroundings_epochs
        different = scans // times
        self.before = different if more_of is None else 0
        self.each = different * rounds
        self.first = different // 2 * rounds
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.comparison = _comparison(more_of, 0 if second_opinion else members)
            self.opinion = SecondOpinion(members) if second_opinion else None
        self.members = (self.opinion or self.comparison).members[-members:]
        self.healthy = SurroundingsFit(seed)
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
        if self.done < self.before:
            self.healthy.add(image, rebuilt, organ, lesion > 0)
        else:
            seen = self.comparison.see(image, rebuilt, organ)
            self._show(seen if self.opinion is None else in_own_spreads(seen), organ, lesion)
        self.done += 1
        if self.done == self.before:
            self._fit_surroundings()

    def save(self) -> None:
        """Write the comparison, or the second opinion.

        Raises:
            AnoganError: Other than `scans` scans came.
        """
        if self.done != self.scans:
            raise AnoganError(f"the fit must get {self.scans} scans, got {self.done}; run it again")
        save_state_dict(self.opinion or self.comparison, self.path)

    def _show(self, seen: torch.Tensor, organ: torch.Tensor, lesion: torch.Tensor) -> None:
        """Draw voxels for a look of a member, and fit it when they are its last."""
        member, scan = divmod(self.done - self.before, self.each)
        looks = self.members[member]
        assert isinstance(looks, TwoLooks)
        if scan >= self.first:
            with torch.no_grad():
                evidence = F.softplus(looks.first(seen))[None]
                seen = torch.cat([seen, context_features(evidence, organ)[0]], dim=1)
        self.voxels.add(seen, lesion_sizes(lesion)[organ])
        if scan == self.first - 1:
            self._fit(looks.first)
        elif scan == self.each - 1:
            self._fit(looks.second)

    def _fit_surroundings(self) -> None:
        self.healthy.fit(self.comparison.surroundings, epochs=self.surroundings_epochs)
        del self.healthy  # gigabytes

    def _fit(self, look: Perceptron) -> None:
        fit_perceptron(look, *self.voxels.all(), epochs=self.epochs, seed=self.seed + self.done)
        self.voxels = LesionVoxels(self.seed + self.done)

    def _add_output(self, engine: Any) -> None:
        for item, output in zip(engine.state.batch, engine.state.output, strict=True):
            self.add({**item, **output})


def _comparison(more_of: str | Path | None, members: int) -> Comparison:
    """A new comparison, or a fitted one with as many members more."""
    if more_of is None:
        return Comparison(members)
    comparison = load_comparison(more_of)
    comparison.members.extend(TwoLooks() for _ in range(members))
    return comparison
