"""What fills a hole: smooth continuation, the mirror image, and a search of windows with holes."""

import numpy as np
import pytest
import torch

from monai_anogan.inferers import LatentSearchInferer
from monai_anogan.systems import FAnoGAN
from monai_anogan.transforms import HoleProposal, harmonic_fill, mirrored


def grid(*shape):
    return np.meshgrid(*(np.arange(n, dtype=np.float64) for n in shape), indexing="ij")


def test_a_linear_ramp_is_continued_exactly():
    i, j, k = grid(9, 10, 8)
    ramp = 2 * i - 3 * j + 0.5 * k
    hole = np.zeros(ramp.shape, bool)
    hole[2:7, 3:8, 2:6] = True
    broken = np.where(hole, np.nan, ramp)  # what it holds is not looked at
    filled = harmonic_fill(broken, hole, spacing=(2.0, 1.0, 3.0))
    np.testing.assert_allclose(filled, ramp, atol=1e-3)
    assert np.array_equal(filled[~hole], ramp[~hole])


def test_a_voxel_is_the_mean_of_its_neighbours_weighted_by_their_distance():
    volume = np.zeros((3, 3, 3))
    volume[0, 1, 1] = volume[2, 1, 1] = 6.0  # 2 mm away: each counts a quarter
    volume[1, 0, 1] = 3.0
    hole = np.zeros(volume.shape, bool)
    hole[1, 1, 1] = True
    filled = harmonic_fill(volume, hole, spacing=(2.0, 1.0, 1.0))
    assert filled[1, 1, 1] == pytest.approx((6 / 4 + 6 / 4 + 3) / (1 / 4 + 1 / 4 + 4))


def test_only_known_voxels_are_continued_and_a_lonely_part_gets_their_mean():
    volume = np.full((7, 5, 5), 100.0)
    known = np.zeros(volume.shape, bool)
    known[:2] = True
    volume[known] = 4.0
    hole = np.zeros(volume.shape, bool)
    hole[2:4, 2, 2] = True
    hole[6, 4, 4] = True
    filled = harmonic_fill(volume, hole, known=known)
    assert filled[hole] == pytest.approx([4.0] * 3)
    with pytest.raises(ValueError, match="something known"):
        harmonic_fill(volume, np.ones_like(hole))


def test_the_mirror_image_of_a_moved_symmetric_body_is_the_body_itself():
    right, front, up = grid(48, 40, 36)
    tilted = (
        right - 26 + 0.08 * (front - 20)
    )  # from a midplane beside the middle, turned by 4.6 deg
    body = (tilted / 16) ** 2 + ((front - 20) / 17) ** 2 + ((up - 18) / 15) ** 2 < 1
    texture = np.cos(tilted / 3) + np.sin(front / 4) + np.cos(up / 5 + front / 7)
    volume = np.where(body, texture / 4, -1).astype(np.float32)
    hole = np.zeros(body.shape, bool)
    hole[32:37, 16:22, 14:20] = True
    image, shown = mirrored(np.where(hole, 0, volume).astype(np.float32), body, hole)
    assert shown[hole].all()
    assert np.abs(image - volume)[hole].mean() < 0.05 < np.abs(volume[hole]).mean()
    assert not shown[:, 16:22, 14:20][10:20].all()  # the hole is no source


def test_half_a_proposal_is_the_other_side_and_half_is_smooth():
    right, front, up = grid(40, 36, 32)
    body = ((right - 19.5) / 16) ** 2 + ((front - 18) / 15) ** 2 + ((up - 16) / 13) ** 2 < 1
    texture = np.cos(np.abs(right - 19.5) / 2) + np.sin(front / 3) + np.cos(up / 4)
    volume = np.where(body, texture / 4, -1).astype(np.float32)
    hole = np.zeros(body.shape, bool)
    hole[26:32, 15:21, 12:18] = True
    errors = {
        share: np.abs(HoleProposal(share)(volume, body, hole) - volume)[hole].mean()
        for share in (0.0, 0.5, 1.0)
    }
    assert errors[1.0] < 0.3 * errors[0.0]
    assert errors[0.5] == pytest.approx((errors[0.0] + errors[1.0]) / 2, rel=0.25)
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        HoleProposal(1.5)


def noise(*shape):
    return torch.rand(1, 1, *shape, generator=torch.Generator().manual_seed(0)) * 1.8 - 0.9


@pytest.fixture
def network():
    torch.manual_seed(0)
    return FAnoGAN(2, 16, 8, width=8)


def searched(network, volume, hole, **settings):
    settings = {"steps": 5, "seed": 3, "lr": 0.1, "precision": "float32"} | settings
    with torch.no_grad():
        return LatentSearchInferer((16, 16), **settings)(volume, network, hole=hole)


def test_away_from_a_hole_the_volume_comes_back_as_it_is(network):
    volume = noise(40, 40, 12)
    hole = torch.zeros_like(volume, dtype=torch.bool)
    hole[..., 18:22, 18:22, 5:7] = True
    filled = searched(network, volume, hole)
    changed = (filled != volume)[0, 0].nonzero()
    assert changed.amin(0).tolist() == [15, 15, 2]  # three voxels around it, for the seam
    assert changed.amax(0).tolist() == [24, 24, 9]
    assert (filled != volume)[hole].all()


def test_each_window_is_searched_with_its_own_hole(network):
    volume = noise(40, 40, 12)
    hole = torch.zeros_like(volume, dtype=torch.bool)
    hole[..., 18:22, 18:22, 4:6] = True
    hole[..., 10:13, 30:34, 6] = True
    met = []

    def loss(patches, unknown, judge):
        assert (judge(patches).shape, unknown.dtype) == ((len(patches),), torch.bool)
        met.append((patches, unknown))
        return lambda generated: (generated - patches).abs().flatten(1).sum(1)

    numbered = torch.where(hole, 0.5, volume.clamp(-0.4, 0.4))
    searched(network, numbered, hole, hole_loss=loss)
    assert sum(len(patches) for patches, _ in met) > 8
    for patches, unknown in met:
        assert torch.equal(patches == 0.5, unknown)


def test_a_search_with_a_hole_comes_nearer_to_what_is_known(network):
    with torch.no_grad():
        volume = network.eval().generator(torch.randn(1, 8))[..., None]
    hole = torch.zeros_like(volume, dtype=torch.bool)
    hole[..., 6:10, 6:10, :] = True
    ring = torch.zeros_like(hole)
    ring[..., 4:12, 4:12, :] = True
    ring &= ~hole
    apart = [
        (searched(network, volume, hole, steps=steps) - volume)[ring].abs().mean()
        for steps in (1, 100)
    ]
    assert apart[1] < 0.5 * apart[0]


def test_a_hole_of_another_grid_is_refused(network):
    with pytest.raises(ValueError, match="hole must have the shape"):
        searched(network, torch.zeros(1, 1, 16, 16, 4), torch.zeros(1, 1, 16, 16, 5))
