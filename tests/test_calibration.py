"""What the calibration promises is kept on scans it has never seen, over many draws."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from monai_anogan.errors import AnoganError
from monai_anogan.maps import Calibration, VoxelScale, find, scans_needed

SHAPE = (20, 18, 16)
MASK = np.ones(SHAPE, bool)
VOXEL_ML = 0.008
HEALTHY = 15


def healthy_maps(count: int, rng: np.random.Generator) -> list[NDArray[np.float32]]:
    """Raw maps of healthy scans: smooth, skewed, each with a noise level of its own."""
    noise = rng.standard_normal((count, *SHAPE))
    smooth = ndimage.gaussian_filter(noise, (0, 1.2, 1.2, 1.2), mode="wrap") * 5
    level = rng.uniform(0.8, 1.2, (count, 1, 1, 1))
    return list((0.1 * level * np.abs(smooth) ** 1.5).astype(np.float32))


def fitted(maps: list[NDArray[np.float32]], voxel_rate: float = 1e-2) -> Calibration:
    return Calibration(voxel_rate).fit(maps, [MASK] * len(maps), VOXEL_ML)


def test_at_most_alpha_of_new_healthy_scans_raise_a_finding() -> None:
    rng, p_values = np.random.default_rng(0), np.zeros(150)
    for draw in range(len(p_values)):
        *healthy, new = healthy_maps(HEALTHY + 1, rng)
        p_values[draw] = find(fitted(healthy), new, MASK, np.eye(4) * 2, alpha=0.5).p_value
    for alpha in (1 / 16, 0.1, 0.25, 0.5):
        promised = np.floor(alpha * (HEALTHY + 1)) / (HEALTHY + 1)
        spread = np.sqrt(promised * (1 - promised) / len(p_values))
        assert (p_values <= alpha).mean() == pytest.approx(promised, abs=2.6 * spread)


def test_threshold_keeps_its_voxel_rate_on_new_healthy_scans() -> None:
    rng = np.random.default_rng(1)
    rates = []
    for _ in range(40):
        calibration = fitted(healthy_maps(HEALTHY, rng))
        (new,) = healthy_maps(1, rng)
        rates.append((calibration.score(new, MASK) >= calibration.threshold).mean())
    assert np.mean(rates) == pytest.approx(1e-2, rel=0.25)


def test_cross_fitted_rates_tell_how_well_the_voxel_rate_is_kept() -> None:
    calibration = fitted(healthy_maps(40, np.random.default_rng(2)))
    assert calibration.rates_.mean() == pytest.approx(1e-2, rel=0.15)
    assert calibration.rates_.std() > 1e-3  # noisier scans exceed it more often


def test_score_is_minus_log10_of_the_healthy_exceedance_rate() -> None:
    rng = np.random.default_rng(3)
    maps = [rng.random(SHAPE).astype(np.float32) for _ in range(10)]  # P(raw >= r) = 1 - r
    new = rng.random(SHAPE)
    new[0, 0, :4] = 0.0, 0.5, 0.9, 0.99
    score = fitted(maps).score(new, np.ones(SHAPE))[0, 0, :4]
    np.testing.assert_allclose(score, [0, -np.log10(0.5), 1, 2], atol=0.03)


def test_scale_rises_for_ever_so_that_no_two_scores_become_one() -> None:
    raw = np.linspace(0, 50, 5001, dtype=np.float32)
    calibration = fitted(healthy_maps(HEALTHY, np.random.default_rng(4)))
    assert (np.diff(calibration.scale_(raw)) > 0).all()


def test_exponential_tail_is_extended_as_it_is() -> None:
    levels = np.linspace(0, 10, 101)
    scale = VoxelScale().fit(levels, np.exp(-levels)[None], voxels=1e5)
    assert scale.levels_[-1] < 8  # beyond, less than 50 voxels were counted
    np.testing.assert_allclose(scale([5, 12, 20]), np.array([5, 12, 20]) / np.log(10), rtol=1e-3)


def test_calibration_does_not_depend_on_the_unit_of_the_raw_map() -> None:
    maps = healthy_maps(HEALTHY, np.random.default_rng(5))
    one, other = fitted(maps), fitted([4 * m for m in maps])
    np.testing.assert_allclose(
        one.score(maps[0], MASK), other.score(4 * maps[0], MASK), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(one.masses_, other.masses_, rtol=1e-4)


def test_p_value_is_the_rank_among_healthy_scans_ties_against_the_finding() -> None:
    calibration = fitted(healthy_maps(HEALTHY, np.random.default_rng(6)))
    calibration.masses_ = np.arange(1.0, 16.0)
    np.testing.assert_allclose(
        calibration.p_values([99, 15, 14.5, 1, 0]), np.array([1, 2, 2, 16, 16]) / 16
    )


def test_outside_of_the_mask_scores_nothing() -> None:
    maps = healthy_maps(HEALTHY, np.random.default_rng(7))
    half = MASK.copy()
    half[:10] = False
    assert not fitted(maps).score(maps[0], half)[:10].any()


def test_it_refuses_before_it_is_fitted_and_with_too_few_scans() -> None:
    with pytest.raises(AnoganError, match="must be fitted"):
        Calibration().score(np.ones(SHAPE), MASK)
    with pytest.raises(AnoganError, match="must be fitted"):
        Calibration().p_values([1.0])
    with pytest.raises(AnoganError, match="must be fitted"):
        VoxelScale()([0.5])
    with pytest.raises(AnoganError, match="5 healthy scans or more, got 4"):
        fitted(healthy_maps(4, np.random.default_rng(8)))


def test_it_refuses_a_promise_that_so_few_scans_cannot_keep() -> None:
    calibration = fitted(healthy_maps(HEALTHY, np.random.default_rng(9)))
    with pytest.raises(AnoganError, match=r"1 / \(n \+ 1\) = 0.0625 for 15 healthy scans"):
        calibration.check_alpha(0.05)
    with pytest.raises(AnoganError, match="below 1, got 1"):
        calibration.check_alpha(1.0)


@pytest.mark.parametrize("alpha", [0.5, 1 / 6, 0.1, 0.07])
def test_so_many_scans_as_are_needed_keep_the_promise_and_one_less_does_not(alpha: float) -> None:
    maps = healthy_maps(scans_needed(alpha), np.random.default_rng(11))
    fitted(maps).check_alpha(alpha)
    with pytest.raises(AnoganError):
        fitted(maps[1:]).check_alpha(alpha)


@pytest.mark.parametrize("alpha", [0.0, -0.1, 1.0])
def test_no_number_of_scans_can_promise_less_than_nothing_or_all(alpha: float) -> None:
    with pytest.raises(AnoganError, match="above 0 and below 1, got"):
        scans_needed(alpha)


def test_statement_counts_what_is_promised() -> None:
    calibration = fitted(healthy_maps(HEALTHY, np.random.default_rng(10)))
    said = calibration.statement(0.1)
    assert "15 healthy scans" in said
    assert "At most 0.0625 of new healthy scans" in said
