"""Atomic writing: a folder of results appears whole or not at all."""

from __future__ import annotations

import fcntl
import glob
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from monai_anogan.errors import InputError

__all__ = ["atomic_folder"]

_STAGE = ".partial"


@contextmanager
def atomic_folder(out: str | os.PathLike[str]) -> Iterator[Path]:
    """Gives an empty staging folder whose files appear in `out` when the block ends well.

    Where `out` does not exist or is empty, it appears with everything in it at once. Where it holds
    files, each new one replaces its namesake in one step, and other files stay; the file written
    last goes first from `out` and comes last into it, so that where it is, all are of one run.
    After any exception `out` is as it was before, and nothing else is left behind. Even a process
    that is killed leaves whole files or none in `out`, and the next one clears its staging folder.

    Raises:
        InputError: at entry, before any work, when `out` cannot be written.
    """
    target = Path(out).absolute()
    made = _make_folders(target.parent)
    kept = False
    try:
        stage, lock = _make_stage(target)
        try:
            yield stage
            _publish(stage, target)
            kept = True
        finally:
            shutil.rmtree(stage, ignore_errors=True)
            os.close(lock)
    finally:
        if not kept:
            _remove_empty(made)


def _make_folders(parent: Path) -> list[Path]:
    """Creates missing parents; returns them, deepest first, so that a failure can undo it."""
    missing = [folder for folder in (parent, *parent.parents) if not folder.exists()]
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        _remove_empty(missing)
        raise InputError(
            f"the output folder must be writable, got {parent} ({error.strerror}); "
            "give another place"
        ) from error
    return missing


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        with suppress(OSError):  # never made, or another program uses it by now
            folder.rmdir()


def _make_stage(target: Path) -> tuple[Path, int]:
    """Makes the staging folder, locked for as long as this process lives; and clears dead ones."""
    if target.exists() and not target.is_dir():
        raise InputError(f"the output must be a folder, got the file {target}; give another name")
    home = _staging_home(target)
    new = home / f".{target.name}.{uuid.uuid4().hex}"
    try:
        _clear_dead_stages(home, target.name)
        new.mkdir()  # not mkdtemp: the results keep the user's usual permissions
    except OSError as error:
        raise InputError(
            f"the output folder must be writable, got {target} ({error.strerror}); "
            "give another place"
        ) from error
    lock = os.open(new, os.O_RDONLY)
    with suppress(OSError):  # a file system without locks: what a killed process leaves stays
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return new.rename(new.with_name(new.name + _STAGE)), lock  # locked before it has this name


def _staging_home(target: Path) -> Path:
    """Beside the target, or inside where that cannot be: rename needs one file system."""
    parent = target.parent
    if not target.is_dir():
        return parent
    beside = os.access(parent, os.W_OK | os.X_OK) and os.stat(parent).st_dev == target.stat().st_dev
    return parent if beside else target


def _clear_dead_stages(home: Path, name: str) -> None:
    for stage in home.glob(f".{glob.escape(name)}.*{_STAGE}"):
        with suppress(OSError):  # alive, or gone by now
            lock = os.open(stage, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(stage)
            finally:
                os.close(lock)


def _publish(stage: Path, target: Path) -> None:
    if not target.is_dir() or not any(path != stage for path in target.iterdir()):
        with suppress(OSError):  # the stage lies inside, or another program has just written there
            stage.rename(target)
            return
    files = sorted(
        (path for path in stage.rglob("*") if not path.is_dir()),
        key=lambda path: (path.stat().st_mtime_ns, path),
    )
    places = [target / path.relative_to(stage) for path in files]
    for place in places:  # what can be known to fail fails before the first file is replaced
        if place.is_dir():
            raise InputError(f"{place} must be a file or absent, got a folder; remove it")
    for place in places:  # a full disk may have no room for a folder
        place.parent.mkdir(parents=True, exist_ok=True)
    for last in places[-1:]:
        last.unlink(missing_ok=True)
    for path, place in zip(files, places, strict=True):
        os.replace(path, place)
