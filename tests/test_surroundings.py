"""What the surroundings of a voxel make expect: blind to it, true to what is usual in its place."""

from itertools import product

import pytest
import torch

from monai_anogan.engines.surroundings_fit import SurroundingsFit
from monai_anogan.maps.neighbourhoods import BLIND, Neighbourhoods
from monai_anogan.maps.surroundings import SURPRISES, Surroundings, surprises

SHAPE = (26, 24, 22)
MIDDLE = torch.tensor([[13, 12, 11]])


@pytest.fixture
def organ():
    mask = torch.zeros(SHAPE, dtype=torch.bool)
    mask[2:24, 2:22, 2:20] = True
    return mask


def noise(seed, strength=1.0):
    return strength * torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


def column(found, name):
    return found[:, SURPRISES.index(name)]


def around(image, rebuilt, organ):
    return Neighbourhoods(image, rebuilt, organ).around(MIDDLE)


def test_the_network_is_blind_to_the_cube_and_sees_every_voxel_of_its_shell(organ):
    image, rebuilt = noise(0), noise(1)
    before = around(image, rebuilt, organ)
    for step in torch.cartesian_prod(*[torch.arange(-BLIND - 1, BLIND + 2)] * 3):
        other = image.clone()
        other[tuple((MIDDLE + step)[0])] += 1
        hidden = bool((step.abs() <= BLIND).all())
        assert torch.equal(around(other, rebuilt, organ), before) == hidden


def test_the_network_sees_the_reconstruction_where_it_is_blind_to_the_scan(organ):
    rebuilt = noise(1)
    before = around(noise(0), rebuilt, organ)
    rebuilt[tuple(MIDDLE[0])] += 1
    assert not torch.equal(around(noise(0), rebuilt, organ), before)


def test_what_lies_outside_the_organ_has_no_influence(organ):
    image, rebuilt, network = noise(0), noise(1), Surroundings()
    other = torch.where(organ, image, 77.0), torch.where(organ, rebuilt, -5.0)
    found = surprises(network, image, rebuilt, organ)
    assert found.shape == (int(organ.sum()), len(SURPRISES))
    assert torch.equal(found, surprises(network, *other, organ))
    assert surprises(network, image, rebuilt, organ & False).shape == (0, len(SURPRISES))


def test_a_difference_is_the_voxel_and_its_cube_less_the_reconstruction(organ):
    image, rebuilt = torch.full(SHAPE, 0.3), torch.full(SHAPE, 0.1)
    image[tuple(MIDDLE[0])] = 0.57
    found = Neighbourhoods(image, rebuilt, organ).differences(MIDDLE)
    torch.testing.assert_close(found, torch.tensor([[0.47, 0.2 + 0.27 / 27]]))


def test_the_surprise_is_the_difference_in_usual_errors(organ):
    found = surprises(Surroundings(), noise(0, 0.1), noise(1, 0.1), organ)
    for of in ("voxel", "cube of three"):
        usual = column(found, f"logarithm of the usual error of the {of}").exp()
        counted = (column(found, f"difference of the {of}") / usual).clamp(-8, 8)
        torch.testing.assert_close(column(found, f"surprise of the {of}"), counted)


def test_a_voxel_knows_the_surprises_of_all_26_beside_it(organ):
    found = surprises(Surroundings(), noise(0, 0.1), noise(1, 0.1), organ)
    volume = torch.zeros(SHAPE)
    volume[organ] = column(found, "surprise of the voxel")
    steps = [step for step in product((-1, 0, 1), repeat=3) if any(step)]
    assert len(steps) == 26
    for step in steps:
        beside = volume.roll([-s for s in step], (0, 1, 2))[organ]  # two voxels from all ends
        assert torch.equal(column(found, f"surprise of the voxel {step} away"), beside)


def fitted(organ, seed=0, scans=20):
    """On scans that are noise, of 0.5 in the left half and of 0.05 in the right."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Surroundings()
    fit = SurroundingsFit(seed)
    for number in range(scans):
        fit.add(halves(number), torch.zeros(SHAPE), organ, torch.zeros(SHAPE, dtype=torch.bool))
    fit.fit(network, epochs=3)
    return network


def halves(seed):
    image = noise(seed, 0.05)
    image[: SHAPE[0] // 2] *= 10
    return image


def test_a_fit_learns_what_is_usual_where_and_a_spot_surprises_where_it_is_not(organ):
    network, scan = fitted(organ), halves(99)
    left, right = (5, 12, 11), (20, 12, 11)
    for spot in (left, right):
        scan[spot] = -0.75
    found = surprises(network, scan, torch.zeros(SHAPE), organ)
    where = organ.nonzero()
    surprise = column(found, "surprise of the voxel")
    deep = (where[:, 0] - SHAPE[0] // 2).abs() > 6  # sees one half alone
    assert surprise[deep].abs().mean() == pytest.approx(1, abs=0.15)  # as Laplace has it
    usual = column(found, "logarithm of the usual error of the voxel").exp()
    noisy, quiet = (
        usual[deep & (side < 0)].median() for side in (where[:, 0] - 13, 13 - where[:, 0])
    )
    assert noisy > 3 * quiet
    at = [int((where == torch.tensor(spot)).all(1).nonzero()) for spot in (left, right)]
    assert surprise[at[0]] > -4
    assert surprise[at[1]] == -8


def test_the_same_seed_gives_the_same_network(organ):
    one, two, other = (fitted(organ, seed, scans=2).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


def test_nothing_is_learned_from_a_lesion_or_beside_it(organ):
    image, lesion = torch.full(SHAPE, 0.3), torch.zeros(SHAPE, dtype=torch.bool)
    lesion[8:12, 8:12, 8:12] = True
    image[lesion] = -1.0
    image[~organ] = 0.3
    fit = SurroundingsFit(0)
    fit.add(image, torch.full(SHAPE, 0.3), organ, lesion)
    voxels = (fit.differences[0][:, 0] == 0).sum()
    assert voxels == len(fit.differences[0])
    assert voxels == int(organ.sum()) - 12**3
