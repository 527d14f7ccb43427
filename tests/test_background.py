"""A map that stands out all over is turned down; none is turned up."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from monai_anogan.maps import (
    Background,
    Calibration,
    Comparison,
    ComparisonMapd,
    ResidualMapd,
    TurnDownd,
    background,
)

SHAPE = (20, 20, 20)
ORGAN = np.ones(SHAPE, bool)


def raw(seed: int, loud: float = 1.0) -> np.ndarray:
    return (loud * np.random.default_rng(seed).exponential(size=SHAPE)).astype(np.float32)


def turned_down(usual: Background, volume: np.ndarray) -> np.ndarray:
    return usual.turn_down(volume, background(volume))


@pytest.fixture(scope="module")
def usual() -> Background:
    return Background().fit([background(raw(seed)) for seed in range(15)])


def test_a_usual_map_stays_to_the_digit(usual: Background) -> None:
    kept = sum(np.array_equal(turned_down(usual, raw(s)), raw(s)) for s in range(100, 120))
    assert kept >= 19


def test_no_map_is_turned_up(usual: Background) -> None:
    quiet = raw(200, loud=0.1)
    np.testing.assert_array_equal(turned_down(usual, quiet), quiet)
    assert usual.gain(0.0) == 1.0


def test_a_loud_map_is_brought_down_to_the_limit_and_then_stays(usual: Background) -> None:
    once = turned_down(usual, raw(201, loud=4.0))
    assert background(once) == pytest.approx(usual.limit_, rel=1e-5)
    np.testing.assert_allclose(turned_down(usual, once), once, rtol=1e-5)


def test_a_lesion_of_a_twentieth_of_the_organ_hardly_turns_it_down(usual: Background) -> None:
    sick = raw(202)
    sick[:1] += 30
    assert usual.gain(background(sick)) > 0.9


@pytest.mark.parametrize("writes", [ResidualMapd(median=1), ComparisonMapd(Comparison(2))])
def test_a_map_comes_with_its_background_whatever_lies_outside_the_organ(writes) -> None:
    image = torch.rand(1, *SHAPE, generator=torch.Generator().manual_seed(0))
    organ = torch.zeros(1, *SHAPE)
    organ[:, 10:] = 1
    case = {"image": image, "reconstruction": torch.zeros_like(image), "mask": organ}
    written = writes(case)
    inside = written["anomaly_map"][organ > 0].as_tensor()
    assert written["map_background"] == pytest.approx(float(inside.quantile(0.75)), rel=1e-5)
    nothing = writes({**case, "mask": torch.zeros_like(organ)})
    assert nothing["map_background"] == 0


def test_the_transform_says_by_how_much() -> None:
    fitted = Calibration().fit([raw(seed) for seed in range(15)], [ORGAN] * 15, 0.008)
    loud = torch.from_numpy(raw(204, loud=2.0))[None]
    data = {"anomaly_map": loud, "map_background": background(loud)}
    turned = TurnDownd(SimpleNamespace(calibration=fitted, fits=True))(data)
    assert 0.4 < turned["map_gain"] < 0.6
    torch.testing.assert_close(turned["anomaly_map"], loud * turned["map_gain"], rtol=1e-6, atol=0)
    for calibration in (None, SimpleNamespace(calibration=fitted, fits=False)):
        same = TurnDownd(calibration)(data)
        assert same["map_gain"] == 1.0
        assert torch.equal(same["anomaly_map"], loud)


def test_a_calibration_turns_healthy_maps_down_by_the_backgrounds_it_is_given() -> None:
    maps, given = [raw(seed) for seed in range(15)], np.ones(15)
    given[3] = 10  # to a tenth: no voxel of it is then among the highest
    own = Calibration().fit(maps, [ORGAN] * 15, 0.008)
    told = Calibration().fit(maps, [ORGAN] * 15, 0.008, given)
    assert own.background_.limit_ == Background().fit([background(m) for m in maps]).limit_
    assert told.background_.limit_ == Background().fit(given).limit_
    assert own.rates_[3] > 0
    assert told.rates_[3] == 0
