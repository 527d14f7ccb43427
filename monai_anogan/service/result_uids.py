"""Result UIDs: the same series and the same model give results of the same UIDs.

So a PACS that gets results twice, after a crash or after the node lost its ledger, keeps one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydicom import config, dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import UID, generate_uid

__all__ = ["settle_uids"]

_DRAWN = {"DimensionOrganizationUID", "TrackingUID"}


def settle_uids(folder: Path, key: str) -> None:
    """Replace the UIDs that were made for results, in the files and in what refers to them.

    Args:
        folder: with the DICOM results of one case, as `write_dicom_results` names them.
        key: what the results follow from.
    """
    with config.disable_value_validation():
        datasets = {path: dcmread(path) for path in sorted(folder.rglob("*.dcm"))}
        uids: dict[str, UID] = {}
        for path, dataset in datasets.items():
            name = path.relative_to(folder).as_posix()
            for number, made in enumerate(_made(dataset)):
                uids.setdefault(made, UID(generate_uid(entropy_srcs=[key, name, str(number)])))
        for path, dataset in datasets.items():
            for _, element in _uid_elements(dataset):
                element.value = uids.get(str(element.value), element.value)
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
            dataset.save_as(path)


def _made(dataset: Dataset) -> Iterator[str]:
    """The UIDs that were drawn for this object: its own, and some of what it says."""
    yield str(dataset.SeriesInstanceUID)
    yield str(dataset.SOPInstanceUID)
    for item, element in _uid_elements(dataset):
        if element.keyword in _DRAWN or _is_tracking(item):
            yield str(element.value)


def _is_tracking(item: Dataset) -> bool:
    """Whether an item of an SR is a tracking UID."""
    names = item.get("ConceptNameCodeSequence")
    return bool(names) and names[0].CodeValue == codes.DCM.TrackingUniqueIdentifier.value


def _uid_elements(dataset: Dataset) -> Iterator[tuple[Dataset, DataElement]]:
    """Every UID below a dataset, with the item that it stands in."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from _uid_elements(item)
        elif element.VR == "UI":
            yield dataset, element
