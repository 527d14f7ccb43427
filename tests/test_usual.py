"""The usual residual: where it is small in healthy scans, a small one already stands out."""

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_anogan.errors import InputError
from monai_anogan.maps import DeviationMapd, UsualResidual
from monai_anogan.maps.surroundings import relative_places, smooth_inside

SHAPE = (24, 28, 20)


def healthy_scan(seed):
    """Flat bright tissue in front, folded grey tissue behind, which is rebuilt ten times worse."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(SHAPE, dtype=bool)
    mask[2:-2, 2:-2, 2:-2] = True
    behind = np.zeros(SHAPE, dtype=bool)
    behind[:, :14] = True
    rebuilt = np.where(behind, rng.normal(-0.2, 0.2, SHAPE), 0.6)
    noise = rng.normal(0, 1, SHAPE) * np.where(behind, 0.3, 0.03)
    return (rebuilt + noise).astype(np.float32), rebuilt.astype(np.float32), mask


@pytest.fixture(scope="module")
def usual():
    return UsualResidual(places=(4, 4, 4)).fit([healthy_scan(seed) for seed in range(4)])


def test_a_new_healthy_scan_is_about_one_everywhere(usual):
    image, rebuilt, mask = healthy_scan(99)
    found = usual(image, rebuilt, mask)
    assert (found[~mask] == 0).all()
    front, behind = found[4:-4, 17:-4, 4:-4], found[4:-4, 4:12, 4:-4]
    assert 0.8 < np.median(front) < 2.5
    assert 0.8 < np.median(behind) < 2.5


def test_the_same_residual_means_more_where_healthy_tissue_is_rebuilt_well(usual):
    image, rebuilt, mask = healthy_scan(99)
    places = (
        (slice(10, 13), slice(20, 23), slice(9, 12)),
        (slice(10, 13), slice(6, 9), slice(9, 12)),
    )
    for place in places:
        image[place] -= 0.3
    found = usual(image, rebuilt, mask)
    front, behind = (found[place].mean() for place in places)
    assert front > 8
    assert front > 3 * behind


def test_a_strong_lesion_does_not_reach_beyond_its_border(usual):
    image, rebuilt, mask = healthy_scan(99)
    image[8:16, 18:24, 6:14] -= 1.5
    found = usual(image, rebuilt, mask)
    assert found[8:16, 18:24, 6:14].min() > found[5:7, 18:24, 6:14].max()


def test_what_was_fitted_survives_a_file(usual, tmp_path):
    usual.save(tmp_path / "usual.pt")
    scan = healthy_scan(5)
    np.testing.assert_array_equal(UsualResidual.load(tmp_path / "usual.pt")(*scan), usual(*scan))


def test_it_refuses_to_judge_or_to_be_saved_before_it_is_fitted(tmp_path):
    with pytest.raises(ValueError, match="must be fitted or loaded"):
        UsualResidual()(*healthy_scan(0))
    with pytest.raises(ValueError, match="must be fitted before"):
        UsualResidual().save(tmp_path / "usual.pt")
    with pytest.raises(ValueError, match="one scan or more, got none"):
        UsualResidual().fit([])


def test_the_map_lies_on_the_grid_of_the_scan_and_an_empty_mask_gives_zeros(usual):
    image, rebuilt, mask = (torch.from_numpy(a)[None] for a in healthy_scan(7))
    affine = torch.diag(torch.tensor([2.0, 2, 2, 1], dtype=torch.float64))
    data = {"image": MetaTensor(image, affine=affine), "reconstruction": rebuilt, "mask": mask}
    found = DeviationMapd(usual)(data)["anomaly_map"]
    torch.testing.assert_close(found.affine, affine)
    np.testing.assert_allclose(
        found[0].numpy(), usual(image[0].numpy(), rebuilt[0].numpy(), mask[0].numpy()), atol=1e-5
    )
    assert not DeviationMapd(usual)(data | {"mask": mask * 0})["anomaly_map"].any()


def test_a_missing_file_is_told_with_what_to_do(tmp_path):
    with pytest.raises(InputError, match=r"fitted on healthy scans first, .* fit_usual\.json"):
        DeviationMapd(tmp_path / "none.pt")


def test_smoothing_does_not_mix_the_outside_in():
    mask = np.zeros(SHAPE, dtype=bool)
    mask[:12] = True
    volume = np.where(mask, 0.5, -7).astype(np.float32)
    smooth = smooth_inside(volume, mask, 2.0)
    np.testing.assert_allclose(smooth[mask], 0.5, atol=1e-5)
    assert (smooth[~mask] == 0).all()
    places = relative_places(mask)
    assert places.min() > 0
    assert places.max() < 1
