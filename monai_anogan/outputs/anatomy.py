"""Anatomy: the region a result shows, as its source states it."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

__all__ = ["region_of"]

# Body Part Examined (PS3.16 annex L) as scanners write it, to the code of the Anatomic Region.
_BODY_PARTS = {
    "ABDOMEN": codes.SCT.Abdomen,
    "BRAIN": codes.SCT.Brain,
    "BREAST": codes.SCT.Breast,
    "CHEST": codes.SCT.Chest,
    "HEAD": codes.SCT.Head,
    "HEART": codes.SCT.Heart,
    "KNEE": codes.SCT.Knee,
    "LIVER": codes.SCT.Liver,
    "NECK": codes.SCT.Neck,
    "PELVIS": codes.SCT.Pelvis,
    "SPINE": codes.SCT.Spine,
    "THORAX": codes.SCT.Chest,
}
_SOME_PART = Code("123037004", "SCT", "Body structure")  # true of any scan, and says no more


def region_of(header: Dataset) -> Code:
    """The Anatomic Region of a source image, or of Body Part Examined what can be coded.

    Some readers refuse a map that states none, so there always is one.
    """
    for item in header.get("AnatomicRegionSequence") or []:
        value, scheme, meaning = (
            str(item.get(name, ""))
            for name in ("CodeValue", "CodingSchemeDesignator", "CodeMeaning")
        )
        if value and scheme and meaning:
            return Code(value, scheme, meaning)
    part = str(header.get("BodyPartExamined") or "").strip().upper()
    return _BODY_PARTS.get(part, _SOME_PART)
