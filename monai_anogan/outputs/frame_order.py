"""Frame order: which end of the volume a multi-frame object begins at.

A reader that goes by Plane Position (PS3.3 C.7.6.16.2.3) is right with either. Readers that take
frames for slices in the order they come in do not agree with one another, see docs/dicom.md.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from highdicom.pm import ParametricMap
from pydicom.dataset import Dataset

__all__ = ["FrameOrder", "order_frames"]


class FrameOrder(StrEnum):
    """Where the first frame lies along the slice normal, row direction x column direction."""

    descending = "descending"  # at its far end: highdicom's order, drawn right by OHIF
    ascending = "ascending"  # at its near end: read right by dcmqi, and so by QuantitativeReporting


def order_frames(parametric_map: ParametricMap, order: FrameOrder) -> None:
    """Puts the frames of a map with one position a frame into an order, in place."""
    shared = parametric_map.SharedFunctionalGroupsSequence[0]
    orientation = shared.PlaneOrientationSequence[0].ImageOrientationPatient
    normal = np.cross(*np.reshape(orientation, (2, 3)).astype(float))
    items = list(parametric_map.PerFrameFunctionalGroupsSequence)
    heights = [_position(item) @ normal for item in items]
    direction = 1 if order == FrameOrder.ascending else -1
    places = np.argsort(direction * np.array(heights), kind="stable")
    frames = np.frombuffer(parametric_map.FloatPixelData, "<f4").reshape(len(items), -1)
    parametric_map.FloatPixelData = frames[places].tobytes()
    parametric_map.PerFrameFunctionalGroupsSequence = [items[place] for place in places]
    for number, item in enumerate(parametric_map.PerFrameFunctionalGroupsSequence, start=1):
        item.FrameContentSequence[0].DimensionIndexValues = [number]


def _position(item: Dataset) -> np.ndarray:
    return np.array(item.PlanePositionSequence[0].ImagePositionPatient, float)
