"""How well one number a case tells cases with a lesion from healthy ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import roc_auc_score

from monai_anogan.errors import InputError

__all__ = ["case_auroc"]


def case_auroc(healthy: Sequence[float], abnormal: Sequence[float]) -> float:
    """The chance that an abnormal case scores higher than a healthy one; ties count half.

    Args:
        healthy: case scores of the healthy cases.
        abnormal: case scores of the cases of one kind.

    Returns:
        Area under the ROC curve in [0, 1]; 0.5 is chance.

    Raises:
        InputError: Either group is empty or a score is not finite.
    """
    if not len(healthy) or not len(abnormal):
        raise InputError(
            f"case AUROC must have healthy and abnormal cases, got {len(healthy)} and "
            f"{len(abnormal)}; add rows of the missing kind"
        )
    scores = np.asarray([*healthy, *abnormal], dtype=np.float64)
    if not np.isfinite(scores).all():
        raise InputError("case scores must be finite, got NaN or infinity; check the anomaly maps")
    truth = np.repeat([0, 1], [len(healthy), len(abnormal)])
    return float(roc_auc_score(truth, scores))
