"""How much memory a block of code, or a whole process, holds at its peak."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from monai_anogan.errors import AnoganError

__all__ = ["peak_memory", "resident_mib"]

PAUSE = 0.005  # seconds between two looks


@contextmanager
def peak_memory() -> Iterator[dict[str, float]]:
    """Most resident memory of this process inside the block, above what it held before, in MiB.

    Raises:
        AnoganError: psutil, from the extra `benchmark`, is not installed.
    """
    process, over, found = psutil().Process(), threading.Event(), {"mib": 0.0}
    before = resident_mib(process)

    def look() -> None:
        found["mib"] = max(found["mib"], resident_mib(process) - before)

    def watch() -> None:
        while not over.wait(PAUSE):
            look()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield found
    finally:
        over.set()
        watcher.join()
        look()  # on a busy machine the watcher may not have had its turn


def resident_mib(process: Any) -> float:
    """Resident memory of a psutil process, without its children, in MiB."""
    return process.memory_info().rss / 2**20


def psutil() -> Any:
    """The module.

    Raises:
        AnoganError: It is not installed.
    """
    try:
        import psutil
    except ImportError as error:
        raise AnoganError(
            "the benchmark must have psutil, got none; "
            "install it with: pip install 'monai-anogan[benchmark]'"
        ) from error
    return psutil
