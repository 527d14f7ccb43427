"""Features at several scales: each against a number known beforehand."""

import math

import pytest
import torch
from scipy import ndimage

from monai_anogan.maps.scale_features import FEATURES, SCALES, scale_features

SHAPE = (24, 20, 22)


def column(features, name):
    return features[:, FEATURES.index(name)]


@pytest.fixture
def organ():
    mask = torch.zeros(SHAPE, dtype=torch.bool)
    mask[3:21, 4:17, 2:20] = True
    return mask


def noise(seed):
    return torch.rand(SHAPE, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_there_is_a_name_for_every_feature_and_no_two_are_the_same(organ):
    features = scale_features(noise(0), noise(1), organ)
    assert features.shape == (int(organ.sum()), len(FEATURES))
    assert len(set(FEATURES)) == len(FEATURES)
    assert features.isfinite().all()


def test_what_lies_outside_the_organ_has_no_influence(organ):
    image, rebuilt = noise(0), noise(1)
    other = torch.where(organ, image, 77.0), torch.where(organ, rebuilt, -5.0)
    assert torch.equal(scale_features(image, rebuilt, organ), scale_features(*other, organ))


def test_a_mean_of_equal_values_is_that_value_up_to_the_edge(organ):
    features = scale_features(torch.full(SHAPE, 0.3), torch.full(SHAPE, -0.2), organ)
    for scale in SCALES:
        torch.testing.assert_close(
            column(features, f"scan at {scale}"), torch.full((len(features),), 0.3)
        )
        torch.testing.assert_close(
            column(features, f"residual at {scale}"), torch.full((len(features),), 0.5)
        )
    assert column(features, "absolute residual").mean().item() == pytest.approx(0.5)


def test_the_surface_of_an_even_organ_does_not_curve_and_a_dark_spot_in_it_does(organ):
    image = torch.where(organ, 0.3, -1.0)
    even = scale_features(image, image, organ)
    curved = [name for name in FEATURES if "curvature of the scan" in name]
    assert max(column(even, name).abs().max() for name in curved) < 0.02
    image[10, 10, 10] -= 1
    spot = int((organ.nonzero() == 10).all(1).nonzero())
    least = column(scale_features(image, image, organ), "least curvature of the scan at 1.0")
    assert least.argmax() == spot
    assert least[spot] > 0.02


@pytest.mark.parametrize("scale", [1.2, 3.2])
def test_means_are_gaussian(scale):
    """In the middle of a large organ, scipy's filter gives the same."""
    organ = torch.ones(41, 41, 41, dtype=torch.bool)
    image = torch.rand(organ.shape, generator=torch.Generator().manual_seed(2))
    features = scale_features(image, torch.zeros(organ.shape), organ)
    ours = column(features, f"scan at {scale}").view(organ.shape)
    radius = math.ceil(3 * scale)
    theirs = ndimage.gaussian_filter(image.numpy(), scale, radius=radius)
    middle = slice(radius, -radius)
    difference = ours[middle, middle, middle] - torch.from_numpy(theirs)[middle, middle, middle]
    assert difference.abs().max() < 1e-4


def test_likeness_is_one_for_a_scan_rebuilt_exactly_and_minus_one_for_its_negative(organ):
    image = noise(3)
    for sign in (1, -1):
        likeness = column(scale_features(image, sign * image, organ), "likeness at 2.0")
        assert (sign * likeness > 0.97).all()


def test_a_symmetric_organ_differs_nowhere_from_its_other_side(organ):
    image = noise(4)
    even = image + image.flip(0)  # the organ reaches from 3 to 20 of 0 to 23: its middle is theirs
    features = scale_features(even, 0 * even, organ)
    assert column(features, "other side: scan at 2.0").abs().max() < 1e-5
    even[9, 10, 10] += 5.0
    spotted = column(scale_features(even, 0 * even, organ), "other side: scan at 2.0")
    places = organ.nonzero()
    assert places[spotted.argmax()].tolist() == [9, 10, 10]
    assert places[spotted.argmin()].tolist() == [23 - 9, 10, 10]


def test_places_run_from_end_to_end_and_depth_counts_voxels(organ):
    features = scale_features(noise(0), noise(1), organ)
    places = organ.nonzero()
    assert column(features, "front")[places[:, 1] == 4].unique().tolist() == [0.0]
    assert column(features, "up")[places[:, 2] == 19].unique().tolist() == [1.0]
    assert column(features, "off the middle")[places[:, 0] == 3].unique().tolist() == [1.0]
    centre = (places == torch.tensor([12, 10, 10])).all(1)
    assert column(features, "depth")[centre].item() == pytest.approx(0.7)  # of 10 voxels


def test_no_organ_no_voxels():
    nothing = scale_features(noise(0), noise(1), torch.zeros(SHAPE, dtype=torch.bool))
    assert nothing.shape == (0, len(FEATURES))
