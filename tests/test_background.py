"""A map that stands out all over is turned down; none is turned up."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from monai_anogan.maps import Background, Calibration, TurnDownd, background

SHAPE = (20, 20, 20)
ORGAN = np.ones(SHAPE, bool)


def raw(seed: int, loud: float = 1.0) -> np.ndarray:
    return (loud * np.random.default_rng(seed).exponential(size=SHAPE)).astype(np.float32)


@pytest.fixture(scope="module")
def usual() -> Background:
    return Background().fit([background(raw(seed), ORGAN) for seed in range(15)])


def test_a_usual_map_stays_to_the_digit(usual: Background) -> None:
    kept = sum(np.array_equal(usual.turn_down(raw(s), ORGAN), raw(s)) for s in range(100, 120))
    assert kept >= 19


def test_no_map_is_turned_up(usual: Background) -> None:
    quiet = raw(200, loud=0.1)
    np.testing.assert_array_equal(usual.turn_down(quiet, ORGAN), quiet)
    assert usual.gain(0.0) == 1.0


def test_a_loud_map_is_brought_down_to_the_limit_and_then_stays(usual: Background) -> None:
    once = usual.turn_down(raw(201, loud=4.0), ORGAN)
    assert background(once, ORGAN) == pytest.approx(usual.limit_, rel=1e-5)
    np.testing.assert_allclose(usual.turn_down(once, ORGAN), once, rtol=1e-5)


def test_a_lesion_of_a_twentieth_of_the_organ_hardly_turns_it_down(usual: Background) -> None:
    sick = raw(202)
    sick[:1] += 30
    assert usual.gain(background(sick, ORGAN)) > 0.9


def test_what_lies_outside_the_organ_has_no_influence() -> None:
    organ = ORGAN.copy()
    organ[:10] = False
    outside = raw(203)
    outside[:10] = 1000
    assert background(outside, organ) == background(raw(203), organ)


def test_the_transform_says_by_how_much() -> None:
    fitted = Calibration().fit([raw(seed) for seed in range(15)], [ORGAN] * 15, 0.008)
    data = {
        "anomaly_map": torch.from_numpy(raw(204, loud=2.0))[None],
        "mask": torch.ones(1, *SHAPE),
    }
    turned = TurnDownd(SimpleNamespace(calibration=fitted, fits=True))(data)
    assert 0.4 < turned["map_gain"] < 0.6
    torch.testing.assert_close(
        turned["anomaly_map"], data["anomaly_map"] * turned["map_gain"], rtol=1e-6, atol=0
    )
    for calibration in (None, SimpleNamespace(calibration=fitted, fits=False)):
        same = TurnDownd(calibration)(data)
        assert same["map_gain"] == 1.0
        assert torch.equal(same["anomaly_map"], data["anomaly_map"])
    score = fitted.score(raw(204, loud=2.0), ORGAN)  # the calibration turns it down by itself, too
    np.testing.assert_allclose(score, fitted.score(turned["anomaly_map"][0], ORGAN), atol=1e-4)
