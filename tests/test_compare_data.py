"""The data of a comparison: who is normal, what is counted, and from where it is cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from small_brains import write_brains
from small_pictures import write_idx, write_pictures

from monai_anogan.compare import BrainData, Patches, brain_study, fashion_study, mnist_study
from monai_anogan.compare.brain_patches import LESION, PATCH
from monai_anogan.compare.idx_images import read_idx
from monai_anogan.compare.pictured import pictured
from monai_anogan.errors import InputError


def test_idx_file_comes_back(tmp_path: Path) -> None:
    values = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    write_idx(tmp_path / "x.gz", values)
    np.testing.assert_array_equal(read_idx(tmp_path / "x.gz"), values)


def test_cut_or_foreign_idx_file_is_refused(tmp_path: Path) -> None:
    write_idx(tmp_path / "x.gz", np.zeros((2, 3), np.uint8))
    whole = (tmp_path / "x.gz").read_bytes()
    for content in (whole[:-9], b"no gzip"):
        (tmp_path / "y.gz").write_bytes(content)
        with pytest.raises(InputError, match="must be a"):
            read_idx(tmp_path / "y.gz")
    with pytest.raises(InputError, match="is not"):
        read_idx(tmp_path / "z.gz")


def test_one_class_is_normal_and_is_learned_alone(tmp_path: Path) -> None:
    study = fashion_study(write_pictures(tmp_path / "f"), most_test=100)
    task = study.make("dress")
    bar = slice(2 + 4 + 2 * 3, 2 + 6 + 2 * 3)  # of class 3, two more pixels of margin
    assert task.train.shape == (24, 1, 32, 32)  # 30 but a fifth held out
    assert (task.train[:, 0, bar, 6:26] >= 180).all()
    assert (task.train[:, 0, :2] == 0).all()
    for part in (task.val, task.test):
        own = (part.patches[:, 0, bar, 6:26] > 0.3).flatten(1).all(1).numpy()
        np.testing.assert_array_equal(own, ~part.abnormal)
    assert (len(task.val), len(task.test)) == (12, 100)
    assert len({task.fingerprint, study.make("bag").fingerprint}) == 2


def test_mnist_is_split_without_a_picture_on_both_sides(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "m", test=200)
    task = mnist_study(folder, most_test=80).make("3")
    sides = [
        {p.numpy().tobytes() for p in patches}
        for patches in (task.train.float() / 127.5 - 1, task.val.patches, task.test.patches)
    ]
    assert not sides[0] & sides[1] | sides[0] & sides[2] | sides[1] & sides[2]


def test_an_image_is_as_abnormal_as_its_most_abnormal_patch() -> None:
    patches = Patches(
        patches=torch.zeros(4, 1, 8, 8),
        abnormal=np.array([False, True, False, False]),
        counted=np.array([False, True, True, True]),
        image=np.array([0, 0, 1, 1]),
        subject=np.array(["a", "a", "a", "b"]),
        kind=np.array(["ms", "ms", "healthy", "healthy"]),
    )
    scores = np.array([0.9, 0.2, 0.4, 0.3])
    by_patch, by_image = patches.level("patch"), patches.level("image")
    assert by_patch.scores(scores).tolist() == [0.2, 0.4, 0.3]
    assert by_patch.abnormal.tolist() == [True, False, False]
    assert by_image.scores(scores).tolist() == [0.9, 0.4]
    assert by_image.abnormal.tolist() == [True, False]


@pytest.fixture(scope="module")
def brains(tmp_path_factory: pytest.TempPathFactory) -> BrainData:
    return write_brains(tmp_path_factory.mktemp("brains"))


def test_patches_with_enough_lesion_are_abnormal_and_those_of_the_same_place_normal(
    brains: BrainData,
) -> None:
    test = brain_study(brains).make("brain").test
    assert test.truth is not None
    size = test.truth.flatten(1).sum(1).numpy()
    np.testing.assert_array_equal(test.abnormal, size >= LESION)
    np.testing.assert_array_equal(test.counted, (test.kind == "healthy") | (size >= LESION))
    assert set(test.kind) == {"infarct", "healthy"}
    assert size.max() == 105  # both spots
    ill, well = test.patches[test.kind == "infarct"], test.patches[test.kind == "healthy"]
    assert ill.shape == well.shape == (len(ill), 1, PATCH, PATCH)
    marked = test.truth[test.kind == "infarct"]
    grey = [p[m].mean() - q[m].mean() for p, q, m in zip(ill, well, marked, strict=True) if m.any()]
    assert max(grey) < -0.5  # the lesion is darker than the same place of the same subject
    same = [(p - q)[~m].abs().mean() for p, q, m in zip(ill, well, marked, strict=True)]
    assert max(same) < 0.1


def test_validation_lesions_are_painted_and_marked(brains: BrainData) -> None:
    task = brain_study(brains).make("brain")
    assert set(task.val.kind) == {"painted", "healthy"}
    assert set(task.val.subject) == {"s4"}
    assert task.train.shape == (10, 1, PATCH, PATCH)
    assert task.fingerprint == brain_study(brains).make("brain").fingerprint


def test_pictured_patches_are_of_every_kind(brains: BrainData) -> None:
    test = brain_study(brains).make("brain").test
    kinds = [str(test.kind[index]) for index in pictured(test)]
    assert kinds[0] == "healthy"
    assert "infarct" in kinds
