"""The whole node, as a process between real senders and a real PACS."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pydicom
import pytest
from free_ports import free_port
from node_process import Node, found_at, send, small_head, to_pacs, wait_for
from orthanc_server import AET, Orthanc, running_orthanc
from pydicom.uid import generate_uid
from pynetdicom import AE
from test_orthanc import client_of

from monai_anogan.service.check import check
from monai_anogan.service.settings_file import load_settings

# Identifiers of digits alone would be found in a port or a process number.
PATIENT = {
    "PatientName": "Musterfrau^Erika",
    "PatientID": "PID-4711XK",
    "AccessionNumber": "ACC-0815QW",
    "ReferringPhysicianName": "Quacksalber^Otto",
    "PatientBirthDate": "19640812",
}
TELLING = ("musterfrau", "erika", "4711xk", "0815qw", "quacksalber", "19640812")


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with running_orthanc(tmp_path_factory.mktemp("orthanc")) as server:
        yield server


@pytest.fixture
def pacs(orthanc: Orthanc) -> Orthanc:
    orthanc.forget_everything()
    return orthanc


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """A node that gives its results to a folder; not started."""
    made = Node(tmp_path, {})
    made.settings = {
        "work": {"mode": "encoder"},
        "quiet_s": 1,
        "send": [{"kind": "folder", "name": "share", "path": str(tmp_path / "share")}],
    }
    yield made
    if made.process is not None:
        made.kill()


@pytest.mark.slow
def test_a_watched_dicomweb_server_gets_the_results_of_its_new_series(
    node, pacs, template, tmp_path
):
    today = time.strftime("%Y%m%d")
    files = small_head(template, tmp_path / "in", "watched", StudyDate=today, **PATIENT)
    client_of(pacs).store_instances([pydicom.dcmread(path) for path in files[:20]])
    password = tmp_path / "password"
    password.write_text(pacs.password)
    server = {"url": pacs.dicomweb, "user": AET, "password_file": str(password)}
    node.settings |= {
        "watch": [{"name": "archive", "every_s": 0.5, **server}],
        "send": [{"kind": "stow", "name": "web", **server}],
        "quiet_s": 6,
        "rules": [{"modality": "MR", "description": "^t1", "body_part": "brain"}],
    }
    node.start()
    wait_for(lambda: node.ask("SELECT * FROM fetched"), why="the first slices to be fetched")
    client_of(pacs).store_instances([pydicom.dcmread(path) for path in files[20:]])
    wait_for(lambda: node.series("done") == 1, why="the results to be sent")
    (counts,) = found_at(pacs).values()
    assert counts == {
        ("MR", "1"): len(files),
        ("OT", "9100"): 1,
        ("OT", "9101"): len(files),
        ("SEG", "9102"): 1,
        ("SR", "9103"): 1,
    }
    assert "patient" not in node.log.lower()
    assert node.health()["status"] == "ok"
    assert node.end(signal.SIGTERM) == 0
    _names_nobody(node)


def _names_nobody(node: Node) -> None:
    told = (node.log + node.command("--status").stdout).lower()
    assert not [word for word in TELLING if word in told]
    assert not re.search(r"\d+(\.\d+){5,}", told), "a UID is told"


@pytest.mark.slow
def test_failures_late_slices_and_lost_workers_in_one_life(node, template, tmp_path):
    """Three series in one run of the node, for each start of it takes seconds."""
    node.settings["quiet_s"] = 4
    node.settings["work"] |= {"retry": {"attempts": 3, "first_s": 0.1}}
    node.settings["send"].append({**_nobody(), "name": "absent"})
    node.settings["resend"] = {"attempts": 2, "first_s": 0.1}
    share = tmp_path / "share"
    head = small_head(template, tmp_path / "head", "head", **PATIENT)
    holed = small_head(template, tmp_path / "holed", "holed", **PATIENT)
    head_uid = str(pydicom.dcmread(head[0]).SeriesInstanceUID)
    node.start()
    wait_for(lambda: node.health()["status"] == "ok", why="the model to be loaded")

    # A series with a missing slice is set aside with its reason, and taken up when it is whole.
    send(node.port, [path for path in holed if path != holed[20]])
    wait_for(lambda: node.series("set aside") == 1, why="the holed series to be set aside")
    (told,) = node.health()["set_aside"]
    assert "slices missing between" in told["reason"]
    send(node.port, [holed[20]])
    wait_for(lambda: _past_work(node) == 1, why="the whole series to be worked on")

    # A worker that is killed at work is replaced, and the series tried again.
    send(node.port, head)
    wait_for(lambda: node.series("working") == 1, why="the work to begin")
    (worker,) = _workers(node)
    worker.kill()
    wait_for(lambda: _past_work(node) == 2, why="the second attempt")
    assert "the worker ended with signal 9; again in" in node.log
    assert _workers(node) != [worker]

    # A destination that is not there is given up, with its reason, and the others have theirs.
    wait_for(lambda: node.series("done") == 2, why="the absent destination to be given up")
    reasons = {one.get("destination"): one["reason"] for one in node.health()["set_aside"]}
    assert reasons == {"absent": "absent must accept an association, got no answer"}

    # The same series once more changes nothing, neither now nor when another is worked on.
    before = {path: path.stat().st_mtime_ns for path in share.rglob("*")}
    assert send(node.port, head) == [0] * len(head)
    assert node.series("done") == 2

    # A slice that comes after the work: the series is worked on again, the first results stay.
    extra = pydicom.dcmread(head[-1])
    step = float(extra.SliceThickness)
    extra.ImagePositionPatient[2] += step
    extra.SOPInstanceUID = extra.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    extra.InstanceNumber += 1
    send(node.port, [extra])
    wait_for((share / f"{head_uid}-2").exists, why="the second revision")
    assert before.items() <= {p: p.stat().st_mtime_ns for p in share.rglob("*")}.items()
    first, second = (
        pydicom.dcmread(share / name / "findings.sr.dcm") for name in (head_uid, f"{head_uid}-2")
    )
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert _referred(second) == _referred(first) | {extra.SOPInstanceUID}

    metrics = node.page("/metrics").decode()
    assert f'anogan_objects_total{{verdict="known"}} {len(head)}.0' in metrics
    assert "anogan_late_total 2.0" in metrics  # of the holed series, and the extra slice
    assert "anogan_work_failures_total 2.0" in metrics

    # An interrupted job is given up at once, and taken up by the next start.
    other = small_head(template, tmp_path / "other", "other", **PATIENT)
    send(node.port, other)
    wait_for(lambda: node.series("working") == 1, why="the last work to begin")
    assert node.end(signal.SIGTERM) == 0
    assert node.series("waiting") == 1
    assert node.ask("SELECT attempts FROM series WHERE state = 'waiting'") == [(0,)]
    _names_nobody(node)

    # What was set aside can be tried again by hand.
    assert node.command("--retry", "1").returncode == 0
    assert node.command("--retry", "77").returncode == 1
    assert node.ask("SELECT state, attempts FROM delivery WHERE series = 1 AND state = 'waiting'")


def _nobody() -> dict:
    where = {"kind": "c-store", "ae_title": "NOBODY", "host": "127.0.0.1", "port": free_port()}
    return {**where, "timeout_s": 5}


def _past_work(node: Node) -> int:
    return node.series("delivering") + node.series("done")


def _workers(node: Node) -> list[psutil.Process]:
    assert node.process is not None
    children = psutil.Process(node.process.pid).children()
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def _referred(report: pydicom.Dataset) -> set[str]:
    """The images that a report says it is of."""
    return {
        item.ReferencedSOPInstanceUID
        for study in report.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
        if item.ReferencedSOPClassUID == "1.2.840.10008.5.1.4.1.1.4"
    }


def test_check_says_line_by_line_what_would_not_work(node, pacs, tmp_path):
    taken = AE(ae_title="TAKEN")
    taken.add_supported_context("1.2.840.10008.1.1")
    server = taken.start_server(("127.0.0.1", node.port), block=False)
    node.settings["send"] += [to_pacs(pacs), {**_nobody(), "name": "absent"}]
    node.settings["send"].append({"kind": "stow", "name": "web", "url": pacs.dicomweb})
    done = node.command("--check")
    server.shutdown()
    assert done.returncode == 1
    assert done.stderr == "error: 3 of the settings would not work\n"
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith("NO")] == [
        f"NO  receiver ANOGAN can have 127.0.0.1:{node.port}: Address already in use",
        f"NO  absent answers C-ECHO as NOBODY at 127.0.0.1:{node.settings['send'][2]['port']}: "
        "absent must accept an association, got no answer",
        f"NO  web answers QIDO-RS at {pacs.dicomweb}: HTTP 401",
    ]
    assert f"ok  pacs answers C-ECHO as {AET} at 127.0.0.1:{pacs.dicom_port}" in lines
    assert lines[-1] == "ok  the model can be loaded"
    assert not (tmp_path / "node").exists()
    node.settings["send"] = node.settings["send"][:2]
    node.write()
    assert {problem for _, problem in check(load_settings(node.config))} == {""}
