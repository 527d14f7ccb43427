"""Whether a scan is of the kind the numbers were made for: refuse or warn, and say why.

Each measure of `Appearance` is held against its spread over the healthy scans of the calibration,
and the thumbnail against their mean. Orientation is found by turning the thumbnail every way: if
another way round is more like a healthy scan than the way the header says, one of both is wrong.
What a mirror image of left and right changes is less than what differs between people: that
mistake is not seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations, product
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from monai_anogan.errors import AnoganError
from monai_anogan.maps.appearance import GRID, Appearance
from monai_anogan.maps.traits import PART, TRAITS

__all__ = ["Domain", "Verdict"]

WARN, REFUSE = 6.5, 11.0  # spreads away from the centre
SEVERAL, KINDS = 5.0, 4  # spreads, and different kinds of traits so far off: a refusal together
SHAPE = (0.8, 0.65)  # correlation of thumbnails below which is warned and refused
TURNED, ALIKE = 0.25, 0.9  # by which another way round is more alike (Fisher's z), and how much
ROLES = ("left to right", "back to front", "upside down")


@dataclass(frozen=True)
class Verdict:
    """Why a scan is unlike the healthy ones, a phrase each, the worst first; none if it is like."""

    refusals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Domain:
    """The spread of the appearances of healthy scans.

    Attributes:
        centre_: median of each measure.
        spread_: standard deviation of each, at least the floor of its trait.
        thumbnail_: (12, 12, 12) mean grey of cells around the organ's middle.
    """

    centre_: dict[str, float]
    spread_: dict[str, float]
    thumbnail_: NDArray[np.float64]

    def fit(self, appearances: Sequence[Appearance]) -> Self:
        """Learn from healthy scans."""
        table = {n: np.array([a.measures[n] for a in appearances]) for n in TRAITS}
        self.centre_ = {name: float(np.median(column)) for name, column in table.items()}
        self.spread_ = {
            name: max(float(column.std(ddof=1)), TRAITS[name].floor)
            for name, column in table.items()
        }
        self.thumbnail_ = np.mean([a.thumbnail for a in appearances], axis=0, dtype=np.float64)
        return self

    def judge(self, appearance: Appearance) -> Verdict:
        """Whether a scan is like the healthy ones.

        Raises:
            AnoganError: The domain is not fitted.
        """
        if not hasattr(self, "centre_"):
            raise AnoganError("the domain must be fitted before it judges; call fit first")
        turned = self._turned(appearance.thumbnail)
        if turned:
            return Verdict(refusals=(turned,))
        off = sorted(self._off(appearance), reverse=True)
        several = {kind for away, kind, refuses, _ in off if refuses and away >= SEVERAL}
        limit = SEVERAL if len(several) >= KINDS else REFUSE
        refused = [phrase for away, _, refuses, phrase in off if refuses and away >= limit]
        warned = [phrase for away, *_, phrase in off if away >= WARN and phrase not in refused]
        return Verdict(tuple(refused), tuple(warned))

    def _turned(self, thumbnail: NDArray[np.float32]) -> str:
        """How the scan seems to be turned; empty if it is upright."""
        alike = {
            (axes, signs): _correlation(_turn(thumbnail, axes, signs), self.thumbnail_)
            for axes in permutations(range(3))
            for signs in product((1, -1), repeat=3)
        }
        upright = max(alike.pop(((0, 1, 2), (side, 1, 1))) for side in (1, -1))
        axes, signs = max(alike, key=lambda way: alike[way])
        best = alike[axes, signs]
        if best < ALIKE or np.arctanh(best) - np.arctanh(upright) < TURNED:
            return ""
        flips = [ROLES[a] for a in (1, 2) if signs[a] < 0]
        how = " and ".join(flips) if axes == (0, 1, 2) else "with its axes exchanged"
        return (
            f"it seems to lie {how} (likeness to healthy scans {upright:.2f} as its header "
            f"says, {best:.2f} turned back; wrong orientation in the header?)"
        )

    def _off(self, appearance: Appearance) -> Iterator[tuple[float, str, bool, str]]:
        """For each trait how many spreads off, its kind, whether it may refuse, and a phrase."""
        for name, trait in TRAITS.items():
            value, centre = appearance.measures[name], self.centre_[name]
            spread = self.spread_[name]
            away = (value - centre) / spread
            away = abs(away) if trait.low else max(away, 0.0)
            usual = f"{trait.form.format(centre)} ± {trait.form.format(spread)}"
            phrase = f"{trait.words} {trait.form.format(value)}, usual {usual} ({trait.hint})"
            yield away, trait.kind, trait.refuses, phrase
        alike = max(_correlation(appearance.thumbnail[::s], self.thumbnail_) for s in (1, -1))
        away = WARN + (SHAPE[0] - alike) / (SHAPE[0] - SHAPE[1]) * (REFUSE - WARN)
        phrase = f"likeness to healthy scans {alike:.2f}, usual above {SHAPE[0]:g} ({PART})"
        yield away, "shape", True, phrase

    def state(self) -> dict[str, Any]:
        """Everything learned, as plain numbers."""
        return {
            "centre": self.centre_,
            "spread": self.spread_,
            "thumbnail": np.round(self.thumbnail_, 3).ravel().tolist(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """A fitted domain from its state."""
        fitted = cls()
        fitted.centre_ = {name: float(state["centre"][name]) for name in TRAITS}
        fitted.spread_ = {name: float(state["spread"][name]) for name in TRAITS}
        fitted.thumbnail_ = np.reshape(state["thumbnail"], (GRID, GRID, GRID)).astype(np.float64)
        return fitted


def _turn(
    cube: NDArray[np.float32], axes: Sequence[int], signs: Sequence[int]
) -> NDArray[np.float32]:
    return cube.transpose(axes)[tuple(slice(None, None, sign) for sign in signs)]


def _correlation(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Pearson's; 0 where one of them is flat."""
    if not (one.std() > 0 and other.std() > 0):
        return 0.0
    return float(np.clip(np.corrcoef(one.ravel(), other.ravel())[0, 1], -0.9999, 0.9999))
