"""De-identification: DICOM results without what tells who the patient is.

The Basic Application Level Confidentiality Profile (PS3.15 Annex E) for the objects that this
package writes. Descriptions of series are its own words, and stay.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path

from highdicom.sr import CodedConcept
from pydicom import config, dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import UID, generate_uid

from monai_anogan.outputs.identifying import IDENTIFYING

__all__ = ["deidentify"]

# Elements of these value representations say who or when; of the others, those of IDENTIFYING.
_WHO_AND_WHEN = {"PN", "DA", "TM", "DT"}
_PRESENT = {  # what must be there, if empty (type 2), in the patient and study modules
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
    "ContentCreatorName",
}
_DUMMIES = {"ContentDate": "20000101", "ContentTime": "000000"}  # must have a value (type 1)
_NOT_OF_INSTANCES = {"CodingSchemeUID", "ContextUID"}
_STANDARD = "1.2.840.10008."  # UIDs of DICOM itself, such as SOP classes (PS3.6 annex A)


def deidentify(paths: Iterable[Path]) -> None:
    """Rewrites DICOM files in place.

    UIDs are replaced by new ones, the same for the same within a call: the results go on referring
    to one another and to one study, but no longer to the source's.

    Args:
        paths: files written by this package.
    """
    salt = secrets.token_hex(16)  # so that nobody finds the old UIDs by trying
    for path in paths:
        with config.disable_value_validation():
            dataset = dcmread(path)
            _clean(dataset, salt)
            dataset.PatientIdentityRemoved = "YES"
            dataset.DeidentificationMethod = "PS3.15 Basic Profile, descriptors cleaned"
            dataset.DeidentificationMethodCodeSequence = [
                CodedConcept.from_code(codes.DCM.BasicApplicationConfidentialityProfile),
                CodedConcept.from_code(codes.DCM.CleanDescriptorsOption),
            ]
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
            dataset.save_as(path)


def _is_of_an_instance(element: DataElement) -> bool:
    known = str(element.value).startswith(_STANDARD)
    return not known and element.keyword not in _NOT_OF_INSTANCES


def _clean(dataset: Dataset, salt: str) -> None:
    dataset.remove_private_tags()
    for element in list(dataset):
        keyword = element.keyword
        if keyword in _DUMMIES:
            element.value = _DUMMIES[keyword]
        elif keyword in _PRESENT:
            element.value = None
        elif element.VR in _WHO_AND_WHEN or keyword in IDENTIFYING:
            del dataset[element.tag]
        elif element.VR == "UI" and _is_of_an_instance(element):
            element.value = UID(generate_uid(entropy_srcs=[salt, str(element.value)]))
        elif element.VR == "SQ":
            for item in element.value:
                _clean(item, salt)
