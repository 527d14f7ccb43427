"""Source images: the series a result is made from, as highdicom wants to be given it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
from numpy.typing import NDArray
from pydicom import config
from pydicom.dataset import Dataset

from monai_anogan.io import SliceStack, load_stack
from monai_anogan.outputs.source_header import read_source_header

__all__ = ["SourceImages", "carrying_over", "read_source_images"]


@dataclass(frozen=True)
class SourceImages:
    """A source series without its pixels, and in which order its slices become frames."""

    stack: SliceStack
    images: list[Dataset]  # headers: every classic slice, or one enhanced multi-frame
    further_images: list[Dataset] | None  # more enhanced files of the same volume
    plane_positions: list[hd.PlanePositionSequence] | None  # None: those of `images`, in order
    order: tuple[int, ...]  # the slice of each frame

    @property
    def all_images(self) -> list[Dataset]:
        """Every file of the series."""
        return [*self.images, *(self.further_images or [])]

    def frames(self, volume: NDArray[Any]) -> NDArray[Any]:
        """A volume (I, J, K) cut into frames (frames, rows, columns)."""
        return np.ascontiguousarray(volume.transpose(2, 1, 0)[list(self.order)])

    def image_of(self, k: int) -> tuple[Dataset, int | None]:
        """The header that slice k comes from, and in an enhanced file its frame, counted from 1."""
        plane = self.stack.planes[k]
        paths = list(dict.fromkeys(plane.path for plane in self.stack.planes))
        header = self.all_images[paths.index(plane.path)]
        return header, plane.frame + 1 if is_enhanced(header) else None


def read_source_images(
    dicom_files: Sequence[str | os.PathLike[str]], dicom_frames: Sequence[int] | None = None
) -> SourceImages:
    """Reads the headers of a source series again.

    Args:
        dicom_files: all slices of the series, or its enhanced multi-frame file(s).
        dicom_frames: which of the files' frames are its slices, see `load_stack`.

    Raises:
        InputError: the files can no longer be read as the volume they were.
    """
    stack = load_stack([Path(file) for file in dicom_files], dicom_frames)
    paths = list(dict.fromkeys(plane.path for plane in stack.planes))
    headers = [read_source_header(path, stack.spacing[2]) for path in paths]
    slices = tuple(range(len(stack.planes)))
    if not is_enhanced(headers[0]):
        for header in headers:  # equal up to rounding, and highdicom wants them equal
            header.ImageOrientationPatient = headers[0].ImageOrientationPatient
        return SourceImages(stack, headers, None, None, slices)
    order = [plane.frame for plane in stack.planes]
    if len(headers) == 1 and sorted(order) == list(range(headers[0].NumberOfFrames)):
        # An enhanced file may keep its frames in any order.
        return SourceImages(stack, headers, None, None, tuple(np.argsort(order).tolist()))
    # highdicom takes all frames of one enhanced file: here they refer to slices by place alone.
    positions = [hd.PlanePositionSequence("PATIENT", plane.position) for plane in stack.planes]
    return SourceImages(stack, headers[:1], headers[1:] or None, positions, slices)


def is_enhanced(header: Dataset) -> bool:
    """Whether an image keeps its slices as the frames of one file."""
    return "PerFrameFunctionalGroupsSequence" in header


@contextmanager
def carrying_over() -> Iterator[None]:
    """Lets values of the source be carried into results as they are, if not as DICOM wants them.

    Decimals may be longer than it allows, and names of patients may not look like names.
    """
    with config.disable_value_validation(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The string .* is unlikely to represent")
        yield
