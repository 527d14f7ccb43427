"""FROC, intervals and false-alarm rates against truths worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from monai_anogan.errors import InputError
from monai_anogan.metrics import Froc, auroc_interval, binomial_interval

SHAPE = (40, 40, 10)


def blob(volume: np.ndarray, x: int, y: int, value: float, size: int = 3) -> None:
    volume[x : x + size, y : y + size, 2:5] = value


def two_cases() -> Froc:
    """Case 1: lesions scored 5 and 2, false blobs 4 and 1. Case 2: lesion 3, false blob 2.5."""
    froc = Froc()
    scores, truth = np.zeros(SHAPE), np.zeros(SHAPE)
    for x, value, is_lesion in ((2, 5, 1), (10, 2, 1), (20, 4, 0), (30, 1, 0)):
        blob(scores, x, 5, value)
        if is_lesion:
            blob(truth, x, 5, 1)
    froc.add(scores, truth)
    scores, truth = np.zeros(SHAPE), np.zeros(SHAPE)
    blob(scores, 2, 5, 3)
    blob(truth, 2, 5, 1)
    blob(scores, 20, 5, 2.5)
    froc.add(scores, truth)
    return froc


def test_lesions_found_at_each_price_are_those_counted_by_hand() -> None:
    # Going down: 5 finds 1/3; 4 false; 3 finds 2/3; 2.5 false; 2 finds 3/3; 1 false.
    assert two_cases().sensitivity((0, 0.5, 1, 1.5)) == pytest.approx([1 / 3, 2 / 3, 1, 1])
    false, found = two_cases().curve()
    assert set(zip(false.tolist(), np.round(found, 3).tolist(), strict=True)) == {
        (0.0, 0.333),
        (0.5, 0.333),
        (0.5, 0.667),
        (1.0, 0.667),
        (1.0, 1.0),
        (1.5, 1.0),
    }


def test_false_findings_on_healthy_scans_count() -> None:
    healthy = Froc()
    for _ in range(2):
        scores = np.zeros(SHAPE)
        for x in (2, 10, 20):
            blob(scores, x, 20, 4.5)
        healthy.add(scores)
    froc = two_cases()
    # Below 5, six false blobs come at once over four scans: 1.5 a scan before the next lesion.
    both = froc.joined(healthy)
    assert both.sensitivity((1, 1.5, 1.75)) == pytest.approx([1 / 3, 1 / 3, 2 / 3])
    assert froc.sensitivity((0.5,)) == pytest.approx([2 / 3])  # joining changed neither


def test_a_region_as_large_as_the_brain_finds_nothing() -> None:
    froc = Froc()
    truth = np.zeros(SHAPE)
    blob(truth, 5, 5, 1)
    blob(truth, 20, 20, 1)
    froc.add(np.full(SHAPE, 2.0), truth)
    assert froc.sensitivity((4,)) == [0.0]


def test_one_region_over_two_lesions_finds_both() -> None:
    scores, truth = np.zeros(SHAPE), np.zeros(SHAPE)
    scores[4:14, 5:8, 2:5] = 3
    blob(truth, 4, 5, 1)
    blob(truth, 11, 5, 1)
    froc = Froc()
    froc.add(scores, truth)
    assert froc.sensitivity((0,)) == [1.0]


def test_speckle_is_no_finding() -> None:
    scores, truth = np.zeros(SHAPE), np.zeros(SHAPE)
    scores[::5, ::5, ::5] = 9
    blob(scores, 11, 11, 5)
    blob(truth, 11, 11, 1)
    froc = Froc(smallest=3)
    froc.add(scores, truth)
    assert froc.sensitivity((0,)) == [1.0]


def test_the_price_asked_for_is_met_closely_and_not_only_by_a_threshold_far_from_it() -> None:
    rng = np.random.default_rng(0)
    froc = Froc(smallest=1)
    for _ in range(4):
        scores, truth = np.zeros((64, 64, 8), np.float32), np.zeros((64, 64, 8))
        # Single voxels, none beside another: 512 of nothing, 256 of lesions.
        scores[::4, ::4, ::4] = rng.random((16, 16, 2))
        scores[2::8, 2::4, ::4] = rng.random((8, 16, 2)) ** 0.5
        truth[2::8, 2::4, ::4] = 1
        froc.add(scores, truth)
    false, found = froc.curve()
    assert (np.diff(false) >= 0).all()
    assert (np.diff(found) >= 0).all()
    for most in (2.0, 4.0):
        assert most - 0.5 <= false[false <= most].max() <= most


def test_froc_refuses_what_it_cannot_count() -> None:
    with pytest.raises(InputError, match="one grid"):
        Froc().add(np.zeros(SHAPE), np.zeros((3, 3, 3)))
    with pytest.raises(InputError, match="finite"):
        Froc().add(np.full(SHAPE, np.nan))
    with pytest.raises(InputError, match="needs cases with a lesion"):
        Froc().curve()


def test_binomial_interval_is_that_of_the_tables() -> None:
    low, high = binomial_interval(0, 15)
    assert low == 0
    assert high == pytest.approx(1 - 0.025 ** (1 / 15))  # no hit at all: solved by hand
    assert binomial_interval(5, 10) == pytest.approx((0.187, 0.813), abs=1e-3)
    with pytest.raises(InputError, match="hits"):
        binomial_interval(3, 2)


def test_bootstrap_interval_holds_the_true_area_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    inside = 0
    for draw in range(200):
        low, high = auroc_interval(
            rng.normal(size=40), rng.normal(size=40) + 1, resamples=400, seed=draw
        )
        inside += low <= 0.760 <= high  # two unit normals one apart: Phi(1 / sqrt 2)
    assert inside / 200 == pytest.approx(0.95, abs=0.04)


def test_bootstrap_interval_is_seeded_and_blind_where_all_pairs_are_in_order() -> None:
    rng = np.random.default_rng(1)
    healthy, abnormal = rng.normal(size=15), rng.normal(size=15) + 1
    assert auroc_interval(healthy, abnormal, seed=3) == auroc_interval(healthy, abnormal, seed=3)
    assert auroc_interval(healthy, abnormal, seed=3) != auroc_interval(healthy, abnormal, seed=4)
    assert auroc_interval([1, 2], [3, 4]) == (1.0, 1.0)
    assert auroc_interval([2, 2], [2, 2]) == (0.5, 0.5)  # ties count half
    with pytest.raises(InputError, match="both groups"):
        auroc_interval([], [1.0])
