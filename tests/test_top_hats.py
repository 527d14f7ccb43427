"""Top-hats: what scipy's morphology says, and spots whose depth is known."""

import pytest
import torch
from scipy import ndimage

from monai_anogan.maps.top_hats import top_hats


@pytest.mark.parametrize("size", [3, 5])
def test_they_are_those_of_scipy_in_the_middle_of_a_large_organ(size):
    volume = torch.rand(19, 18, 17, generator=torch.Generator().manual_seed(0))
    dark, bright = top_hats(volume, torch.ones_like(volume, dtype=torch.bool), size)
    middle = (slice(size, -size),) * 3
    for ours, theirs in ((dark, ndimage.black_tophat), (bright, ndimage.white_tophat)):
        expected = torch.from_numpy(theirs(volume.numpy(), size=(size,) * 3))
        torch.testing.assert_close(ours[middle], expected[middle])


def test_a_spot_is_as_deep_as_it_is_dark_and_a_large_one_is_none():
    volume = torch.full((20, 20, 20), 0.5)
    volume[4:6, 4:6, 4:6] = 0.1  # two voxels wide: fits into a cube of three
    volume[10:16, 10:16, 10:16] = -0.3  # six voxels: does not
    dark, bright = top_hats(volume, torch.ones_like(volume, dtype=torch.bool), 3)
    assert dark[4, 5, 4].item() == pytest.approx(0.4)
    assert dark[10:16, 10:16, 10:16].max() == 0
    assert bright.max() == 0
    assert torch.equal(top_hats(-volume, torch.ones_like(volume, dtype=torch.bool), 3)[1], dark)


def test_what_lies_outside_the_organ_is_no_spot_and_makes_none():
    inside = torch.zeros(12, 12, 12, dtype=torch.bool)
    inside[3:9, 3:9, 3:9] = True
    volume = torch.where(inside, 0.2, -1.0)
    for outside in (-1.0, 7.0):
        dark, bright = top_hats(torch.where(inside, volume, outside), inside, 5)
        assert dark.abs().max() == 0
        assert bright.abs().max() == 0
