"""Atomic writing: a folder of results appears whole or not at all."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from monai_anogan.errors import InputError

__all__ = ["atomic_folder"]


@contextmanager
def atomic_folder(out: str | os.PathLike[str]) -> Iterator[Path]:
    """Gives an empty staging folder whose files appear in `out` when the block ends well.

    Where `out` does not exist, it appears with everything in it at once. Where it does, each file
    replaces its namesake in one step, and other files there stay. After any exception `out` is as
    it was before, and nothing else is left behind.

    Raises:
        InputError: at entry, before any work, when `out` cannot be written.
    """
    target = Path(out).absolute()
    made = _make_folders(target.parent)
    kept = False
    try:
        # Inside an existing folder: its parent may be read-only, or another file system.
        stage = (
            target if target.is_dir() else target.parent
        ) / f".{target.name}.{uuid.uuid4().hex}"
        _make_stage(stage, target)
        try:
            yield stage
            _publish(stage, target)
            kept = True
        finally:
            shutil.rmtree(stage, ignore_errors=True)
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


def _make_stage(stage: Path, target: Path) -> None:
    if target.exists() and not target.is_dir():
        raise InputError(f"the output must be a folder, got the file {target}; give another name")
    try:
        stage.mkdir()  # not mkdtemp: the results keep the user's usual permissions
    except OSError as error:
        raise InputError(
            f"the output folder must be writable, got {target} ({error.strerror}); "
            "give another place"
        ) from error


def _publish(stage: Path, target: Path) -> None:
    if not target.is_dir():
        stage.rename(target)
        return
    files = sorted(path for path in stage.rglob("*") if not path.is_dir())
    places = [target / path.relative_to(stage) for path in files]
    for place in places:  # what can be known to fail fails before the first file is replaced
        if place.is_dir():
            raise InputError(f"{place} must be a file or absent, got a folder; remove it")
    for path, place in zip(files, places, strict=True):
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, place)
