"""A PACS takes our results by DICOMweb and by C-STORE, finds them and gives them back unchanged."""

from __future__ import annotations

import socket
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from external_tools import missing
from orthanc_server import AET, Orthanc, running_orthanc
from painted_case import make_series, paint
from pydicom.uid import ExplicitVRLittleEndian

OBJECTS = {  # what a QIDO-RS search of the study must list, by SOP class
    "1.2.840.10008.5.1.4.1.1.30": "OT",
    "1.2.840.10008.5.1.4.1.1.66.4": "SEG",
    "1.2.840.10008.5.1.4.1.1.88.34": "SR",
    "1.2.840.10008.5.1.4.1.1.7": "OT",
}


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with running_orthanc(tmp_path_factory.mktemp("orthanc")) as server:
        yield server


@pytest.fixture(scope="module", params=["mr axial", "ct sagittal", "mr enhanced"])
def results(request, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Every DICOM file of a case, as `detect` writes it."""
    folder = tmp_path_factory.mktemp("case")
    paint(make_series(request.param, folder)).write(folder / "out")
    return sorted((folder / "out").rglob("*.dcm"))


def client_of(server: Orthanc):
    try:
        from dicomweb_client.api import DICOMwebClient
        from dicomweb_client.session_utils import create_session_from_user_pass
    except ImportError:
        missing("dicomweb-client is not installed (PyPI: dicomweb-client)")
    session = create_session_from_user_pass(AET, server.password)
    session.trust_env = False
    return DICOMwebClient(server.dicomweb, session=session)


def send(server: Orthanc, files: list[Path]) -> list[int]:
    """The statuses that a C-STORE of each file ends with (PS3.7 9.1.1.1.9); 0 is success."""
    try:
        from pynetdicom import AE
    except ImportError:
        missing("pynetdicom is not installed (PyPI: pynetdicom)")
    sender = AE(ae_title=AET)
    datasets = [pydicom.dcmread(path) for path in files]
    for sop_class in sorted({dataset.SOPClassUID for dataset in datasets}):
        sender.add_requested_context(sop_class, ExplicitVRLittleEndian)
    association = sender.associate("127.0.0.1", server.dicom_port, ae_title=AET)
    assert association.is_established
    try:
        return [association.send_c_store(dataset).Status for dataset in datasets]
    finally:
        association.release()


def check_found_and_given_back(server: Orthanc, files: list[Path]) -> None:
    client = client_of(server)
    sent = {dataset.SOPInstanceUID: dataset for dataset in map(pydicom.dcmread, files)}
    study = next(iter(sent.values())).StudyInstanceUID
    found = client.search_for_instances(study, fields=["SOPClassUID", "Modality"])
    listed = {
        item["00080018"]["Value"][0]: (item["00080016"]["Value"][0], item["00080060"]["Value"][0])
        for item in found
    }
    assert listed == {uid: (d.SOPClassUID, d.Modality) for uid, d in sent.items()}
    assert dict(listed.values()) == OBJECTS
    for uid, dataset in sent.items():
        assert client.retrieve_instance(study, dataset.SeriesInstanceUID, uid) == dataset
    assert len(client.search_for_studies()) == 1


def test_stored_by_stow_found_by_qido_given_back_unchanged(orthanc, results):
    orthanc.forget_everything()  # what is found next was stored next
    answer = client_of(orthanc).store_instances([pydicom.dcmread(path) for path in results])
    assert not answer.get("FailedSOPSequence")
    assert len(answer.ReferencedSOPSequence) == len(results)
    check_found_and_given_back(orthanc, results)


def test_stored_by_c_store_found_by_qido_given_back_unchanged(orthanc, results):
    orthanc.forget_everything()  # what is found next was stored next
    assert send(orthanc, results) == [0] * len(results)
    check_found_and_given_back(orthanc, results)


def test_the_server_of_the_tests_answers_this_machine_alone(orthanc):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: asks which address would be used
        except OSError:
            pytest.skip("this machine has no address but loopback")
        address = probe.getsockname()[0]
    if address.startswith("127."):
        pytest.skip("this machine has no address but loopback")
    elsewhere = orthanc.url.replace("127.0.0.1", address)
    with pytest.raises(urllib.error.HTTPError) as refused:
        orthanc.get("/system", url=elsewhere)
    assert refused.value.code in (401, 403)
