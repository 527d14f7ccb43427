"""Node: the parts of the service put together, from the first lock to the last."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from monai_anogan.errors import AnoganError
from monai_anogan.service.courier import Courier
from monai_anogan.service.database import LEDGER, Database
from monai_anogan.service.deliveries import Deliveries
from monai_anogan.service.foreman import Foreman
from monai_anogan.service.hand import Hand
from monai_anogan.service.intake import Intake
from monai_anogan.service.ledger import Ledger
from monai_anogan.service.loop import Loop
from monai_anogan.service.monitor import Monitor
from monai_anogan.service.receiver import Receiver
from monai_anogan.service.settings import Settings, Watch
from monai_anogan.service.spool import Spool
from monai_anogan.service.standing import standing
from monai_anogan.service.tally import Tally
from monai_anogan.service.watcher import Watcher

__all__ = ["Node"]

_log = logging.getLogger(__name__)
PAUSE_S = 0.5  # between looks for something to do
SWEEP_S = 600
JOIN_S = 20  # that a delivery in progress may take to end


class Node:
    """A node of these settings.

    Args:
        settings: all of it.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings, self.stopping = settings, threading.Event()
        self.tally, self.hand = Tally(), Hand(settings.work, self.stopping)
        self._loops: list[Loop] = []

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT.

        Raises:
            AnoganError: The node cannot start, or ended by a mistake in it.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stopping.set())
        with ExitStack() as stack:
            self._begin(stack)
            _log.info("serving; research software, not a medical device")
            self.stopping.wait()
            _log.info("stopping")
        if any(loop.failed for loop in self._loops):
            raise AnoganError("the node ended by a mistake in it; start it again")
        _log.info("stopped")

    def health(self) -> dict[str, Any]:
        """What `/health` says: ok or not and why, counts, what was set aside; no patient data."""
        problems = [f"{loop.name}: {loop.trouble}" for loop in self._loops if loop.trouble]
        if any(loop.ident is None for loop in self._loops):
            problems.append("starting")
        elif not all(loop.is_alive() for loop in self._loops):
            problems.append("stopping")
        free = self.spool.free()
        if free <= 0:
            problems.append("the disk is full to the reserve; nothing is taken")
        processes = {"node": os.getpid(), "worker": self.hand.process_id}
        return {
            "status": "not ok" if problems else "ok",
            "problems": problems,
            **standing(self.database),
            "disk_free_bytes": free,
            "memory_bytes": {name: _resident(pid) for name, pid in processes.items() if pid},
        }

    def _begin(self, stack: ExitStack) -> None:
        """Start every part, the door first; the stack stops them in the opposite order."""
        settings = self.settings
        self.spool = Spool(settings.folder, reserve=settings.reserve_mb * 1e6)
        stack.callback(self.spool.close)
        self.database = Database(settings.folder / LEDGER)
        stack.callback(self.database.close)
        self.ledger = Ledger(self.database)
        self.spool.tidy(self.ledger.recover(time.time()))
        deliveries = Deliveries(self.database)
        deliveries.drop({one.name for one in settings.send}, time.time())
        self._make_loops(deliveries)
        if settings.health is not None:
            stack.callback(Monitor(settings.health, self.health, self.tally).stop)
        stack.callback(self.hand.stop)
        stack.callback(self._join)
        if settings.receive is not None:
            receiver = Receiver(settings.receive, self._intake(), self.tally)
            receiver.start()
            stack.callback(receiver.stop)
        self._load()
        for loop in self._loops:
            loop.start()

    def _load(self) -> None:
        try:
            self.hand.start()
        except AnoganError:
            if not self.stopping.is_set():
                raise

    def _intake(self) -> Intake:
        return Intake(self.ledger, self.spool, self.settings.rules, self.tally)

    def _make_loops(self, deliveries: Deliveries) -> None:
        settings = self.settings
        foreman = Foreman(
            self.ledger,
            self.spool,
            self.tally,
            self.hand,
            retry=settings.work.retry,
            quiet_s=settings.quiet_s,
            destinations=[one.name for one in settings.send],
        )
        self._add("work", foreman.step, PAUSE_S)
        for one in settings.send:
            courier = Courier(one, deliveries, self.spool, self.tally, settings.resend)
            self._add(f"to {one.name}", courier.step, PAUSE_S)
        for source in settings.watch:
            self._watch(source)
        self._add("sweep", self._sweep, SWEEP_S)

    def _watch(self, source: Watch) -> None:
        watcher = Watcher(source, self._intake(), self.database)
        self._add(f"from {source.name}", watcher.step, source.every_s)

    def _add(self, name: str, step: Any, pause: float) -> None:
        self._loops.append(Loop(name, step, pause=pause, stopping=self.stopping))

    def _sweep(self) -> bool:
        """Remove the files of series that ended long ago."""
        self.ledger.sweep(time.time() - self.settings.keep_days * 86400)
        for series in self.ledger.swept(self.spool.numbers()):
            with self.spool.busy:
                self.spool.forget(series)
        return False

    def _join(self) -> None:
        self.stopping.set()
        for loop in self._loops:
            if loop.ident is not None:
                loop.join(JOIN_S)


def _resident(process: int) -> int:
    """Resident memory of a process, bytes; 0 where the system does not say it this way."""
    try:
        pages = Path(f"/proc/{process}/statm").read_text().split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
