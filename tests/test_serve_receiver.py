"""The node's door: who may come in, what is kept and never lost, and what is refused."""

from __future__ import annotations

import os
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pydicom
import pytest
from external_tools import missing, tool
from free_ports import free_port
from node_process import CALLER, TITLE, send, wait_for
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, JPEGLSLossless, generate_uid
from pynetdicom import AE
from pynetdicom.sop_class import MRImageStorage, SecondaryCaptureImageStorage, Verification

from monai_anogan.errors import InputError
from monai_anogan.service.database import Database
from monai_anogan.service.intake import Intake
from monai_anogan.service.ledger import Ledger
from monai_anogan.service.receiver import Receiver
from monai_anogan.service.rules import Rule
from monai_anogan.service.settings import Peer, Receive
from monai_anogan.service.spool import Spool
from monai_anogan.service.tally import Tally
from monai_anogan.service.tls import Tls

OBJECT_MB = 1


@dataclass
class Door:
    """A receiver with what stands behind it."""

    receiver: Receiver
    intake: Intake
    database: Database

    @property
    def port(self) -> int:
        return self.receiver.settings.port

    def kept(self) -> set[str]:
        """SOP instance UIDs in the ledger; each must be whole on the disk."""
        rows = self.database.rows("SELECT series, sop_uid FROM instance")
        on_disk = {
            str(pydicom.dcmread(path).SOPInstanceUID)
            for series in {row["series"] for row in rows}
            for path in self.intake.spool.scan(series).iterdir()
        }
        noted = {row["sop_uid"] for row in rows}
        assert noted == on_disk
        assert not list((self.intake.spool.folder / "incoming").iterdir())
        return noted

    def still_serves(self, files: list[Path]) -> None:
        """Takes a series as if nothing had been."""
        assert send(self.port, files) == [0] * len(files)
        assert self.kept() >= {pydicom.dcmread(path).SOPInstanceUID for path in files}


def open_door(folder: Path, **how) -> Door:
    tally = Tally()
    rules = how.pop("rules", (Rule(modality="MR", description="phantom"),))
    spool = Spool(folder, reserve=how.pop("reserve", 0))
    database = Database(folder / "ledger")
    intake = Intake(Ledger(database), spool, rules, tally)
    how = {
        "peers": (Peer(ae_title=CALLER, addresses=("127.0.0.1",)),),
        "port": free_port(),
        "object_mb": OBJECT_MB,
        "timeout_s": 5,
        **how,
    }
    door = Door(Receiver(Receive(**how), intake, tally), intake, database)
    door.receiver.start()
    return door


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    door = open_door(tmp_path / "node")
    yield door
    door.receiver.stop()
    door.database.close()


def test_a_slice_answered_with_success_is_whole_on_the_disk(door, phantom_series):
    assert send(door.port, phantom_series.files) == [0] * 12
    assert door.kept() == {pydicom.dcmread(path).SOPInstanceUID for path in phantom_series.files}
    kept = door.intake.spool.scan(1).iterdir()
    stored = {d.SOPInstanceUID: d.PixelData for d in map(pydicom.dcmread, kept)}
    for path in phantom_series.files:
        sent = pydicom.dcmread(path)
        assert stored[sent.SOPInstanceUID] == sent.PixelData


def test_the_same_slices_again_are_taken_and_kept_once(door, phantom_series):
    send(door.port, phantom_series.files)
    before = {path: path.stat().st_mtime_ns for path in door.intake.spool.scan(1).iterdir()}
    assert send(door.port, phantom_series.files) == [0] * 12
    assert {path: path.stat().st_mtime_ns for path in door.intake.spool.scan(1).iterdir()} == before
    assert door.intake.tally.of("objects") == {"kept": 12, "known": 12}


def test_two_senders_of_one_series_at_once_give_one_series(door, phantom_series):
    orders = [phantom_series.files, phantom_series.files[::-1]]
    answers: list[list[int | None]] = []
    threads = [
        threading.Thread(target=lambda files=files: answers.append(send(door.port, files)))
        for files in orders
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [[0] * 12] * 2
    assert len(door.kept()) == 12
    assert len(door.database.rows("SELECT id FROM series")) == 1


@pytest.mark.parametrize(("title", "called"), [("STRANGER", TITLE), (CALLER, "OTHER")])
def test_unknown_titles_are_rejected(door, phantom_series, title, called):
    with pytest.raises(ConnectionError, match="rejected"):
        send(door.port, phantom_series.files, title=title, called=called)
    assert not door.kept()
    door.still_serves(phantom_series.files)


def test_a_known_title_from_another_peers_address_is_rejected(tmp_path, phantom_series):
    peers = (
        Peer(ae_title=CALLER, addresses=("127.0.0.9",)),
        Peer(ae_title="LOCAL", addresses=("127.0.0.1",)),
    )
    door = open_door(tmp_path / "node", peers=peers)
    with pytest.raises(ConnectionError, match="rejected"):
        send(door.port, phantom_series.files)
    assert send(door.port, phantom_series.files, title="LOCAL") == [0] * 12
    door.receiver.stop()


def test_a_connection_from_an_unknown_address_is_closed_unread(tmp_path, phantom_series):
    peers = (Peer(ae_title=CALLER, addresses=("127.0.0.9",)),)
    door = open_door(tmp_path / "node", peers=peers)
    with pytest.raises(ConnectionError, match="aborted"):
        send(door.port, phantom_series.files)
    assert door.intake.tally.of("associations_refused") == {"address": 1}
    door.receiver.stop()


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x01\x00\x00\x00\x00\x08\xff\xff\xff\xff\xff\xff\xff\xff",  # a malformed A-ASSOCIATE-RQ
        b"\x01\x00\xff\xff\xff\xff",  # one of 4 GiB, never sent
        b"\x04\x00\x00\x00\x00\x04\x00\x00\x00\x00",  # data before any association
        os.urandom(4096),
        b"",
    ],
    ids=["http", "malformed", "promises", "early", "noise", "nothing"],
)
def test_malformed_associations_end_and_others_are_served(door, phantom_series, garbage):
    with socket.create_connection(("127.0.0.1", door.port), timeout=30) as rude:
        rude.sendall(garbage)
        door.still_serves(phantom_series.files)  # while the rude one holds on
        rude.shutdown(socket.SHUT_WR)
        rude.settimeout(30)
        while rude.recv(4096):
            pass  # an A-ABORT, perhaps, then the end
    assert not door.intake.tally.of("objects").keys() - {"kept"}


def test_an_object_that_is_too_large_ends_its_association(door, phantom_series):
    large = pydicom.dcmread(phantom_series.files[0])
    large.SOPInstanceUID = large.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    large.Rows = large.Columns = 1200
    large.PixelData = bytes(2 * 1200 * 1200)
    assert send(door.port, [large, *phantom_series.files]) == []
    wait_for(lambda: door.intake.tally.of("objects").get("too large"), why="the count")
    assert not door.kept()
    door.still_serves(phantom_series.files)


def test_objects_that_are_no_images_are_not_negotiated(door, phantom_series):
    sender = AE(ae_title=CALLER)
    sender.add_requested_context(SecondaryCaptureImageStorage, ExplicitVRLittleEndian)
    sender.add_requested_context(MRImageStorage, ExplicitVRLittleEndian)
    association = sender.associate("127.0.0.1", door.port, ae_title=TITLE)
    assert [cx.abstract_syntax for cx in association.accepted_contexts] == [MRImageStorage]
    association.release()


def _without_pixels(image: Dataset) -> int:
    del image.PixelData
    return 0xA900


def _without_series(image: Dataset) -> int:
    del image.SeriesInstanceUID
    return 0xC000


def _another_class_inside(image: Dataset) -> int:
    image.SOPClassUID = SecondaryCaptureImageStorage
    return 0xA900


def _of_another_modality(image: Dataset) -> int:
    image.Modality = "CT"
    return 0x0000  # taken and dropped


def _of_another_description(image: Dataset) -> int:
    image.SeriesDescription = "localizer"
    return 0x0000


@pytest.mark.parametrize(
    "spoil",
    [
        _without_pixels,
        _without_series,
        _another_class_inside,
        _of_another_modality,
        _of_another_description,
    ],
)
def test_what_is_not_wanted_is_answered_and_not_kept(door, phantom_series, spoil):
    image = pydicom.dcmread(phantom_series.files[0])
    status = spoil(image)
    sender = AE(ae_title=CALLER)
    sender.add_requested_context(MRImageStorage, ExplicitVRLittleEndian)
    association = sender.associate("127.0.0.1", door.port, ae_title=TITLE)
    stated, image_class = image.SOPInstanceUID, image.SOPClassUID
    answer = _store_as(association, image, stated)
    association.release()
    assert answer == status, image_class
    assert not door.kept()
    door.still_serves(phantom_series.files)


def _store_as(association, image: Dataset, stated: str) -> int:
    """C-STORE said to be of an MR image, whatever is inside."""
    from io import BytesIO

    from pynetdicom.dimse_primitives import C_STORE
    from pynetdicom.dsutils import encode

    request = C_STORE()
    request.MessageID = 1
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = MRImageStorage, stated
    request.Priority = 2
    request.DataSet = BytesIO(encode(image, False, True))
    context = association.accepted_contexts[0].context_id
    association._reactor_checkpoint.clear()
    association.dimse.send_msg(request, context)
    _, answer = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    return answer.Status


def test_an_object_under_another_uid_than_its_own_is_refused(door, phantom_series):
    sender = AE(ae_title=CALLER)
    sender.add_requested_context(MRImageStorage, ExplicitVRLittleEndian)
    association = sender.associate("127.0.0.1", door.port, ae_title=TITLE)
    image = pydicom.dcmread(phantom_series.files[0])
    assert _store_as(association, image, generate_uid()) == 0xC000
    association.release()
    assert not door.kept()


def test_a_peer_that_vanishes_mid_transfer_leaves_nothing_and_may_come_again(door, phantom_series):
    """A proxy passes the first bytes on, then both sides are cut off without a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = threading.Thread(
            target=_pass_on_then_cut, args=(listener, door.port, 9000), daemon=True
        )
        proxy.start()
        statuses = send(listener.getsockname()[1], phantom_series.files)
        proxy.join()
    assert 0 < len(statuses) < 12
    answered = {
        pydicom.dcmread(path).SOPInstanceUID for path in phantom_series.files[: len(statuses)]
    }
    assert wait_for(lambda: door.kept() >= answered)
    door.still_serves(phantom_series.files)
    assert len(door.kept()) == 12


def _pass_on_then_cut(listener: socket.socket, port: int, limit: int) -> None:
    near, _ = listener.accept()
    far = socket.create_connection(("127.0.0.1", port))
    back = threading.Thread(target=_pump, args=(far, near, 1 << 30), daemon=True)
    back.start()
    _pump(near, far, limit)
    for side in (near, far):  # a reset, as from a machine that lost power and came back
        side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        side.close()


def _pump(source: socket.socket, sink: socket.socket, limit: int) -> None:
    passed = 0
    try:
        while passed < limit and (some := source.recv(min(1024, limit - passed))):
            sink.sendall(some)
            passed += len(some)
    except OSError:
        pass


def test_no_more_associations_than_allowed(tmp_path, phantom_series):
    door = open_door(tmp_path / "node", associations=1)
    sender = AE(ae_title=CALLER)
    sender.add_requested_context(Verification)
    first = sender.associate("127.0.0.1", door.port, ae_title=TITLE)
    assert first.is_established
    assert sender.associate("127.0.0.1", door.port, ae_title=TITLE).is_rejected
    first.release()
    wait_for(lambda: not door.receiver._entity.active_associations, why="the first to end")
    door.still_serves(phantom_series.files)
    door.receiver.stop()


def test_with_the_disk_full_to_the_reserve_slices_are_refused_until_there_is_room(
    tmp_path, phantom_series, monkeypatch
):
    door = open_door(tmp_path / "node", reserve=1 << 60)
    assert send(door.port, phantom_series.files) == [0xA700] * 12
    assert not door.kept()
    monkeypatch.setattr(door.intake.spool, "reserve", 0)
    door.still_serves(phantom_series.files)
    door.receiver.stop()


def test_a_disk_that_really_is_full_refuses_slices_loses_none_and_recovers(
    tmp_path, phantom_series
):
    """On a file system of 3 MB that another file fills: every write of the node may fail."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        missing("a small file system cannot be mounted (needs root)")
    try:
        door = open_door(disk / "node")
        first, rest = phantom_series.files[:4], phantom_series.files[4:]
        door.still_serves(first)
        with (disk / "filler").open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(4096))
            except OSError:
                pass
        assert set(send(door.port, rest)) == {0xA700}
        assert len(door.kept()) == len(first)
        (disk / "filler").unlink()
        door.still_serves(phantom_series.files)
        assert len(door.kept()) == 12
        door.receiver.stop()
        door.database.close()
        door.intake.spool.close()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA, and what it certified: the node, on loopback, and a client."""
    folder = tmp_path_factory.mktemp("tls")
    openssl = tool("openssl", "Debian: openssl")

    def run(command: str) -> None:
        subprocess.run([openssl, *command.split()], cwd=folder, check=True, capture_output=True)

    run("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca -keyout ca.key -out ca")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    for name in ("node", "client"):
        run(f"req -newkey rsa:2048 -nodes -subj /CN={name} -keyout {name}.key -out asked")
        run(
            "x509 -req -in asked -CA ca -CAkey ca.key -CAcreateserial -days 2 "
            f"-extfile names -out {name}"
        )
    return folder


def test_with_tls_only_clients_with_a_certificate_come_in(tmp_path, phantom_series, certificates):
    place = certificates
    tls = Tls(certificate=place / "node", key=place / "node.key", ca=place / "ca")
    door = open_door(tmp_path / "node", tls=tls)
    client = Tls(certificate=place / "client", key=place / "client.key", ca=place / "ca")
    tls_args = (client.client(), "127.0.0.1")
    with socket.create_connection(("127.0.0.1", door.port)):  # one that never shakes hands
        assert send(door.port, phantom_series.files, tls_args=tls_args) == [0] * 12
    nobody = (ssl.create_default_context(cafile=place / "ca"), "127.0.0.1")
    with pytest.raises(ConnectionError):
        send(door.port, phantom_series.files, tls_args=nobody)
    with pytest.raises(ConnectionError):
        send(door.port, phantom_series.files)  # in the clear
    assert len(door.kept()) == 12
    door.receiver.stop()


def test_a_folder_takes_one_node_at_a_time(tmp_path):
    first = Spool(tmp_path)
    with pytest.raises(InputError, match="must be one process's at a time"):
        Spool(tmp_path)
    first.close()
    Spool(tmp_path).close()


def test_compressed_slices_are_kept_as_they_came(door, phantom_series):
    images = [pydicom.dcmread(path) for path in phantom_series.files]
    for image in images:
        image.compress(JPEGLSLossless, generate_instance_uid=False)
    assert send(door.port, images, syntax=JPEGLSLossless) == [0] * 12
    kept = [pydicom.dcmread(path) for path in door.intake.spool.scan(1).iterdir()]
    assert {d.file_meta.TransferSyntaxUID for d in kept} == {JPEGLSLossless}
