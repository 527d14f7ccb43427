"""Privacy: a reason of failure without anything that the scan's headers say of the patient."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pydicom import config, dcmread
from pydicom.dataset import Dataset

from monai_anogan.io import DICOM_ERRORS

__all__ = ["without_patient"]

_WHO = {"PN", "LO", "SH", "LT", "ST", "UT", "DA", "DT", "AS"}  # of names, identifiers, words, dates
_UID = re.compile(r"\d+(?:\.\d+){4,}")
_SHORTEST = 3  # of characters; a shorter value would tear ordinary words apart
_LONGEST = 300


def without_patient(reason: str, scan: Path) -> str:
    """A reason as one line in which every text and date of the first slice's header is "...".

    Args:
        reason: what went wrong.
        scan: the folder of the series.
    """
    text = " ".join(reason.split()).replace(f"{scan}/", "").replace(str(scan), "the series")
    for value in sorted(_values(scan), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "...", text, flags=re.IGNORECASE)
    return _UID.sub("...", text)[:_LONGEST]


def _values(scan: Path) -> set[str]:
    try:
        with config.disable_value_validation():
            first = dcmread(next(scan.iterdir()), stop_before_pixels=True, force=True)
            return {
                word
                for value in _texts(first)
                for word in (value, *re.split(r"[\^=,]+", value))
                if len(word.strip()) >= _SHORTEST
            }
    except (StopIteration, *DICOM_ERRORS):  # nothing to read, so nothing was told of it
        return set()


def _texts(dataset: Dataset) -> Iterator[str]:
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from _texts(item)
        elif element.VR in _WHO and element.value:
            several = element.value if element.VM > 1 else [element.value]
            yield from (str(value) for value in several)
