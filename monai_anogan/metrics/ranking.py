"""How well scores rank what is abnormal above what is normal, and how sure that is.

Areas under the ROC curve and under precision over recall (average precision), by scikit-learn, with
percentile bootstrap intervals (Efron and Tibshirani 1993). What belongs together, such as all the
patches of one subject, is drawn together: patches of one brain are not independent of each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from monai_anogan.errors import InputError

__all__ = ["Ranking", "ranking"]

CHUNK = 100  # resamples at a time, so that ten thousand scores need megabytes


@dataclass(frozen=True)
class Ranking:
    """The two areas with the ends of their intervals."""

    auroc: float  # 0.5 is chance
    auroc_low: float
    auroc_high: float
    auprc: float  # the share of what is abnormal is chance
    auprc_low: float
    auprc_high: float
    count: int  # scores
    abnormal: int  # of these


def ranking(
    scores: ArrayLike,
    abnormal: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Ranking:
    """Both areas of one set of scores.

    Args:
        scores: (N,), higher is more abnormal.
        abnormal: (N,), True where it is.
        groups: (N,), a name or number each; scores of one group are drawn together. None: each
            score is its own group.
        level: of confidence.
        resamples: drawn; those without both kinds are left out.
        seed: of the draws.

    Raises:
        InputError: A kind is missing, or a score is not finite.
    """
    score, truth = np.asarray(scores, dtype=np.float64), np.asarray(abnormal, dtype=bool)
    if truth.all() or not truth.any():
        raise InputError(
            f"a ranking must have normal and abnormal scores, got {int(truth.sum())} abnormal of "
            f"{truth.size}; add what is missing"
        )
    if not np.isfinite(score).all():
        raise InputError("scores must be finite, got NaN or infinity; has the training diverged?")
    group = np.arange(truth.size) if groups is None else np.unique(groups, return_inverse=True)[1]
    areas = np.concatenate(list(_resampled(score, truth, group, resamples, seed)), axis=1)
    tail = (1 - level) / 2
    (low, low_pr), (high, high_pr) = np.nanquantile(areas, [tail, 1 - tail], axis=1)
    return Ranking(
        auroc=float(roc_auc_score(truth, score)),
        auroc_low=float(low),
        auroc_high=float(high),
        auprc=float(average_precision_score(truth, score)),
        auprc_low=float(low_pr),
        auprc_high=float(high_pr),
        count=truth.size,
        abnormal=int(truth.sum()),
    )


def _resampled(
    score: NDArray[np.float64],
    truth: NDArray[np.bool_],
    group: NDArray[np.intp],
    resamples: int,
    seed: int,
) -> Iterator[NDArray[np.float64]]:
    """Areas (2, R) of chunks of resamples, as counts of how often each group was drawn."""
    rng, groups = np.random.default_rng(seed), int(group.max()) + 1
    order = np.argsort(-score, kind="stable")
    last_of_ties = np.append(np.flatnonzero(np.diff(score[order])), truth.size - 1)
    for first in range(0, resamples, CHUNK):
        draws = rng.integers(groups, size=(min(CHUNK, resamples - first), groups))
        counts = np.stack([np.bincount(draw, minlength=groups) for draw in draws])
        yield _areas(counts[:, group[order]], truth[order], last_of_ties)


def _areas(
    counts: NDArray[np.intp], truth: NDArray[np.bool_], last: NDArray[np.intp]
) -> NDArray[np.float64]:
    """AUROC and average precision of scores in falling order that count `counts` times, (2, R)."""
    found = np.cumsum(counts * truth, axis=1)[:, last].astype(np.float64)
    called = np.cumsum(counts, axis=1)[:, last]
    false = called - found
    more, wrong = np.diff(found, prepend=0), np.diff(false, prepend=0)
    with np.errstate(invalid="ignore", divide="ignore"):  # a resample may lack a kind: NaN
        auroc = (wrong * (found - more / 2)).sum(1) / (found[:, -1] * false[:, -1])
        precision = np.where(called > 0, found / called, 0)
        auprc = (more * precision).sum(1) / found[:, -1]
    return np.stack([auroc, np.where(np.isnan(auroc), np.nan, auprc)])
