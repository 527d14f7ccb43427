"""Plane variants: what tells apart two images at one position, as echoes, phases, time points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydicom.dataset import Dataset
from pydicom.tag import Tag

__all__ = ["VARIANT_TAGS", "Fields", "read_variant"]

Fields = Dataset | Mapping[Any, Any]  # values by keyword (by tag, where private)
# Words for a person, then the DICOM keyword.
_VARIANTS = {
    "image type": "ImageType",
    "frame type": "FrameType",
    "component": "ComplexImageComponent",
    "echo time": "EchoTime",
    "effective echo time": "EffectiveEchoTime",
    "inversion time": "InversionTime",
    "b-value": "DiffusionBValue",
    "time point": "TemporalPositionIdentifier",
    "time point index": "TemporalPositionIndex",
    "trigger time": "TriggerTime",
    "trigger delay": "NominalCardiacTriggerDelayTime",
    "stack": "StackID",
    "acquisition number": "AcquisitionNumber",
}
_VARIANT_GROUPS = (
    "MREchoSequence",
    "MRDiffusionSequence",
    "FrameContentSequence",
    "CardiacSynchronizationSequence",
    "MRImageFrameTypeSequence",
    "CTImageFrameTypeSequence",
    "PETFrameTypeSequence",
)
VARIANT_TAGS = [int(Tag(keyword)) for keyword in _VARIANTS.values()]


def read_variant(groups: Sequence[Fields]) -> tuple[tuple[str, str], ...]:
    """Reads what the header says of a frame: (("echo time", "4.92"), ...).

    Args:
        groups: what describes the frame, nearest first; the last is the file's own dataset.
    """
    items = [i for g in groups for name in _VARIANT_GROUPS for i in (g.get(name) or [])[:1]]
    found = []
    for words, keyword in _VARIANTS.items():
        values = (item.get(keyword) for item in [*items, groups[-1]])
        value = next((v for v in values if v is not None), None)
        if value is not None:
            several = not isinstance(value, str) and isinstance(value, Sequence)
            found.append((words, "\\".join(map(str, value)) if several else str(value)))
    return tuple(found)
