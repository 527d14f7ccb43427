"""Spool: the slices that came and the results that were made, on disk and nowhere else.

    FOLDER/incoming   parts of what is just arriving
    FOLDER/series/7   the slices of series 7, named by a hash of their SOP instance UID
    FOLDER/results/7-1   what was made of it, first revision

A slice is whole and on the disk itself (fsync) before anybody is told that it is here.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monai_anogan.errors import InputError
from monai_anogan.outputs import lock_folder

__all__ = ["Spool", "sync_tree"]


class Spool:
    """The folder of a node.

    Args:
        folder: created if absent, for its owner alone: it holds patient data.
        reserve: bytes of disk that stay free.

    Raises:
        InputError: The folder cannot be written, or another node works in it.
    """

    def __init__(self, folder: Path, *, reserve: float = 0) -> None:
        self.folder, self.reserve = folder, reserve
        self.busy = threading.Lock()  # held while slices come or go
        try:
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
            for name in ("incoming", "series", "results"):
                (folder / name).mkdir(exist_ok=True)
            self._lock = lock_folder(folder)
        except OSError as error:
            raise InputError(
                f"the folder of the node must be writable, got {folder} ({error.strerror}); "
                "give another place"
            ) from error

    def close(self) -> None:
        """Let another node work here."""
        os.close(self._lock)

    def scan(self, series: int) -> Path:
        """Where the slices of a series lie."""
        return self.folder / "series" / str(series)

    def results(self, series: int, revision: int) -> Path:
        """Where its results lie."""
        return self.folder / "results" / f"{series}-{revision}"

    def numbers(self) -> set[int]:
        """The series that have files here."""
        scans = {int(path.name) for path in (self.folder / "series").iterdir()}
        return scans | {int(p.name.split("-")[0]) for p in (self.folder / "results").glob("[0-9]*")}

    def free(self) -> int:
        """Bytes of disk above the reserve; below zero, the reserve is touched."""
        return shutil.disk_usage(self.folder).free - int(self.reserve)

    @contextmanager
    def part(self, content: bytes | memoryview) -> Iterator[Path]:
        """A file that is gone after the block, unless `keep` took it.

        Raises:
            OSError: The disk would be too full with it, or is.
        """
        if self.free() < len(content):
            raise OSError(errno.ENOSPC, "the disk is full to the reserve")
        path = self.folder / "incoming" / f"{uuid.uuid4().hex}.part"
        try:
            path.write_bytes(content)
            yield path
        finally:
            path.unlink(missing_ok=True)

    def keep(self, part: Path, series: int, sop_uid: str) -> None:
        """Make a part a slice of a series, for good."""
        home = self.scan(series)
        if not home.is_dir():
            home.mkdir(exist_ok=True)
            _sync(home.parent)
        _sync(part)
        part.replace(home / slice_name(sop_uid))
        _sync(home)

    def tidy(self, known: dict[int, set[str]]) -> None:
        """After a crash: remove parts, and slices that nobody was told are here.

        Args:
            known: the SOP instance UIDs of each series that is still arriving.
        """
        for part in (self.folder / "incoming").iterdir():
            part.unlink()
        for series, uids in known.items():
            names = {slice_name(uid) for uid in uids}
            for path in self.scan(series).glob("*"):
                if path.name not in names:
                    path.unlink()

    def forget(self, series: int) -> None:
        """Remove the slices and results of a series."""
        shutil.rmtree(self.scan(series), ignore_errors=True)
        for results in (self.folder / "results").glob(f"{series}-*"):
            shutil.rmtree(results, ignore_errors=True)


def slice_name(sop_uid: str) -> str:
    """A file name that a stranger's UID cannot choose."""
    return f"{hashlib.sha256(sop_uid.encode()).hexdigest()[:32]}.dcm"


def sync_tree(folder: Path) -> None:
    """Bring every file below a folder, and its name, to the disk itself."""
    for place, _, names in os.walk(folder):
        for name in names:
            _sync(Path(place, name))
        _sync(Path(place))
    _sync(folder.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
