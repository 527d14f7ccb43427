"""Loop: a thread that takes one step after another until the node stops."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable

from monai_anogan.errors import AnoganError

__all__ = ["Loop"]

_log = logging.getLogger(__name__)
WAIT_S = 10.0  # after a step that failed: a full disk, a locked database
TROUBLE = (OSError, sqlite3.OperationalError, AnoganError)  # what may pass by itself


class Loop(threading.Thread):
    """Calls a step again and again.

    Trouble that may pass is told and waited out. Anything else is a mistake in this software: it
    ends the loop, and with it the node, which whoever watches the node starts afresh.

    Args:
        name: for the log.
        step: does a piece of work if there is one; whether there may be more right now.
        pause: seconds between steps where there was none.
        stopping: set when the node stops, and by a loop that fails.
    """

    def __init__(
        self, name: str, step: Callable[[], bool], *, pause: float, stopping: threading.Event
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._step, self._pause, self._stopping = step, pause, stopping
        self.trouble = ""  # of the last step
        self.failed = False

    def run(self) -> None:
        """Until the node stops."""
        try:
            while not self._stopping.is_set():
                if not self._try():
                    self._stopping.wait(WAIT_S if self.trouble else self._pause)
        except BaseException as error:
            _log.error("%s ended by a mistake: %s", self.name, type(error).__name__)
            self.failed = True
            raise
        finally:
            self._stopping.set()

    def _try(self) -> bool:
        try:
            more = self._step()
        except TROUBLE as error:
            strange = getattr(error, "strerror", None) or type(error).__name__
            told = str(error) if isinstance(error, AnoganError) else strange
            if told != self.trouble:
                _log.warning("%s: %s", self.name, told)
            self.trouble = told
            return False
        self.trouble = ""
        return more
