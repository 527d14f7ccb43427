"""Findings of known shape and place are measured as they are."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from monai_anogan.maps import Calibration, Findings, find
from monai_anogan.maps.findings import longest_diameter

CENTRE = np.array([-12.0, 20.0, 31.0])  # RAS, mm
RADII = np.array([7.0, 18.0, 9.0])  # along axes that no voxel axis follows
SHAPE = (70, 60, 40)


def turn(x: float, y: float, z: float) -> NDArray[np.float64]:
    """Rotation by angles in degrees about the three axes, one after the other."""
    matrix = np.eye(3)
    for axis, angle in enumerate(np.radians([x, y, z])):
        a, b = (axis + 1) % 3, (axis + 2) % 3
        one = np.eye(3)
        one[[a, a, b, b], [a, b, a, b]] = (
            np.cos(angle),
            -np.sin(angle),
            np.sin(angle),
            np.cos(angle),
        )
        matrix = one @ matrix
    return matrix


@pytest.fixture(scope="module")
def affine() -> NDArray[np.float64]:
    """Anisotropic, oblique, with a flipped axis; CENTRE lies in the middle of the grid."""
    matrix = np.eye(4)
    matrix[:3, :3] = turn(20, -15, 40) @ np.diag([-1.0, 1.5, 2.5])
    matrix[:3, 3] = CENTRE - matrix[:3, :3] @ (np.array(SHAPE) / 2 + 0.3)
    return matrix


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    rng = np.random.default_rng(0)
    maps = [rng.random((24, 24, 24)).astype(np.float32) ** 4 for _ in range(19)]
    return Calibration().fit(maps, [np.ones((24, 24, 24))] * 19, 0.00375)


def ellipsoid(affine: NDArray[np.float64], centre: NDArray[np.float64], radii) -> NDArray[np.bool_]:
    voxels = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1)
    away = (voxels @ affine[:3, :3].T + affine[:3, 3] - centre) @ turn(-30, 25, 10)
    return np.linalg.norm(away / radii, axis=-1) <= 1


def looked_at(calibration, affine, *regions: tuple[NDArray[np.bool_], float]) -> Findings:
    raw = np.zeros(SHAPE, np.float32)
    for region, value in regions:
        raw[region] = value
    return find(calibration, raw, np.ones(SHAPE), affine, alpha=0.05)


def test_an_ellipsoid_is_measured_on_an_oblique_anisotropic_grid(calibration, affine) -> None:
    (finding,) = looked_at(calibration, affine, (ellipsoid(affine, CENTRE, RADII), 2.0))
    assert finding.volume_ml == pytest.approx(4 / 3 * np.pi * RADII.prod() / 1000, rel=0.02)
    np.testing.assert_allclose(finding.centroid_mm, CENTRE, atol=0.2)
    assert finding.diameter_mm == pytest.approx(36, abs=1.5)


def test_score_peak_and_mean_are_those_of_the_calibrated_map(calibration, affine) -> None:
    region = ellipsoid(affine, CENTRE, RADII)
    hot = ellipsoid(affine, CENTRE, RADII / 2)
    found = looked_at(calibration, affine, (region, 2.0), (hot, 3.0))
    (finding,) = found
    low, high = calibration.scale_([2.0, 3.0])
    share = hot.sum() / region.sum()
    assert finding.peak == pytest.approx(high)
    assert finding.mean == pytest.approx(low + share * (high - low), rel=1e-4)
    assert finding.mass == pytest.approx(finding.mean * finding.volume_ml, rel=1e-4)
    np.testing.assert_array_equal(found.labels > 0, region)


def test_findings_are_sorted_by_p_then_by_peak(calibration, affine) -> None:
    places = [CENTRE + step * np.array([25.0, 0, 0]) for step in (0, 1, -1)]
    regions = [ellipsoid(affine, place, np.full(3, 6.0)) for place in places]
    found = looked_at(calibration, affine, *zip(regions, (2.0, 4.0, 3.0), strict=True))
    assert [finding.label for finding in found] == [1, 2, 3]
    peaks = [finding.peak for finding in found]
    assert peaks == sorted(peaks, reverse=True)
    for finding, region in zip(found, (regions[1], regions[2], regions[0]), strict=True):
        assert (found.labels[region] == finding.label).all()
    assert [finding.p_value for finding in found] == [1 / 20] * 3


def test_a_region_as_light_as_healthy_ones_is_no_finding(calibration, affine) -> None:
    speck = np.zeros(SHAPE, bool)
    speck[30, 30, 20] = True
    raw = float(calibration.scale_.levels_[np.searchsorted(calibration.scale_.scores_, 3.0) + 1])
    found = looked_at(calibration, affine, (speck, raw))
    assert found.regions == 1
    assert len(found) == 0
    assert not found.labels.any()
    assert found.p_value > 0.05


def test_a_quiet_scan_has_no_region_and_p_one(calibration, affine) -> None:
    found = looked_at(calibration, affine)
    assert (len(found), found.regions, found.p_value) == (0, 0, 1.0)


@pytest.mark.parametrize(
    ("voxels", "diameter"),
    [
        ([[5, 5, 5]], 3.0),  # one voxel: its longest side
        ([[5, 5, 5], [5, 6, 5], [5, 7, 5]], 6.0),
        ([[0, 0, 0], [0, 0, 3]], 12.0),
        ([[0, 0, 0], [1, 1, 1]], 2 * np.sqrt(1 + 4 + 9)),
    ],
)
def test_longest_diameter_goes_from_outer_face_to_outer_face(voxels, diameter) -> None:
    assert longest_diameter(np.array(voxels), np.diag([1.0, 2, 3, 1])) == pytest.approx(diameter)


def test_longest_diameter_is_that_of_all_pairs() -> None:
    rng = np.random.default_rng(1)
    voxels = np.argwhere(rng.random((9, 8, 7)) < 0.3)
    affine = np.diag([1.0, 1.3, 2.1, 1])
    away = np.linalg.norm((voxels[:, None] - voxels) * np.diag(affine)[:3], axis=-1)
    steps = np.abs(voxels[:, None] - voxels).max(-1)
    i, j = np.unravel_index(away.argmax(), away.shape)
    assert longest_diameter(voxels, affine) == pytest.approx(away[i, j] * (1 + 1 / steps[i, j]))
