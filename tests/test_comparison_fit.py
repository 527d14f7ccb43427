"""Fitting the comparison: it learns to see painted lesions, the same for the same seed."""

from itertools import pairwise

import pytest
import torch

from monai_anogan.engines import ComparisonFit, fit_perceptron, in_rounds, save_state_dict
from monai_anogan.engines.lesion_voxels import importance, lesion_sizes
from monai_anogan.errors import AnoganError, InputError
from monai_anogan.maps import Comparison, Perceptron, load_comparison
from monai_anogan.maps.scale_features import FEATURES

SHAPE = (1, 30, 28, 26)


def scan(seed, lesion=True):
    """A noisy organ, its blurred reconstruction, and a cube that this does not explain."""
    rng = torch.Generator().manual_seed(seed)
    mask = torch.zeros(SHAPE)
    mask[:, 3:27, 3:25, 3:23] = 1
    healthy = 0.3 * torch.randn(SHAPE, generator=rng)
    image, painted = healthy.clone(), torch.zeros(SHAPE)
    if lesion:
        corner = torch.randint(5, 15, (3,), generator=rng).tolist()
        where = (0, *(slice(c, c + 6) for c in corner))
        image[where] -= 0.5  # no more than the noise of a voxel, but all of them
        painted[where] = 1
    return {"image": image, "pred": 0 * healthy, "mask": mask, "lesion": painted}


def fitted(path, seed=0):
    fit = ComparisonFit(path, 24, epochs=8, surroundings_epochs=0.5, seed=seed)
    for number in in_rounds(range(12), 1):
        fit.add(scan(number))
    fit.save()
    return load_comparison(path)


def test_a_lesion_no_stronger_than_the_noise_is_seen_by_its_extent(tmp_path):
    comparison = fitted(tmp_path / "comparison.pt")
    new = scan(99)
    evidence = comparison.evidence(new["image"], new["pred"], new["mask"])
    lesion, healthy = new["lesion"] > 0, (new["mask"] > 0) & (new["lesion"] == 0)
    assert evidence[lesion].median() > 5 * evidence[healthy].quantile(0.95)
    quiet = scan(98, lesion=False)
    found = comparison.evidence(quiet["image"], quiet["pred"], quiet["mask"])
    assert found.max() < evidence[lesion].median()


def test_the_same_seed_gives_the_same_comparison_bit_for_bit(tmp_path):
    torch.rand(3)  # what others draw does not matter
    one, two, other = (
        fitted(tmp_path / f"{n}.pt", seed).state_dict() for n, seed in enumerate((1, 1, 2))
    )
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(
        one["members.0.second.layers.0.weight"], other["members.0.second.layers.0.weight"]
    )


def test_without_lesions_there_is_nothing_to_learn():
    features = torch.rand(10, len(FEATURES))
    none, weights = torch.zeros(10, dtype=torch.bool), torch.ones(10)
    with pytest.raises(AnoganError, match="voxels of both kinds, got 0 of lesions among 10"):
        fit_perceptron(Perceptron(len(FEATURES)), features, none, weights, epochs=1)


def test_a_run_cut_short_writes_nothing(tmp_path):
    fit = ComparisonFit(tmp_path / "comparison.pt", 4, epochs=1)
    fit.add(scan(0))
    with pytest.raises(AnoganError, match="must get 4 scans, got 1"):
        fit.save()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("scans", "rounds", "members"), [(4, 1, 1), (4, 3, 1), (5, 2, 2), (5, 3, 3), (9, 1, 4)]
)
def test_no_scan_teaches_both_looks_however_often_it_comes(scans, rounds, members, tmp_path):
    order = in_rounds(range(scans), rounds, members)
    assert sorted(order) == sorted([*range(scans)] * (1 + rounds * members))
    fit = ComparisonFit(tmp_path / "c.pt", len(order), rounds=rounds, members=members)
    before, order = order[: fit.before], order[fit.before :]
    assert before == [*range(scans)]
    for member in range(members):
        given = order[member * fit.each : (member + 1) * fit.each]
        first, second = given[: fit.first], given[fit.first :]
        start = member * scans // members
        assert set(first) == {(start + k) % scans for k in range(scans // 2)}
        assert not set(first) & set(second)


def test_each_member_is_fitted_to_scans_of_its_own(tmp_path):
    fit = ComparisonFit(tmp_path / "two.pt", 24, members=2, epochs=2, surroundings_epochs=0.1)
    states = [{name: value.clone() for name, value in fit.comparison.state_dict().items()}]
    for number in range(24):
        fit.add(scan(number % 8))
        if number % 8 == 7:
            state = fit.comparison.state_dict().items()
            states.append({name: value.clone() for name, value in state})
    fit.save()
    saved = load_comparison(tmp_path / "two.pt").state_dict()
    assert all(torch.equal(saved[name], states[-1][name]) for name in saved)
    changed = [
        {".".join(name.split(".")[:2]) for name in a if not torch.equal(a[name], b[name])}
        for a, b in pairwise(states)
    ]
    assert {name.split(".")[0] for name in changed[0]} == {"surroundings"}
    assert changed[1:] == [{"members.0"}, {"members.1"}]


def test_a_comparison_is_given_more_members_and_keeps_those_it_has(tmp_path):
    path = tmp_path / "c.pt"
    save_state_dict(Comparison(1), path)
    before = load_comparison(path).state_dict()
    order = in_rounds(range(8), 1, 2, more=True)
    assert len(order) == 16
    fit = ComparisonFit(path, len(order), more_of=path, members=2, epochs=8)
    for number in order:
        fit.add(scan(number))
    fit.save()
    after = load_comparison(path)
    assert len(after.members) == 3
    state = after.state_dict()
    assert all(torch.equal(before[name], state[name]) for name in before)
    first = "members.{}.first.layers.0.weight"
    assert not torch.equal(state[first.format(1)], state[first.format(2)])
    after.members = after.members[1:]  # the new ones alone
    new = scan(99)
    evidence = after.evidence(new["image"], new["pred"], new["mask"])
    lesion, healthy = new["lesion"] > 0, (new["mask"] > 0) & (new["lesion"] == 0)
    assert evidence[lesion].median() > 2 * evidence[healthy].median()


def test_more_members_of_what_is_no_comparison_are_refused(tmp_path):
    with pytest.raises(InputError, match="must be fitted first"):
        ComparisonFit(tmp_path / "c.pt", 8, more_of=tmp_path / "none.pt")


@pytest.mark.parametrize("scans", [14, 5])
def test_scans_that_cannot_be_shared_out_are_refused(scans, tmp_path):
    with pytest.raises(ValueError, match=f"{scans} scans must be 2 members' in 2 rounds each"):
        ComparisonFit(tmp_path / "c.pt", scans, rounds=2, members=2)


def test_each_voxel_knows_the_size_of_its_lesion_joined_over_corners():
    lesion = torch.zeros(8, 8, 8)
    lesion[1, 1, 1] = lesion[2, 2, 2] = 1
    lesion[5, 5, 3:7] = 1
    sizes = lesion_sizes(lesion)
    assert sizes[1, 1, 1] == sizes[2, 2, 2] == 2
    assert sizes[5, 5, 3:7].tolist() == [4] * 4
    assert int((sizes > 0).sum()) == 6


def test_a_lesion_weighs_by_the_root_of_its_size():
    sizes = torch.tensor([0, 12, 300, 1200])
    weights = importance(sizes)
    assert weights.tolist() == pytest.approx([1, 5, 1, 0.5])
    whole = sizes * weights  # of a lesion, all its voxels
    assert whole[3] / whole[2] == pytest.approx(2)  # four times as large
    assert importance(torch.tensor([1])).item() == 10  # and no more
