"""How well an anomaly map ranks abnormal voxels above normal ones, pooled over cases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from monai_anogan.errors import InputError

__all__ = ["VoxelMetrics", "VoxelPool"]


@dataclass(frozen=True)
class VoxelMetrics:
    """Voxel-level metrics of one method on one kind of case, all voxels in one pool."""

    voxel_auroc: float  # area under the ROC curve; 0.5 is chance
    average_precision: (
        float  # area under precision over recall; the share of abnormal voxels is chance
    )
    best_dice: float  # highest Dice that any one threshold for the whole cohort reaches
    best_threshold: float  # that threshold: a voxel is called abnormal at or above it
    voxels: int  # pooled
    abnormal_voxels: int  # of these
    cases: int


class VoxelPool:
    """Collects the scores of one case after the other, then measures them together.

    One pool holds the cases of ONE kind (all infarcts, say): pooled over kinds the easy kind would
    hide the hard one. A case costs 5 bytes a voxel; only voxels inside the mask belong in the pool,
    because air is easy and would flatter every number.
    """

    def __init__(self) -> None:
        self._scores: list[NDArray[np.float32]] = []
        self._truths: list[NDArray[np.bool_]] = []

    def add(self, scores: ArrayLike, truth: ArrayLike) -> None:
        """Add one case.

        Args:
            scores: anomaly scores of the voxels inside the mask, any shape; higher is worse.
            truth: the same shape; True (or above zero) where the voxel is abnormal.

        Raises:
            InputError: The shapes differ, there is no voxel, or a score is not finite.
        """
        score = np.asarray(scores, dtype=np.float32).ravel()
        abnormal = (np.asarray(truth) > 0).ravel()
        if np.shape(scores) != np.shape(truth):
            raise InputError(
                f"scores and truth must have one shape, got {np.shape(scores)} and "
                f"{np.shape(truth)}; bring the truth to the map's grid"
            )
        if not score.size:
            raise InputError("a case must have voxels inside its mask, got none; check the mask")
        if not np.isfinite(score).all():
            raise InputError("scores must be finite, got NaN or infinity; check the anomaly map")
        self._scores.append(score)
        self._truths.append(abnormal)

    def compute(self) -> VoxelMetrics:
        """The metrics of all cases added so far.

        Raises:
            InputError: The pool lacks abnormal or lacks normal voxels, so nothing can be ranked.
        """
        scores = np.concatenate([*self._scores, np.empty(0, np.float32)])
        truth = np.concatenate([*self._truths, np.empty(0, np.bool_)])
        abnormal = int(truth.sum())
        if not 0 < abnormal < truth.size:
            raise InputError(
                f"the pooled truth must hold abnormal and normal voxels, got {abnormal} abnormal "
                f"of {truth.size}; give these cases a mask that marks the lesion"
            )
        dice, threshold = _best_dice(truth, scores)
        return VoxelMetrics(
            voxel_auroc=float(roc_auc_score(truth, scores)),
            average_precision=float(average_precision_score(truth, scores)),
            best_dice=dice,
            best_threshold=threshold,
            voxels=truth.size,
            abnormal_voxels=abnormal,
            cases=len(self._scores),
        )


def _best_dice(truth: NDArray[np.bool_], scores: NDArray[np.float32]) -> tuple[float, float]:
    """The highest Dice over all thresholds, and its threshold (the highest one where they tie)."""
    precision, recall, thresholds = precision_recall_curve(truth, scores)
    total = precision + recall
    dice = np.divide(2 * precision * recall, total, out=np.zeros_like(total), where=total > 0)[:-1]
    best = dice.size - 1 - int(dice[::-1].argmax())
    return float(dice[best]), float(thresholds[best])
