"""What is asked of every contender: healthy patches to learn from, labelled ones to judge."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from monai_anogan.errors import InputError

__all__ = ["HEALTHY", "Level", "Patches", "Study", "Task"]

HEALTHY = "healthy"


@dataclass(frozen=True)
class Patches:
    """Labelled patches, each cut from an image of a subject; what they show is known voxel-wise."""

    patches: torch.Tensor  # (N, C, *S) float32 in [-1, 1]
    abnormal: NDArray[np.bool_]  # (N,)
    counted: NDArray[np.bool_]  # (N,) False: too little of a lesion to be called either
    image: NDArray[np.int64]  # (N,) which image each was cut from
    subject: NDArray[np.str_]  # (N,)
    kind: NDArray[np.str_]  # (N,) kind of the image: HEALTHY, or what is wrong with it
    truth: torch.Tensor | None = None  # (N, 1, *S) bool, the lesion

    def __len__(self) -> int:
        return len(self.patches)

    def level(self, name: str) -> Level:
        """The set as a statistic sees it: patch by patch, or image by image.

        Args:
            name: `patch` or `image`.
        """
        if name == "patch":
            where = np.flatnonzero(self.counted)
            return Level(self.abnormal[where], self.subject[where], self.kind[where], list(where))
        first = np.unique(self.image, return_index=True)[1]
        members: list[NDArray[np.intp]] = [
            np.flatnonzero(self.image == i) for i in self.image[first]
        ]
        kind = self.kind[first]
        return Level(kind != HEALTHY, self.subject[first], kind, members)


@dataclass(frozen=True)
class Level:
    """The units that are counted, and the patches each is made of."""

    abnormal: NDArray[np.bool_]  # (M,)
    subject: NDArray[np.str_]  # (M,)
    kind: NDArray[np.str_]  # (M,)
    members: list  # (M,) indices of patches

    def scores(self, patch_scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """Scores of the units, (M,): an image is as abnormal as its most abnormal patch."""
        return np.array([np.max(patch_scores[m]) for m in self.members], dtype=np.float64)


@dataclass(frozen=True)
class Task:
    """One question: learn from `train`, choose a threshold on `val`, be judged on `test`."""

    name: str
    train: torch.Tensor  # (N, C, *S) uint8, 0 to 255 for -1 to 1
    val: Patches
    test: Patches

    @property
    def fingerprint(self) -> str:
        """Of all the data, so that no run goes on with other data than it began with."""
        digest = hashlib.sha256()
        for tensor in (self.train, self.val.patches, self.test.patches):
            digest.update(np.ascontiguousarray(tensor.numpy()).tobytes())
        for labels in (self.val.abnormal, self.test.abnormal):
            digest.update(labels.tobytes())
        return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Study:
    """A comparison that can be asked for by name."""

    name: str
    title: str
    about: str  # what the data are, how they were made ready and split
    patch_size: int
    tasks: tuple[str, ...]
    make: Callable[[str], Task] = field(repr=False)
    levels: tuple[str, ...] = ("patch",)
    unit: str = "patch"  # what the first level counts, in words

    def part(self, names: Sequence[str]) -> Study:
        """The study with some of its tasks.

        Raises:
            InputError: One is not known.
        """
        unknown = [name for name in names if name not in self.tasks]
        if unknown or not names:
            raise InputError(
                f"the classes of {self.name} must be of {', '.join(self.tasks)}, got "
                f"{', '.join(unknown) or 'none'}"
            )
        return replace(self, tasks=tuple(names))
