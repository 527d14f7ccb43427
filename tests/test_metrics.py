"""Metrics against truths worked out by hand, and the yardstick against its published figures."""

from __future__ import annotations

import csv
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from monai_anogan.errors import InputError
from monai_anogan.metrics import VoxelPool, case_auroc, darker_than_usual

DATA = Path(__file__).parents[1] / ".." / "shared" / "data"


def pool(*cases: tuple[list[float], list[int]]) -> VoxelPool:
    collected = VoxelPool()
    for scores, truth in cases:
        collected.add(np.array(scores, np.float32), np.array(truth, bool))
    return collected


def test_metrics_equal_those_worked_out_by_hand() -> None:
    # Ranked 9 7 5 3 1 with truth 1 0 1 0 0: 5 of 6 pairs are in order; precision 1 at recall 1/2
    # and 2/3 at recall 1; Dice 2/3, 1/2, 4/5, 2/3, 4/7 as the threshold falls.
    found = pool(([5, 9, 1, 3, 7], [1, 1, 0, 0, 0])).compute()
    assert found.voxel_auroc == pytest.approx(5 / 6)
    assert found.average_precision == pytest.approx((1 + 2 / 3) / 2)
    assert found.best_dice == pytest.approx(4 / 5)
    assert found.best_threshold == 5
    assert (found.voxels, found.abnormal_voxels, found.cases) == (5, 2, 1)


def test_best_threshold_calls_a_voxel_abnormal_at_or_above_it() -> None:
    scores, truth = np.array([0.1, 0.4, 0.35, 0.8], np.float32), np.array([0, 0, 1, 1], bool)
    found = pool((list(scores), list(truth))).compute()
    called = scores >= np.float32(found.best_threshold)
    dice = 2 * (called & truth).sum() / (called.sum() + truth.sum())
    assert dice == pytest.approx(found.best_dice) == pytest.approx(4 / 5)


def test_cases_are_pooled_and_not_averaged() -> None:
    # Each case alone is perfect; together the second one's healthy voxel outranks the first lesion.
    found = pool(([2, 1], [1, 0]), ([9, 8], [1, 0])).compute()
    assert found.voxel_auroc == pytest.approx(3 / 4)
    assert found.cases == 2


def test_ties_count_half_and_cannot_be_split_by_a_threshold() -> None:
    found = pool(([1, 1, 1, 1], [1, 0, 0, 0])).compute()
    assert found.voxel_auroc == pytest.approx(0.5)
    assert found.average_precision == pytest.approx(0.25)
    assert found.best_dice == pytest.approx(2 / 5)


def test_scores_better_than_chance_only_when_higher_is_more_abnormal() -> None:
    generator = np.random.default_rng(0)
    truth = generator.random(20_000) < 0.1
    scores = generator.normal(size=truth.size).astype(np.float32)
    metrics = VoxelPool()
    metrics.add(scores, truth)
    assert metrics.compute().voxel_auroc == pytest.approx(0.5, abs=0.02)
    better = VoxelPool()
    better.add(scores + truth, truth)
    # Two unit normals one apart: the chance that the upper one wins is Phi(1 / sqrt 2) = 0.760.
    assert better.compute().voxel_auroc == pytest.approx(0.760, abs=0.02)


@pytest.mark.parametrize(
    ("scores", "truth", "complaint"),
    [
        ([1.0, 2.0], [True], "one shape"),
        ([], [], "voxels inside its mask"),
        ([np.nan, 1.0], [True, False], "finite"),
    ],
)
def test_a_bad_case_is_refused(scores: list[float], truth: list[bool], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        VoxelPool().add(scores, truth)


@pytest.mark.parametrize("truth", [[0, 0], [1, 1]])
def test_a_pool_of_one_class_is_refused(truth: list[int]) -> None:
    with pytest.raises(InputError, match="abnormal and normal"):
        pool(([1, 2], truth)).compute()


def test_an_empty_pool_is_refused() -> None:
    with pytest.raises(InputError, match="abnormal and normal"):
        VoxelPool().compute()


def test_case_auroc_counts_pairs_in_order_and_ties_half() -> None:
    # Pairs (healthy, abnormal): 1<2 1<3 | 2=2 2<3 -> 3.5 of 4.
    assert case_auroc([1.0, 2.0], [2.0, 3.0]) == pytest.approx(3.5 / 4)
    assert case_auroc([5.0], [1.0]) == 0.0


@pytest.mark.parametrize(("healthy", "abnormal"), [([], [1.0]), ([1.0], []), ([1.0], [np.inf])])
def test_case_auroc_refuses_what_cannot_be_ranked(
    healthy: list[float], abnormal: list[float]
) -> None:
    with pytest.raises(InputError, match="case"):
        case_auroc(healthy, abnormal)


def test_yardstick_is_the_median_of_darkness_inside_the_mask() -> None:
    image = np.full((9, 9, 3), 60.0, np.float32)
    image[0, 0, 0], image[8, 8, 2] = 0.0, 100.0
    image[2:7, 2:7, 1] = 20.0
    found = darker_than_usual(image, np.ones(image.shape), percentiles=(0, 100))
    assert found[4, 4, 1] == pytest.approx(0.8)  # (100 - 20) / 100
    assert found[4, 4, 0] == pytest.approx(0.4)  # the median does not reach across slices
    assert found[0, 0, 0] == pytest.approx(0.4)  # a single dark voxel is noise


def test_yardstick_is_blind_outside_the_mask() -> None:
    generator = np.random.default_rng(1)
    image = generator.random((12, 12, 4)).astype(np.float32)
    mask = np.zeros(image.shape, bool)
    mask[3:9, 3:9] = True
    mask[5, 5] = False  # the median of its neighbours is well above zero
    changed = np.where(mask, image, -1000)
    assert (darker_than_usual(image, mask)[~mask] == 0).all()
    np.testing.assert_array_equal(darker_than_usual(image, mask), darker_than_usual(changed, mask))


def test_yardstick_refuses_what_has_no_contrast_or_no_brain() -> None:
    flat = np.ones((4, 4, 4))
    with pytest.raises(InputError, match="contrast"):
        darker_than_usual(flat, flat)
    with pytest.raises(InputError, match="mask must hold voxels"):
        darker_than_usual(flat, np.zeros_like(flat))
    with pytest.raises(InputError, match="one grid"):
        darker_than_usual(flat, np.ones((4, 4, 5)))


def ras(path: Path) -> np.ndarray:
    if not path.exists():
        pytest.skip(f"{path.name} is not among the shared development data")
    return np.asarray(nib.as_closest_canonical(nib.load(path)).dataobj)


@pytest.mark.parametrize(
    ("kind", "average_precision", "best_dice"), [("infarct", 0.415, 0.597), ("ms", 0.004, 0.012)]
)
def test_yardstick_reproduces_its_published_figures(
    kind: str, average_precision: float, best_dice: float
) -> None:
    listing = DATA / "brain_t1_lesions" / "cases.csv"
    if not listing.exists():
        pytest.skip("the shared development data (brain_t1_lesions) are not here")
    collected = VoxelPool()
    for row in csv.DictReader(listing.open()):
        if row["kind"] == kind:
            mask = ras(DATA / "brain_t1" / "mask" / f"{row['subject']}.nii.gz") > 0
            case = f"{row['case']}.nii.gz"
            scores = darker_than_usual(ras(DATA / "brain_t1_lesions" / "t1" / case), mask)
            collected.add(scores[mask], ras(DATA / "brain_t1_lesions" / "mask" / case)[mask])
    found = collected.compute()
    assert found.cases == 15
    assert found.average_precision == pytest.approx(average_precision, abs=0.003)
    assert found.best_dice == pytest.approx(best_dice, abs=0.003)
