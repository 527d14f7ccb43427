"""Areas, intervals and the optimum of a threshold against cases computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from monai_anogan.errors import InputError
from monai_anogan.metrics import operating_point, ranking, youden_threshold
from monai_anogan.metrics.ranking import _areas

# In falling order: abnormal, normal, abnormal, normal, normal
SCORES, ABNORMAL = [0.9, 0.8, 0.7, 0.4, 0.1], [1, 0, 1, 0, 0]


def test_areas_are_those_of_a_case_counted_by_hand() -> None:
    found = ranking(SCORES, ABNORMAL)
    assert found.auroc == pytest.approx(5 / 6)  # of six pairs one is in the wrong order
    assert found.auprc == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)  # precision 1, then 2 of 3
    assert (found.count, found.abnormal) == (5, 2)


def test_ties_count_half() -> None:
    assert ranking([1.0, 1.0, 1.0, 1.0], [1, 0, 1, 0]).auroc == pytest.approx(0.5)
    assert ranking([1.0, 1.0, 1.0, 1.0], [1, 0, 0, 0]).auprc == pytest.approx(0.25)


def test_resampled_areas_are_scikit_learns_with_weights() -> None:
    rng = np.random.default_rng(0)
    score = np.sort(rng.integers(0, 12, 40) / 4.0)[::-1]  # many ties
    truth = rng.random(40) < 0.4
    counts = rng.integers(0, 3, (20, 40))
    last = np.append(np.flatnonzero(np.diff(score)), 39)
    auroc, auprc = _areas(counts, truth, last)
    for row, area, precision in zip(counts, auroc, auprc, strict=True):
        assert area == pytest.approx(roc_auc_score(truth, score, sample_weight=row))
        assert precision == pytest.approx(average_precision_score(truth, score, sample_weight=row))


def test_interval_holds_the_area_and_shrinks_with_more_scores() -> None:
    rng = np.random.default_rng(1)
    widths = []
    for count in (50, 2000):
        truth = np.arange(count) % 2 == 0
        found = ranking(rng.normal(truth * 1.0, 1), truth)
        assert found.auroc_low < found.auroc < found.auroc_high
        assert found.auprc_low < found.auprc < found.auprc_high
        widths.append(found.auroc_high - found.auroc_low)
    assert widths[1] < widths[0] / 4


def test_scores_of_one_group_are_drawn_together() -> None:
    rng = np.random.default_rng(2)
    truth = np.tile([0, 1], 40)
    score = rng.normal(truth * 1.0, 1)
    alone = ranking(score, truth)
    copied = ranking(np.repeat(score, 25), np.repeat(truth, 25))
    grouped = ranking(np.repeat(score, 25), np.repeat(truth, 25), np.repeat(np.arange(80), 25))
    assert copied.auroc_high - copied.auroc_low < (alone.auroc_high - alone.auroc_low) / 3
    assert grouped.auroc_low == pytest.approx(alone.auroc_low)
    assert grouped.auroc_high == pytest.approx(alone.auroc_high)


def test_optimum_is_youdens() -> None:
    # J at or above 0.9: 1/2 - 0; at 0.8: 1/2 - 1/3; at 0.7: 1 - 1/3, the largest
    assert youden_threshold(SCORES, ABNORMAL) == 0.7
    point = operating_point(SCORES, ABNORMAL, 0.7)
    assert point.precision == pytest.approx(2 / 3)
    assert point.recall == 1
    assert point.specificity == pytest.approx(2 / 3)
    assert point.f1 == pytest.approx(0.8)


def test_a_threshold_from_elsewhere_is_judged_as_it_is() -> None:
    point = operating_point(SCORES, ABNORMAL, 0.85)
    assert (point.precision, point.recall, point.specificity) == (1, 0.5, 1)
    nothing = operating_point(SCORES, ABNORMAL, math.inf)
    assert (nothing.precision, nothing.recall, nothing.specificity, nothing.f1) == (0, 0, 1, 0)


def test_a_score_worse_than_chance_has_no_cut() -> None:
    assert youden_threshold([1.0, 2.0], [1, 0]) == math.inf


def test_one_kind_alone_and_broken_scores_are_refused() -> None:
    for call in (ranking, youden_threshold):
        with pytest.raises(InputError, match="got 2 abnormal of 2"):
            call([1.0, 2.0], [1, 1])
    with pytest.raises(InputError, match="must be finite"):
        ranking([1.0, math.nan], [0, 1])
