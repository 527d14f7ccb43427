"""One process at a time in a folder that is worked in for hours or days."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from monai_anogan.errors import InputError

__all__ = ["lock_folder"]


def lock_folder(folder: Path) -> int:
    """Take a folder for this process alone.

    Returns:
        A descriptor: the folder is free again once it is closed, or its process has ended.

    Raises:
        InputError: Another process has the folder.
        OSError: It cannot be written.
    """
    lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise InputError(
            f"the folder {folder} must be one process's at a time, got one where another works; "
            "stop that one, or give another folder"
        ) from error
    return lock
