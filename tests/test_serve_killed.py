"""Twenty series through a node that is killed again and again: each result once, none lost."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from node_process import (
    SLICES,
    Node,
    found_at,
    send_until_taken,
    small_head,
    to_pacs,
    wait_for,
)
from orthanc_server import Orthanc, running_orthanc

SERIES = 20
KILLS = 5


@pytest.fixture
def pacs(tmp_path: Path) -> Iterator[Orthanc]:
    folder = tmp_path / "orthanc"
    folder.mkdir()
    with running_orthanc(folder) as server:
        yield server


@pytest.mark.slow
def test_twenty_series_of_two_senders_through_kills_give_twenty_results_once(
    pacs, template, tmp_path
):
    series = [small_head(template, tmp_path / f"in{k}", f"kill {k}") for k in range(SERIES)]
    node = Node(tmp_path, {})
    node.settings = {
        "quiet_s": 8,
        "work": {"mode": "encoder", "retry": {"attempts": 50, "first_s": 0.5}},
        "send": [
            {"kind": "folder", "name": "share", "path": str(tmp_path / "share")},
            to_pacs(pacs),
        ],
        "resend": {"attempts": 50, "first_s": 0.5},
    }
    over = threading.Event()

    def deliver(mine: list[list[Path]]) -> None:
        for files in mine:
            send_until_taken(node.port, files, stop=over.is_set)

    senders = [
        threading.Thread(target=deliver, args=(series[half::2],), daemon=True) for half in (0, 1)
    ]
    node.start()
    try:
        for sender in senders:
            sender.start()
        rng = random.Random(11)
        for moment in _moments(rng):
            wait_for(lambda moment=moment: _progress(node) >= moment, seconds=300)
            time.sleep(rng.uniform(0, 2))  # the moment itself is left to chance
            node.kill()
            node.start()
        wait_for(lambda: node.series("done") == SERIES, seconds=900, why="all to be done")
        wait_for(lambda: not any(sender.is_alive() for sender in senders), why="the senders")
        assert node.end(signal.SIGTERM) == 0
    finally:
        over.set()
        if node.process is not None:
            node.kill()
    assert node.ask("SELECT DISTINCT state FROM delivery") == [("sent",)]
    studies = found_at(pacs)
    assert studies.keys() == {pydicom.dcmread(files[0]).StudyInstanceUID for files in series}
    for counts in studies.values():
        assert counts == {
            ("OT", "9100"): 1,
            ("OT", "9101"): len(series[0]),  # the overlay, a slice for each that was sent
            ("SEG", "9102"): 1,
            ("SR", "9103"): 1,
        }
    uids = {pydicom.dcmread(files[0]).SeriesInstanceUID for files in series}
    assert {path.name for path in (tmp_path / "share").iterdir()} == uids


def _moments(rng: random.Random) -> list[float]:
    """Two while slices arrive, the others while they are worked on and results go out."""
    arriving = [rng.uniform(0.1, 0.9) for _ in range(2)]
    working = [rng.uniform(1, SERIES - 3) for _ in range(KILLS - 2)]
    return sorted(arriving) + sorted(working)


def _progress(node: Node) -> float:
    """Below 1: the share of slices that came; then how many series are past their work, and 1."""
    past = node.series("delivering") + node.series("done")
    if past:
        return 1 + past
    came = node.ask("SELECT COUNT(*) FROM instance")
    return came[0][0] / (SERIES * SLICES) if came else 0
