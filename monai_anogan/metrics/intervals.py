"""How sure a number from few cases is: seeded bootstrap and exact binomial intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import binomtest, rankdata

from monai_anogan.errors import InputError

__all__ = ["auroc_interval", "binomial_interval"]


def auroc_interval(
    healthy: Sequence[float],
    abnormal: Sequence[float],
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile bootstrap interval of the case AUROC, both groups resampled for themselves.

    Efron and Tibshirani 1993, "An introduction to the bootstrap". Where every abnormal case scores
    above every healthy one, every resample does too, and the interval is [1, 1]: it is blind to
    what so few cases cannot show.

    Args:
        healthy: case scores.
        abnormal: case scores.
        level: of confidence.
        resamples: drawn.
        seed: of the draws.

    Raises:
        InputError: A group is empty.
    """
    if not len(healthy) or not len(abnormal):
        raise InputError(f"both groups must have cases, got {len(healthy)} and {len(abnormal)}")
    rng = np.random.default_rng(seed)
    low, high = (
        rng.choice(np.asarray(group, float), (resamples, len(group)))
        for group in (healthy, abnormal)
    )
    ranks = rankdata(np.concatenate([low, high], axis=1), axis=1)[:, len(healthy) :]
    pairs = ranks.sum(axis=1) - len(abnormal) * (len(abnormal) + 1) / 2  # Mann-Whitney U
    areas = pairs / (len(healthy) * len(abnormal))
    tail = (1 - level) / 2
    lower, upper = np.quantile(areas, [tail, 1 - tail])
    return float(lower), float(upper)


def binomial_interval(hits: int, trials: int, *, level: float = 0.95) -> tuple[float, float]:
    """Exact interval of a share (Clopper and Pearson 1934).

    Raises:
        InputError: There is no trial, or there are more hits than trials.
    """
    if not 0 <= hits <= trials or trials < 1:
        raise InputError(f"hits must be from 0 to the trials, got {hits} of {trials}")
    interval = binomtest(hits, trials).proportion_ci(level, method="exact")
    return float(interval.low), float(interval.high)
