"""A DICOM node for tests: `anogan serve` as a process of its own, and small real series to send."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
import yaml
from free_ports import free_port
from nibabel.processing import resample_to_output
from orthanc_server import AET, Orthanc
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE

from monai_anogan.outputs import write_mr_series

__all__ = [
    "CALLER",
    "SLICES",
    "TITLE",
    "Node",
    "found_at",
    "send",
    "send_until_taken",
    "small_head",
    "to_pacs",
    "wait_for",
]

TITLE, CALLER = "ANOGAN", "ROUTER"
VOXELS_MM = (4, 4, 4)  # coarse: a second or two of work
SLICES = 48  # of the head on such voxels
START = [sys.executable, "-c", "from monai_anogan.cli import main; main()", "serve"]


def wait_for(what: Callable[[], Any], *, seconds: float = 300, why: str = "") -> Any:
    """The first answer that is true; fails the test when none comes."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := what():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds} s in vain for {why or what}")


@dataclass
class Node:
    """A node in a folder; it may be started again and again."""

    home: Path
    settings: dict[str, Any]
    process: subprocess.Popen | None = None
    port: int = field(default_factory=free_port)
    health_port: int = field(default_factory=free_port)

    @property
    def config(self) -> Path:
        return self.home / "serve.yaml"

    @property
    def log(self) -> str:
        return (self.home / "log").read_text()

    def command(self, *arguments: str) -> subprocess.CompletedProcess:
        """`anogan serve CONFIG ARGUMENTS`, to its end."""
        self.write()
        command = [*START, str(self.config), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, env=_quiet())

    def write(self) -> None:
        """The settings as a file."""
        peers = [{"ae_title": CALLER, "addresses": ["127.0.0.1"]}]
        whole = {
            "folder": str(self.home / "node"),
            "receive": {"ae_title": TITLE, "port": self.port, "peers": peers},
            "health": {"port": self.health_port},
            "reserve_mb": 1,
            **self.settings,
        }
        self.config.write_text(yaml.safe_dump(whole))

    def start(self) -> None:
        """Start it and wait until it listens."""
        self.write()
        with (self.home / "log").open("ab") as log:
            before = log.tell()
            self.process = subprocess.Popen(
                [*START, str(self.config)], stdout=log, stderr=log, env=_quiet()
            )
        wait_for(
            lambda: b"listening" in (self.home / "log").read_bytes()[before:] or self._ended(),
            why="the node to listen",
        )
        assert not self._ended(), self.log

    def _ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def kill(self) -> None:
        """SIGKILL."""
        self.end(signal.SIGKILL)

    def end(self, how: signal.Signals) -> int:
        """Send a signal and wait; the exit status."""
        assert self.process is not None
        self.process.send_signal(how)
        status = self.process.wait(timeout=60)
        self.process = None
        return status

    def health(self) -> dict[str, Any]:
        """What the health page says."""
        try:
            answer = self.page("/health")
        except urllib.error.HTTPError as error:  # 503: it says why
            answer = error.read()
        return json.loads(answer)

    def page(self, path: str) -> bytes:
        """A page of the node."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        return opener.open(f"http://127.0.0.1:{self.health_port}{path}", timeout=30).read()

    def ask(self, question: str) -> list[tuple]:
        """Asks the ledger, whether the node runs or not."""
        path = self.home / "node" / "ledger.sqlite"
        if not path.exists():
            return []
        with closing(sqlite3.connect(path, timeout=30)) as database, suppress(sqlite3.Error):
            return database.execute(question).fetchall()
        return []

    def series(self, state: str) -> int:
        """How many series are in a state."""
        found = self.ask(f"SELECT COUNT(*) FROM series WHERE state = '{state}'")
        return found[0][0] if found else 0


def _quiet() -> dict[str, str]:
    return {
        **{k: v for k, v in os.environ.items() if "proxy" not in k.lower()},
        "OMP_NUM_THREADS": "1",
    }


def small_head(template: Any, folder: Path, seed: str, **tags: Any) -> list[Path]:
    """The template's head on coarse voxels as a series of somebody, 48 files."""
    head = resample_to_output(nib.Nifti1Image(template.volume, template.affine), VOXELS_MM, order=1)
    volume = np.asarray(head.dataobj)
    files = write_mr_series(volume, head.affine, folder, description="T1 head", seed=seed)
    for path in files if tags else ():
        dataset = pydicom.dcmread(path)
        dataset.update(tags)
        dataset.save_as(path)
    return files


def send(
    port: int,
    files: Iterable[Path | pydicom.Dataset],
    *,
    title: str = CALLER,
    called: str = TITLE,
    syntax: str = ExplicitVRLittleEndian,
    **how: Any,
) -> list[int | None]:
    """The status of a C-STORE of each object; shorter where the association ended before.

    Raises:
        ConnectionError: there was no association.
    """
    datasets = [one if isinstance(one, pydicom.Dataset) else pydicom.dcmread(one) for one in files]
    sender = AE(ae_title=title)
    for timeout in ("acse_timeout", "dimse_timeout", "network_timeout", "connection_timeout"):
        setattr(sender, timeout, 30)
    for sop_class in sorted({dataset.SOPClassUID for dataset in datasets}):
        sender.add_requested_context(sop_class, syntax)
    association = sender.associate("127.0.0.1", port, ae_title=called, **how)
    if not association.is_established:
        raise ConnectionError("rejected" if association.is_rejected else "aborted")
    statuses: list[int | None] = []
    try:
        for dataset in datasets:
            status = association.send_c_store(dataset).get("Status")
            if status is None:
                break
            statuses.append(status)
    except RuntimeError:  # pynetdicom: the association has ended
        pass
    finally:
        association.release()
    return statuses


def send_until_taken(port: int, files: Sequence[Path], *, stop: Callable[[], bool]) -> None:
    """As a router does: what was not answered with success is sent again, until it is."""
    left = list(files)
    while left and not stop():
        try:
            statuses = send(port, left)
        except ConnectionError:
            time.sleep(0.1)
            continue
        taken = next((k for k, status in enumerate(statuses) if status != 0), len(statuses))
        left = left[taken:]


def to_pacs(server: Orthanc) -> dict:
    """The server as a destination of the settings."""
    return {
        "kind": "c-store",
        "name": "pacs",
        "ae_title": AET,
        "calling": AET,
        "host": "127.0.0.1",
        "port": server.dicom_port,
    }


def found_at(server: Orthanc) -> dict[str, Counter]:
    """What each study holds: modality and SOP class to number of instances."""
    studies: dict[str, Counter] = {}
    for series in json.loads(server.get("/series?expand")):
        study = json.loads(server.get(f"/studies/{series['ParentStudy']}"))
        uid = study["MainDicomTags"]["StudyInstanceUID"]
        kind = series["MainDicomTags"]["Modality"], series["MainDicomTags"]["SeriesNumber"]
        studies.setdefault(uid, Counter())[kind] += len(series["Instances"])
    return studies
