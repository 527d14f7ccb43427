"""One-class studies on small pictures: each class in turn is normal, all others are abnormal.

Fashion-MNIST: Xiao et al. 2017 (arXiv 1708.07747). MNIST: LeCun, Cortes, Burges 1998.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from monai_anogan.compare.idx_images import read_idx
from monai_anogan.compare.task import HEALTHY, Patches, Study, Task
from monai_anogan.errors import InputError
from monai_anogan.transforms import FromUint8

__all__ = ["FASHION_DIR", "fashion_study", "mnist_study"]

FASHION_DIR = Path("/usr/share/datasets/fashion-mnist")  # Debian: dataset-fashion-mnist
FASHION = (
    *("T-shirt", "trouser", "pullover", "dress", "coat"),
    *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
)
DIGITS = tuple(map(str, range(10)))
PADDED = 32  # pixels along an axis; the pictures have 28
HELD_OUT = 200  # normal and as many abnormal pictures, to choose the threshold on
SPLIT_SEED = 0  # of which pictures go where: the same whatever seed a run has


@dataclass(frozen=True)
class Pictures:
    """Pictures with the number of their class."""

    images: NDArray[np.uint8]  # (N, 28, 28)
    labels: NDArray[np.uint8]  # (N,)

    def part(self, where: NDArray[np.intp]) -> Pictures:
        """Some of them."""
        return Pictures(self.images[where], self.labels[where])


def fashion_study(folder: str | Path = FASHION_DIR, *, most_test: int = 2000) -> Study:
    """Fashion-MNIST, its own training and test files.

    Args:
        folder: where the four files of Debian's package are.
        most_test: test pictures that are judged, drawn at random, the same for every contender.

    Raises:
        InputError: A file is missing.
    """
    place = Path(folder)
    _check(place, ("train", "t10k"))
    return Study(
        name="fashion",
        title="Fashion-MNIST, one class",
        about=(
            "Fashion-MNIST (Debian's package dataset-fashion-mnist), 28 x 28 pictures padded to "
            f"{PADDED} x {PADDED}. Each class in turn is normal. Training: its pictures of the "
            f"training file but {HELD_OUT}. Validation: these {HELD_OUT} and {HELD_OUT} of other "
            f"classes from the training file. Test: {most_test} pictures of the test file drawn at "
            "random, a tenth of them normal, the same for every class and every contender."
        ),
        patch_size=PADDED,
        tasks=FASHION,
        make=partial(_task, partial(_both_files, place, most_test), FASHION),
        unit="picture",
    )


def mnist_study(folder: str | Path, *, most_test: int = 2000) -> Study:
    """MNIST's 10,000 test pictures, split by us: 6,000 to learn from, the others to be judged.

    Args:
        folder: where `t10k-images-idx3-ubyte.gz` and its labels are.
        most_test: as for `fashion_study`.

    Raises:
        InputError: A file is missing.
    """
    place = Path(folder)
    _check(place, ("t10k",))
    return Study(
        name="mnist",
        title="MNIST, one class",
        about=(
            "The 10,000 pictures of MNIST's test file, 28 x 28 padded to "
            f"{PADDED} x {PADDED}, split at random: 6,000 to train and validate on, of the other "
            f"4,000 {most_test} to test on. Each digit in turn is normal; about 500 pictures to "
            "learn from, where published results have 6,000."
        ),
        patch_size=PADDED,
        tasks=DIGITS,
        make=partial(_task, partial(_one_file, place, most_test), DIGITS),
        unit="picture",
    )


@cache
def _both_files(folder: Path, most: int) -> tuple[Pictures, Pictures]:
    train, test = _read(folder, "train"), _read(folder, "t10k")
    order = np.random.default_rng(SPLIT_SEED).permutation(len(test.labels))
    return train, test.part(order[:most])


@cache
def _one_file(folder: Path, most: int) -> tuple[Pictures, Pictures]:
    every = _read(folder, "t10k")
    order = np.random.default_rng(SPLIT_SEED).permutation(len(every.labels))
    split = len(order) * 6 // 10
    return every.part(order[:split]), every.part(order[split : split + most])


def _check(folder: Path, names: tuple[str, ...]) -> None:
    """Refuse a folder without the files of the parts named."""
    for name in names:
        for path in _files(folder, name):
            if not path.is_file():
                raise InputError(
                    f"the pictures must be there, {path} is not; install Debian's "
                    "dataset-fashion-mnist, or name the folder with --data"
                )


def _files(folder: Path, name: str) -> tuple[Path, Path]:
    """The pictures and the labels of a part."""
    return (
        folder / f"{name}-images-idx3-ubyte.gz",
        folder / f"{name}-labels-idx1-ubyte.gz",
    )


def _read(folder: Path, name: str) -> Pictures:
    images, labels = map(read_idx, _files(folder, name))
    return Pictures(images, labels)


def _task(read: partial, classes: tuple[str, ...], name: str) -> Task:
    learn, test = read()
    normal, rng = classes.index(name), np.random.default_rng(SPLIT_SEED)
    own, others = (
        rng.permutation(np.flatnonzero(is_own))
        for is_own in (learn.labels == normal, learn.labels != normal)
    )
    held_out = min(HELD_OUT, len(own) // 5)
    val = np.concatenate([own[:held_out], others[:held_out]])
    return Task(
        name=name,
        train=_padded(learn.images[own[held_out:]]),
        val=_labelled(learn.part(val), normal, classes),
        test=_labelled(test, normal, classes),
    )


def _labelled(pictures: Pictures, normal: int, classes: tuple[str, ...]) -> Patches:
    abnormal, count = pictures.labels != normal, len(pictures.labels)
    names = np.array([f"picture {i}" for i in range(count)])
    return Patches(
        patches=FromUint8()(_padded(pictures.images)),
        abnormal=abnormal,
        counted=np.ones(count, dtype=bool),
        image=np.arange(count),
        subject=names,
        kind=np.where(abnormal, np.array(classes)[pictures.labels], HEALTHY),
    )


def _padded(images: NDArray[np.uint8]) -> torch.Tensor:
    """(N, 28, 28) to (N, 1, PADDED, PADDED) uint8, black around."""
    around = (PADDED - images.shape[1]) // 2
    return torch.from_numpy(np.pad(images, ((0, 0), (around, around), (around, around))))[:, None]
