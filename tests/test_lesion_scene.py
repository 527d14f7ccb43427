"""Lesions painted over healthy volumes: said to be where they show, and only there."""

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from scipy import ndimage

from monai_anogan.transforms import BACKGROUND, RandLesionScened
from monai_anogan.transforms.lesion_shapes import bright_tissue, push_apart, spots
from monai_anogan.transforms.smooth_noise import SmoothNoise
from monai_anogan.transforms.white_matter import paint_white_matter


@pytest.fixture(scope="module")
def head():
    """A ball of smooth tissue, (1, 40, 44, 48), background around it."""
    grid = torch.stack(torch.meshgrid(*map(torch.arange, (40, 44, 48)), indexing="ij")).float()
    away = grid - torch.tensor([20.0, 22, 24]).view(3, 1, 1, 1)
    tissue = torch.sin(away[0] / 3) * torch.cos(away[1] / 4) * torch.sin(away[2] / 5) * 0.6
    return torch.where(away.norm(dim=0) < 17, tissue, BACKGROUND)[None]


@pytest.fixture(scope="module")
def paint():
    return RandLesionScened("image", "lesion", prob=1.0)


def painted(paint, head, seed):
    paint.set_random_state(seed)
    out = paint({"image": MetaTensor(head, affine=torch.eye(4))})
    return out["image"].as_tensor(), out["lesion"].as_tensor() > 0


def test_every_lesion_shows_and_the_background_stays(paint, head):
    seen = 0
    for seed in range(12):
        image, lesion = painted(paint, head, seed)
        change = (image - head).abs()
        around = torch.nn.functional.max_pool3d(change[None], 3, stride=1, padding=1)[0]
        assert (around[lesion] > 0.05).all()
        assert not lesion[head <= BACKGROUND].any()
        assert torch.equal(image[head <= BACKGROUND], head[head <= BACKGROUND])
        assert image.abs().max() <= 1
        seen += int(lesion.any())
    assert seen >= 10


def test_large_changes_lie_in_a_lesion_or_at_its_soft_edge(paint, head):
    missed = total = 0
    for seed in range(12):
        image, lesion = painted(paint, head, seed)
        large = (image - head).abs() > 0.3
        near = torch.nn.functional.max_pool3d(lesion[None].float(), 11, stride=1, padding=5)[0] > 0
        missed += int((large & ~near).sum())
        total += int(large.sum())
    assert missed < 0.01 * total


def test_the_same_seed_paints_the_same_and_another_paints_another(paint, head):
    first, again, other = (painted(paint, head, seed)[0] for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_no_lesions_are_asked_for_none_are_painted(head):
    image, lesion = painted(RandLesionScened("image", "lesion", prob=0.0), head, 0)
    assert torch.equal(image, head)
    assert not lesion.any()


def test_spots_are_as_large_as_they_may_be(head):
    rng = torch.Generator().manual_seed(0)
    region = spots(head[0], rng, count=(1, 1), radius=(3.0, 3.0))
    half = (region > region.max() / 2).nonzero()
    extent = half.max(0).values - half.min(0).values + 1
    assert (extent >= 2 * 3 * 0.7 - 1).all()
    assert (extent <= 2 * 3 * 1.4 + 1).all()


def test_a_mass_pushes_tissue_away_from_its_middle():
    volume = torch.zeros(33, 33, 33)
    volume[16, 16, 19] = 1.0  # three voxels from the middle
    middle = torch.tensor([16, 16, 16])
    pushed, region = push_apart(volume, middle, reach=10.0, squeeze=0.3)
    moved = (pushed == pushed.max()).nonzero()[0].tolist()
    assert moved[:2] == [16, 16]
    # three voxels is where u (0.3 + 0.7 u / 10) comes from: u = 4.7
    assert moved[2] == 16 + 5
    assert region[16, 16, 16] == 1
    assert not region[16, 16, 25:].any()
    assert torch.equal(pushed[:, :, 27:], volume[:, :, 27:])


def test_bright_tissue_is_the_brightest_share_away_from_the_surface(head):
    inside = head[0] > BACKGROUND
    found = bright_tissue(head[0], share=0.4)
    at_the_surface = torch.nn.functional.max_pool3d((~inside)[None].float(), 3, 1, 1)[0] > 0
    assert not (found & at_the_surface).any()
    deep = inside & ~at_the_surface
    assert head[0][found].median() > head[0][deep & ~found].quantile(0.75)
    assert torch.equal(
        bright_tissue(torch.full((8, 8, 8), BACKGROUND), share=0.4), inside[:8, :8, :8] & False
    )


def test_scattered_spots_lie_in_bright_tissue(paint, head):
    host = bright_tissue(head[0], share=0.6)
    near = torch.nn.functional.max_pool3d(host[None, None].float(), 7, 1, 3)[0] > 0
    seen = 0
    for seed in range(6):
        _, lesion = paint._scattered(head, torch.Generator().manual_seed(seed))
        assert not (lesion & ~near).any()
        seen += int(lesion.sum())
    assert seen > 50


def test_lesions_of_white_matter_lie_in_or_beside_the_bright_tissue(head):
    paint = RandLesionScened("image", "lesion", prob=1.0, white_matter=1.0)
    bright = bright_tissue(head[0], share=0.6)
    near = torch.nn.functional.max_pool3d(bright[None].float(), 5, stride=1, padding=2) > 0
    inside = total = 0
    sizes = []
    for seed in range(12):
        image, lesion = painted(paint, head, seed)
        assert torch.equal(image[head <= BACKGROUND], head[head <= BACKGROUND])
        inside, total = inside + int((lesion & near).sum()), total + int(lesion.sum())
        labels, _ = ndimage.label(lesion[0].numpy())
        sizes += np.bincount(labels.ravel())[1:].tolist()
    assert total > 200
    assert inside > 0.95 * total
    assert np.median(sizes) < 30 < max(sizes)


def test_of_white_matter_many_lie_around_the_ventricles():
    """In a bright ball with fluid in its middle; `close` is within 14 voxels of the middle."""
    grid = torch.stack(torch.meshgrid(*[torch.arange(64)] * 3, indexing="ij")).float()
    away = (grid - 32).norm(dim=0)
    ball = torch.where(away < 30, 0.5, BACKGROUND)
    ball[away < 6] = -0.8
    noise, close, count = SmoothNoise((64, 64, 64), cells=(2.0, 3.0)), 0, 0
    for seed in range(20):
        _, region = paint_white_matter(ball, noise, torch.Generator().manual_seed(seed))
        close += int((region[away < 14] > 0.3).sum())
        count += int((region > 0.3).sum())
    by_chance = (14**3 - 5**3) / (27**3 - 5**3)
    assert close / count > 1.5 * by_chance


def test_without_white_matter_none_is_painted():
    empty = torch.full((8, 8, 8), BACKGROUND)
    noise = SmoothNoise((8, 8, 8), cells=(2.0,))
    image, region = paint_white_matter(empty, noise, torch.Generator().manual_seed(0))
    assert torch.equal(image, empty)
    assert not region.any()
