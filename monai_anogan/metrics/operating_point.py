"""Where a score is cut in two, and what the cut is worth.

Youden 1950, "Index for rating diagnostic tests": the optimum of a ROC curve is the threshold with
the largest sensitivity + specificity - 1, as in Schlegl et al. 2017 (arXiv 1703.05921), table 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import f1_score, precision_score, recall_score, roc_curve

from monai_anogan.errors import InputError

__all__ = ["OperatingPoint", "operating_point", "youden_threshold"]


@dataclass(frozen=True)
class OperatingPoint:
    """What calling everything at or above a threshold abnormal is worth; all shares in [0, 1]."""

    threshold: float
    precision: float  # 0 where nothing is called abnormal
    recall: float  # the sensitivity
    specificity: float
    f1: float


def youden_threshold(scores: ArrayLike, abnormal: ArrayLike) -> float:
    """The score at which sensitivity + specificity - 1 is largest, the highest one where they tie.

    Args:
        scores: (N,), higher is more abnormal.
        abnormal: (N,), True where it is.

    Returns:
        The threshold; infinity where no cut is better than calling everything normal.

    Raises:
        InputError: One of the two groups is empty.
    """
    truth = _both(abnormal)
    false, true, thresholds = roc_curve(truth, np.asarray(scores), drop_intermediate=False)
    return float(thresholds[np.argmax(true - false)])


def operating_point(scores: ArrayLike, abnormal: ArrayLike, threshold: float) -> OperatingPoint:
    """What a threshold is worth on a set, whichever set it was chosen on.

    Args:
        scores: (N,), higher is more abnormal.
        abnormal: (N,), True where it is.
        threshold: at or above it, a score is called abnormal.

    Raises:
        InputError: One of the two groups is empty.
    """
    truth = _both(abnormal)
    called = np.asarray(scores) >= threshold
    return OperatingPoint(
        threshold=float(threshold),
        precision=float(precision_score(truth, called, zero_division=0)),
        recall=float(recall_score(truth, called)),
        specificity=float(recall_score(truth, called, pos_label=False)),
        f1=float(f1_score(truth, called, zero_division=0)),
    )


def _both(abnormal: ArrayLike) -> np.ndarray:
    truth = np.asarray(abnormal, dtype=bool)
    if truth.all() or not truth.any():
        raise InputError(
            f"a threshold must tell normal from abnormal, got {int(truth.sum())} abnormal of "
            f"{truth.size}; add what is missing"
        )
    return truth
