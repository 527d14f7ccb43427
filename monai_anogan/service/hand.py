"""Hand: the node's hold on its worker: started when needed, watched, replaced, killed."""

from __future__ import annotations

import logging
import multiprocessing
import threading
import time
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from monai_anogan.errors import AnoganError
from monai_anogan.service.settings import Work
from monai_anogan.service.worker import Order, Reply, serve_orders

__all__ = ["Hand"]

_log = logging.getLogger(__name__)
LOADING_S = 600  # the longest that a model may take to load
LOOK_S = 0.2  # between looks at whether the node stops


class Hand:
    """One worker at a time.

    Args:
        work: what it does.
        stopping: set when the node stops; what is being worked on is then dropped.
    """

    def __init__(self, work: Work, stopping: threading.Event) -> None:
        self.work, self._stopping = work, stopping
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None
        self._number: int | None = None
        self._done = 0

    @property
    def process_id(self) -> int | None:
        """Of the worker, if there is one."""
        return self._number

    def start(self) -> None:
        """Start a worker and wait until its model is loaded.

        Raises:
            AnoganError: It cannot be; the message says why.
        """
        context = multiprocessing.get_context("spawn")  # a fork would copy the node's threads
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=serve_orders, args=(theirs, self.work), daemon=True, name="anogan worker"
        )
        self._process.start()
        self._number = self._process.pid
        theirs.close()
        reply = self._wait(LOADING_S)
        if reply is None or reply.problem:
            self.stop()
            raise AnoganError(
                reply.problem if reply else "the worker must load its model, got none"
            )
        self._done = 0

    def do(self, order: Order) -> Reply | None:
        """Have an order carried out; None where the node stops first."""
        if self._process is None or self._done >= self.work.recycle_after:
            self.stop()
            try:
                self.start()
            except AnoganError as error:
                return None if self._stopping.is_set() else Reply(str(error))
        assert self._pipe is not None
        begin = time.monotonic()
        try:
            self._pipe.send(order)
            reply = self._wait(self.work.timeout_s)
        except (EOFError, OSError):
            reply = Reply(f"the worker ended with {self._ending()}")
        self._done += 1
        if reply is None and not self._stopping.is_set():
            reply = Reply(f"no result after {time.monotonic() - begin:.0f} s")
        if reply is None or (reply.problem and not reply.hopeless):
            self.stop()  # whatever state it is in, the next one is fresh
        return reply

    def stop(self) -> None:
        """Kill the worker; what it was doing leaves nothing behind."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = self._number = None

    def _wait(self, seconds: float) -> Reply | None:
        """The next reply; None after so long, or when the node stops."""
        assert self._pipe is not None
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._stopping.is_set():
            if self._pipe.poll(LOOK_S):
                return self._pipe.recv()
        return None

    def _ending(self) -> str:
        assert self._process is not None
        self._process.join(5)
        code = self._process.exitcode
        return f"signal {-code}" if code is not None and code < 0 else f"status {code}"
