"""The wide look: what it is shown, how its word is pooled with the members', how it is taught."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from monai_anogan.engines import WideLookFit
from monai_anogan.maps import (
    Comparison,
    ComparisonMapd,
    WideLook,
    background,
    load_wide_look,
    see_wide,
)
from monai_anogan.maps.comparison_map import LOWEST, WIDE_COUNTS, pooled
from monai_anogan.maps.surroundings import SURPRISES, surprises
from monai_anogan.maps.wide_look import SEEN_WIDE

ROOT = Path(__file__).resolve().parents[1]
SHAPE = (17, 22, 19)
FILTERS = (4, 6, 8)


@pytest.fixture
def organ():
    mask = torch.zeros(SHAPE, dtype=torch.bool)
    mask[2:15, 3:20, 1:16] = True
    return mask


def volumes(seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.rand(2, *SHAPE, generator=rng) - 0.5


def seen(organ, seed=0, lesion=None):
    image, rebuilt = volumes(seed)
    if lesion is not None:
        image = torch.where(lesion, image - 0.7, image)
    return see_wide(image, rebuilt, organ, torch.zeros(int(organ.sum()), len(SURPRISES)))


def cube(seed):
    lesion = torch.zeros(SHAPE, dtype=torch.bool)
    corner = torch.randint(4, 10, (3,), generator=torch.Generator().manual_seed(seed)).tolist()
    lesion[tuple(slice(c, c + 4) for c in corner)] = True
    return lesion


def test_it_sees_the_organ_in_its_box_and_nothing_outside(organ):
    organ[8, 8, 8] = False  # a hole
    image, rebuilt = volumes()
    surprise = torch.randn(int(organ.sum()), len(SURPRISES))
    shown = see_wide(image, rebuilt, organ, surprise)
    inside = organ[2:15, 3:20, 1:16]
    assert shown.shape == (len(SEEN_WIDE), 13, 17, 15)
    assert (shown[:, ~inside] == 0).all()
    residual = shown[SEEN_WIDE.index("residual")][inside]
    torch.testing.assert_close(residual, (image - rebuilt)[organ])
    of_cube = SURPRISES.index("surprise of the cube of three")
    given = shown[SEEN_WIDE.index("surprise of the cube of three")][inside]
    torch.testing.assert_close(3 * given, surprise[:, of_cube])
    elsewhere = see_wide(*torch.where(organ, volumes(), 9.0), organ, surprise)
    assert torch.equal(elsewhere, shown)


def test_it_has_a_logit_for_every_voxel_of_a_volume_of_any_size(organ):
    look = WideLook(FILTERS).eval()
    with torch.no_grad():
        logits = look(seen(organ)[None])
    assert logits.shape == (1, 13, 17, 15)
    assert logits.std() > 0


def test_a_pool_is_the_weighted_mean_of_logits_none_lower_than_the_lowest():
    looks = torch.tensor([[2.0, -1.0, 3.0], [0.0, -1.0, -40.0]])
    wide = torch.tensor([1.0, -1.0, 3.0])
    each = [
        (2.0 + 0.0 + WIDE_COUNTS * 1.0),
        -(2 + WIDE_COUNTS),
        (3.0 + LOWEST + WIDE_COUNTS * 3.0),
    ]
    expected = F.softplus(torch.tensor(each) / (2 + WIDE_COUNTS))
    torch.testing.assert_close(pooled(looks, wide), expected)


def test_a_map_with_a_wide_look_is_pooled_and_its_background_is_the_members(
    organ,
):
    torch.manual_seed(0)
    comparison, look = Comparison(2).requires_grad_(False), WideLook(FILTERS).eval()
    image, rebuilt = volumes()
    looks = comparison.look(comparison.see(image, rebuilt, organ), organ)
    case = {"image": image[None], "reconstruction": rebuilt[None], "mask": organ[None].float()}
    alone, together = ComparisonMapd(comparison)(case), ComparisonMapd(comparison, look)(case)
    mean = F.softplus(looks).mean(0)
    torch.testing.assert_close(alone["anomaly_map"].as_tensor()[0][organ], mean)
    surprise = surprises(comparison.surroundings, image, rebuilt, organ)
    with torch.no_grad():
        logits = look(see_wide(image, rebuilt, organ, surprise)[None])[0]
    expected = pooled(looks, logits[organ[2:15, 3:20, 1:16]])
    found = together["anomaly_map"].as_tensor()[0]
    torch.testing.assert_close(found[organ], expected)
    assert (found[~organ] == 0).all()
    assert alone["map_background"] == background(mean)
    assert together["map_background"] == background(mean)
    before = torch.zeros(3, *SHAPE)
    healed = ComparisonMapd(comparison, look)(case | {"healing": before})
    expected = pooled(torch.cat([looks, before[:, organ]]), logits[organ[2:15, 3:20, 1:16]])
    torch.testing.assert_close(healed["anomaly_map"].as_tensor()[0][organ], expected)
    nowhere = ComparisonMapd(comparison, look)({**case, "mask": torch.zeros(1, *SHAPE)})
    assert (nowhere["anomaly_map"] == 0).all()


def taught(organ, steps, seed=0):
    fit = WideLookFit(steps, batch_size=2, filters=FILTERS, lr=2e-2, seed=seed)
    for number in range(12):
        lesion = cube(number)
        fit.add(seen(organ, number, lesion), lesion[2:15, 3:20, 1:16])
    losses = [fit.step() for _ in range(steps)]
    return fit, losses


def test_what_is_taught_finds_a_lesion_in_a_new_scan_and_comes_back_from_its_file(organ, tmp_path):
    fit, losses = taught(organ, 120)
    assert sum(losses[-10:]) < 0.5 * sum(losses[:10])
    torch.save(fit.weights(), tmp_path / "wide_look.pt")
    look = load_wide_look(tmp_path / "wide_look.pt")
    lesion = cube(99)
    logits = look(seen(organ, 99, lesion)[None])[0]
    there, inside = lesion[2:15, 3:20, 1:16], organ[2:15, 3:20, 1:16]
    assert logits[there].median() > logits[inside & ~there].quantile(0.99)
    average = fit.average(seen(organ, 99, lesion)[None])[0]
    torch.testing.assert_close(logits, average, atol=0.05, rtol=0.05)  # float16 weights


def test_the_same_seed_teaches_the_same_and_what_is_taught_goes_on(organ):
    one, two, other = (taught(organ, 3, seed)[0].weights() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], two[name]) for name in one)
    name = "input_block.conv1.conv.weight"
    assert not torch.equal(one[name], other[name])
    fit, _ = taught(organ, 3)
    resumed = WideLookFit(6, batch_size=2, filters=FILTERS, seed=5)
    resumed.load_state_dict(fit.state_dict())
    assert resumed.done == 3
    assert torch.equal(resumed.weights()[name], one[name])


@pytest.mark.slow
def test_the_script_writes_what_the_bundle_loads_and_resumes(shared_data, tmp_path):
    def run(steps):
        few = ["--batch-size", "1", "--first", "1", "--most", "2", "--workers", "1"]
        script = [sys.executable, ROOT / "scripts" / "train_wide_look.py"]
        where = [shared_data / "brain_t1", tmp_path, "--device", "cpu", "--steps", steps]
        ran = subprocess.run(
            [*map(str, (*script, *where, *few))], capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    assert "step 1 of 1" in run(1)
    before = load_wide_look(tmp_path / "wide_look.pt").parts()
    assert "step 2 of 2" in run(2)
    after = load_wide_look(tmp_path / "wide_look.pt").parts()
    assert any(not torch.equal(before[name], after[name]) for name in before)
