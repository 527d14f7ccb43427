"""What leaves the worker: results of settled UIDs, and reasons that name nobody."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from painted_case import make_series, paint

from monai_anogan.service.privacy import without_patient
from monai_anogan.service.result_uids import settle_uids


@pytest.fixture(scope="module")
def made_twice(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], list[Path], Path]:
    """The results of one painted case, written twice, and its series."""
    folder = tmp_path_factory.mktemp("twice")
    series = make_series("mr axial", folder)
    case = paint(series)
    for name in ("once", "again"):
        case.write(folder / name)
    once, again = (sorted((folder / name).rglob("*.dcm")) for name in ("once", "again"))
    return once, again, series


def uids_in(paths: list[Path]) -> list[list[str]]:
    """Every UID of each file, in its order."""
    found = []
    for path in paths:
        mine: list[str] = []
        pydicom.dcmread(path).walk(
            lambda _, element, mine=mine: (
                mine.append(str(element.value)) if element.VR == "UI" else None
            )
        )
        found.append(mine)
    return found


def test_results_made_twice_have_the_same_uids_and_still_refer_to_one_another(made_twice):
    once, again, series = made_twice
    assert uids_in(once) != uids_in(again)
    pattern = _who_refers_to_whom(once)
    settle_uids(once[0].parent, "a key")
    settle_uids(again[0].parent, "a key")
    assert uids_in(once) == uids_in(again)
    assert _who_refers_to_whom(once) == pattern
    source = {str(pydicom.dcmread(path).SOPInstanceUID) for path in series.iterdir()}
    assert source <= {uid for one in uids_in(once) for uid in one}
    for path in once:
        dataset = pydicom.dcmread(path)
        assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
    settle_uids(again[0].parent, "another key")
    own = [{str(pydicom.dcmread(path).SOPInstanceUID) for path in paths} for paths in (once, again)]
    assert not own[0] & own[1]


def _who_refers_to_whom(paths: list[Path]) -> list[list[int]]:
    """The UIDs by the place where each was first seen: the same for files that differ in names."""
    first: dict[str, int] = {}
    return [[first.setdefault(uid, len(first)) for uid in one] for one in uids_in(paths)]


def test_a_reason_keeps_its_words_and_loses_the_patients(phantom_series, edit_dicom):
    for path in phantom_series.files:
        edit_dicom(
            path,
            PatientName="Musterfrau^Erika",
            PatientID="4711",
            AccessionNumber="A-1",
            SeriesDescription="T1 of Erika M.",
            StudyDate="20250304",
        )
    uid = pydicom.dcmread(phantom_series.files[0]).SeriesInstanceUID
    folder = phantom_series.folder
    reason = (
        f"{folder}/IM0001.dcm of MUSTERFRAU, erika (4711, a-1), series 3 T1 of Erika M. {uid}\n"
        "of 20250304 must be a volume, got slices missing between 47110 and 33.00 mm"
    )
    assert without_patient(reason, folder) == (
        "IM0001.dcm of ..., ... (..., ...), series 3 ... ... "
        "of ... must be a volume, got slices missing between 47110 and 33.00 mm"
    )


def test_a_reason_of_a_series_that_is_gone_is_told_without_its_path(tmp_path):
    assert without_patient(f"{tmp_path / 'x'} is empty", tmp_path / "x") == "the series is empty"
