"""How many lesions are found at how many false findings a scan: the FROC of a map.

Free-response ROC (Bunch et al. 1978), for any map, calibrated or not: at each threshold the
connected regions are the findings. A finding is true if a tenth of its voxels or more are lesion,
and then finds every lesion it touches; else it is false. The tenth keeps one region as large as the
brain from finding everything at the price of nothing. Regions and lesions are joined over corners.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from monai_anogan.errors import InputError

__all__ = ["FALSE_FINDINGS", "Froc"]

FALSE_FINDINGS = (0.5, 1.0, 2.0, 4.0)  # a scan
OVERLAP = 0.1  # share of a true finding that is lesion
TOUCHING = np.ones((3, 3, 3))
THRESHOLDS = 40
FINER = 8  # thresholds more between the two that have fewer and more false findings than reported
LARGEST_SHARE = 0.2  # of all voxels: lower thresholds join what should be told apart


class Froc:
    """Collects maps case by case, then counts lesions found and false findings.

    Args:
        smallest: voxels of the smallest region that counts as a finding; smaller ones are speckle.
    """

    def __init__(self, smallest: int = 3) -> None:
        self.smallest = smallest
        self._scores: list[NDArray[np.float32]] = []
        self._truths: list[NDArray[np.bool_] | None] = []

    def add(self, scores: ArrayLike, truth: ArrayLike | None = None) -> None:
        """Add one case.

        Args:
            scores: (I, J, K) map, higher is more abnormal, 0 outside the organ.
            truth: (I, J, K), True in the lesions; None for a healthy case.

        Raises:
            InputError: The grids differ, or a score is not finite.
        """
        score = np.asarray(scores, dtype=np.float32)
        lesion = None if truth is None else np.asarray(truth) > 0
        if lesion is not None and lesion.shape != score.shape:
            raise InputError(
                f"scores and truth must be on one grid, got {score.shape} and {lesion.shape}"
            )
        if not np.isfinite(score).all():
            raise InputError("scores must be finite, got NaN or infinity; check the anomaly map")
        box = _box((score > 0) if lesion is None else (score > 0) | lesion)
        self._scores.append(score[box].copy())
        self._truths.append(None if lesion is None else lesion[box].copy())

    def joined(self, other: Froc) -> Froc:
        """The cases of both together; neither is changed."""
        both = Froc(self.smallest)
        both._scores = [*self._scores, *other._scores]
        both._truths = [*self._truths, *other._truths]
        return both

    def curve(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """False findings a scan and share of lesions found, at each threshold from high to low.

        Raises:
            InputError: There is no lesion.
        """
        if not any(t is not None and t.any() for t in self._truths):
            raise InputError("a FROC needs cases with a lesion, got none")
        lesions = [_label(t) if t is not None else (None, 0) for t in self._truths]
        pooled = np.sort(np.concatenate([s[s > 0] for s in self._scores]))
        thresholds = self._thresholds(pooled)
        false, found = self._counted(thresholds, lesions)
        more = _between(thresholds, false, pooled)
        false_more, found_more = self._counted(more, lesions)
        order = np.argsort(-np.concatenate([thresholds, more]), kind="stable")
        return (
            np.concatenate([false, false_more])[order],
            np.concatenate([found, found_more])[order],
        )

    def sensitivity(self, at: Sequence[float] = FALSE_FINDINGS) -> list[float]:
        """Share of lesions found at no more than so many false findings a scan."""
        false, found = self.curve()
        return [float(found[false <= most].max(initial=0.0)) for most in at]

    def _thresholds(self, pooled: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores from high to low: all where they are few, else evenly spread over the tail."""
        distinct = np.unique(pooled)
        if distinct.size <= THRESHOLDS:
            return distinct[::-1]
        most = min(LARGEST_SHARE * sum(s.size for s in self._scores), pooled.size)
        counts = np.geomspace(1, max(most, 1), THRESHOLDS).astype(int)
        return np.unique(pooled[pooled.size - counts])[::-1]

    def _counted(
        self,
        thresholds: NDArray[np.float32],
        lesions: Sequence[tuple[NDArray[np.int32] | None, int]],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """False findings a scan and share of lesions found, at each threshold."""
        false, found = np.zeros(len(thresholds)), np.zeros(len(thresholds))
        for score, (labels, _) in zip(self._scores, lesions, strict=True):
            for step, threshold in enumerate(thresholds):
                wrong, right = self._count(score >= threshold, labels)
                false[step] += wrong
                found[step] += right
        return false / len(self._scores), found / sum(count for _, count in lesions)

    def _count(
        self, above: NDArray[np.bool_], lesions: NDArray[np.int32] | None
    ) -> tuple[int, int]:
        """False findings and lesions found."""
        regions, count = _label(above)
        sizes = np.bincount(regions.ravel(), minlength=count + 1)
        large = sizes >= self.smallest
        large[0] = False
        if lesions is None:
            return int(large.sum()), 0
        share = np.bincount(regions[lesions > 0], minlength=count + 1) / np.maximum(sizes, 1)
        true = large & (share >= OVERLAP)
        touched = np.unique(lesions[true[regions]])
        return int((large & ~true).sum()), int((touched > 0).sum())


def _between(
    thresholds: NDArray[np.float32], false: NDArray[np.float64], pooled: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Scores where the false findings rise past each number that is reported."""
    more: list[NDArray[np.float32]] = []
    for most in FALSE_FINDINGS:
        past = int(np.argmax(false > most))  # 0 where none is, and where the first is already
        if past:
            low, high = np.searchsorted(pooled, [thresholds[past], thresholds[past - 1]])
            more.append(pooled[np.linspace(low, high, FINER + 2).astype(int)[1:-1]])
    new = np.setdiff1d(np.concatenate(more), thresholds) if more else np.zeros(0, np.float32)
    return new[::-1]


def _label(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    return ndimage.label(mask, structure=TOUCHING)


def _box(mask: NDArray[np.bool_]) -> tuple[slice, ...]:
    """The smallest box that holds a mask; all of it where the mask is empty."""
    found = ndimage.find_objects(mask.astype(np.uint8))
    return found[0] if found else tuple(slice(None) for _ in mask.shape)
