"""Foreman: gives whole series to the worker, one at a time, and notes how it went."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Collection

from monai_anogan.service.hand import Hand
from monai_anogan.service.ledger import Job, Ledger
from monai_anogan.service.settings import Retry
from monai_anogan.service.spool import Spool
from monai_anogan.service.tally import Tally
from monai_anogan.service.worker import Order, Reply

__all__ = ["Foreman"]

_log = logging.getLogger(__name__)


class Foreman:
    """Takes the next series from the ledger with each step.

    Args:
        ledger, spool, tally: of the node.
        hand: on the worker.
        retry: after failures.
        quiet_s: seconds without a new slice before a series is whole.
        destinations: the names of where results go.
    """

    def __init__(
        self,
        ledger: Ledger,
        spool: Spool,
        tally: Tally,
        hand: Hand,
        *,
        retry: Retry,
        quiet_s: float,
        destinations: Collection[str],
    ) -> None:
        self.ledger, self.spool, self.tally, self.hand = ledger, spool, tally, hand
        self.retry, self.quiet_s, self.destinations = retry, quiet_s, destinations

    def step(self) -> bool:
        """Work on one series, if one waits; whether there was one."""
        now = time.time()
        self.ledger.settle(now - self.quiet_s, now)
        job = self.ledger.take(now)
        if job is None:
            return False
        out = self.spool.results(job.series, job.revision)
        shutil.rmtree(out, ignore_errors=True)  # of an attempt that nobody noted: none was sent
        begin = time.monotonic()
        reply = self.hand.do(Order(self.spool.scan(job.series), out))
        if reply is None:
            self.ledger.give_back(job)
        elif reply.problem:
            self._failed(job, reply)
        else:
            self._finished(job, time.monotonic() - begin)
        return True

    def _finished(self, job: Job, seconds: float) -> None:
        if not self.ledger.finish(job, self.destinations, time.time()):
            shutil.rmtree(self.spool.results(job.series, job.revision), ignore_errors=True)
            return
        self.tally.add("work_seconds", amount=seconds)
        self.tally.add("worked")
        _log.info("series %d: done in %.0f s", job.series, seconds)

    def _failed(self, job: Job, reply: Reply) -> None:
        wait = None if reply.hopeless else self.retry.wait(job.attempts)
        now = time.time()
        self.ledger.fail(job, reply.problem, None if wait is None else now + wait, now)
        self.tally.add("work_failures")
        then = "set aside" if wait is None else f"again in {wait:.0f} s"
        _log.warning("series %d: %s; %s", job.series, reply.problem, then)
