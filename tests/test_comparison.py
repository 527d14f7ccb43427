"""The learned comparison: what it sees, where it may speak, and what its verdict does to a scan."""

import math

import pytest
import torch
from monai.data import MetaTensor

from monai_anogan.engines import save_state_dict
from monai_anogan.errors import InputError
from monai_anogan.maps import (
    Comparison,
    ComparisonMapd,
    Heal,
    Perceptron,
    background,
    load_comparison,
)
from monai_anogan.maps.scale_features import FEATURES
from monai_anogan.maps.two_looks import AT_ONCE

SHAPE = (1, 21, 18, 25)  # no multiple of anything


@pytest.fixture
def comparison():
    """Weights set by hand: the logit of the second look is 20 |x - G(z)| - 1."""
    made = Comparison().requires_grad_(False)
    layers = made.members[0].second.layers
    for layer in (layers[0], layers[2], layers[4]):
        layer.weight.zero_()
        layer.bias.zero_()
    layers[0].weight[0, FEATURES.index("absolute residual")] = 1
    layers[2].weight[0, 0] = 1
    layers[4].weight[0, 0] = 20
    layers[4].bias[0] = -1
    return made


@pytest.fixture
def case():
    """A scan equal to its reconstruction but for one bright cube, in an organ off the centre."""
    rng = torch.Generator().manual_seed(0)
    mask = torch.zeros(SHAPE)
    mask[:, 2:20, 5:17, 6:24] = 1
    healthy = torch.where(mask > 0, torch.rand(SHAPE, generator=rng) - 0.5, -1.0)
    scan = healthy.clone()
    scan[:, 10:13, 8:11, 15:18] += 0.4
    affine = torch.diag(torch.tensor([2.0, 2, 2, 1], dtype=torch.float64))
    return {
        "image": MetaTensor(scan, affine=affine),
        "reconstruction": healthy,
        "mask": mask,
    }


def test_the_evidence_is_log_one_plus_odds_inside_the_organ_and_nothing_outside(comparison, case):
    found = comparison.evidence(case["image"], case["reconstruction"], case["mask"])
    assert found.shape == SHAPE
    assert found[0, 11, 9, 16].item() == pytest.approx(math.log1p(math.exp(20 * 0.4 - 1)), rel=1e-5)
    assert found[0, 3, 6, 7].item() == pytest.approx(math.log1p(math.exp(-1)), rel=1e-5)
    assert (found[case["mask"] == 0] == 0).all()
    looks = comparison.logits(case["image"], case["reconstruction"], case["mask"])
    assert looks[0, 11, 9, 16].item() == pytest.approx(20 * 0.4 - 1, rel=1e-5)
    assert (looks[case["mask"] == 0] == -torch.inf).all()


def test_the_evidence_of_several_members_is_their_mean(comparison, case):
    both = Comparison(2).requires_grad_(False)
    both.members[0].load_state_dict(comparison.members[0].state_dict())
    other = Comparison().requires_grad_(False)
    both.members[1].load_state_dict(other.members[0].state_dict())
    for made in (both, other):
        made.surroundings.load_state_dict(comparison.surroundings.state_dict())
    one, two, mean = (
        c.evidence(case["image"], case["reconstruction"], case["mask"])
        for c in (comparison, other, both)
    )
    assert torch.allclose(mean, (one + two) / 2, atol=1e-6)
    assert not torch.allclose(one, two, atol=1e-2)


@pytest.mark.parametrize("voxels", [0, 1, AT_ONCE, AT_ONCE + 1])
def test_a_voxel_is_judged_alike_however_many_come_with_it(voxels):
    look, rng = Perceptron(3).requires_grad_(False), torch.Generator().manual_seed(1)
    features = torch.randn(voxels, 3, generator=rng)
    found = look(features)
    assert found.shape == (voxels,)
    for some in torch.arange(voxels).split(1000):
        assert torch.allclose(found[some], look(features[some]), atol=1e-5)


def test_the_map_lies_on_the_grid_of_the_scan(comparison, case):
    written = ComparisonMapd(comparison)(case)["anomaly_map"]
    assert torch.equal(written.affine, case["image"].affine)
    highest = (written > 5).nonzero()
    assert highest[:, 1:].min(0).values.tolist() == [10, 8, 15]
    assert highest[:, 1:].max(0).values.tolist() == [12, 10, 17]


def test_what_healed_the_scan_before_has_its_say_in_the_map(comparison, case):
    organ = case["mask"][0] > 0
    before = torch.full((2, *SHAPE[1:]), -torch.inf)
    before[0, organ], before[1, organ] = 1.0, -2.0
    looks = torch.cat([comparison.logits(**case), before])
    written = ComparisonMapd(comparison)(case | {"healing": before})
    expected = torch.nn.functional.softplus(looks).mean(0)
    torch.testing.assert_close(written["anomaly_map"].as_tensor()[0], expected)
    assert written["map_background"] == background(expected[organ])
    unhealed = ComparisonMapd(comparison)(case | {"healing": before[:0]})
    assert torch.equal(
        unhealed["anomaly_map"].as_tensor(),
        ComparisonMapd(comparison)(case)["anomaly_map"].as_tensor(),
    )


def test_a_scan_without_an_organ_has_no_evidence(comparison, case):
    empty = case | {"mask": torch.zeros(SHAPE)}
    assert not ComparisonMapd(comparison)(empty)["anomaly_map"].any()


def test_a_comparison_survives_a_file_and_nothing_else_is_taken_for_one(comparison, case, tmp_path):
    with pytest.raises(InputError, match=r"fitted first, .*fit_comparison\.json"):
        load_comparison(tmp_path / "comparison.pt")
    save_state_dict(comparison, tmp_path / "comparison.pt")
    loaded = load_comparison(tmp_path / "comparison.pt").evidence(**case)
    assert torch.equal(loaded, comparison.evidence(**case))
    before_members = comparison.members[0].state_dict()
    for number, other in enumerate(({"other": torch.ones(1)}, before_members)):
        torch.save(other, tmp_path / f"{number}.pt")
        with pytest.raises(InputError, match="must be a comparison of this version"):
            load_comparison(tmp_path / f"{number}.pt")


def test_healing_replaces_the_lesion_by_the_guess_and_nothing_else(comparison, case):
    scan, guess = case["image"].as_tensor(), case["reconstruction"] + 0.01 * (case["mask"] > 0)
    healed, looks = Heal(comparison, reach=1)(scan, guess)
    lesion = (scan - guess).abs() > 0.3
    assert (healed - guess)[lesion].abs().max() < 0.01
    odds = math.exp(20 * 0.01 - 1)  # of a lesion in healthy tissue, as this network judges
    part = torch.lerp(scan, guess, odds / (1 + odds))
    assert torch.allclose(healed[~lesion], torch.where(scan > -1, part, scan)[~lesion], atol=1e-5)
    assert torch.equal(looks, comparison.logits(scan, guess, case["mask"]))


def test_healing_reaches_around_a_lesion_and_leaves_the_background(comparison, case):
    scan = case["image"].as_tensor().clone()
    scan[0, 9, 9, 16] = case["reconstruction"][0, 9, 9, 16] + 0.05  # its hardly visible edge
    guess = case["reconstruction"]
    healed, _ = Heal(comparison, reach=3)(scan, guess)
    assert abs(healed[0, 9, 9, 16] - guess[0, 9, 9, 16]) < 1e-3
    assert torch.equal(healed[case["mask"] == 0], scan[case["mask"] == 0])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_cuda_the_evidence_is_that_of_the_cpu(case):
    torch.manual_seed(0)
    both = Comparison(2).requires_grad_(False)
    on_cpu, on_cuda = (
        both.to(device).evidence(case["image"], case["reconstruction"], case["mask"])
        for device in ("cpu", "cuda")
    )
    assert on_cpu.std() > 0
    torch.testing.assert_close(on_cuda, on_cpu, rtol=1e-3, atol=1e-4)
