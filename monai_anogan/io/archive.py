"""Archives: a zip file from a user, unpacked for as long as the work on it lasts."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from monai_anogan.errors import InputError

__all__ = ["opened"]

_MOST_FILES = 100_000
_LARGEST = 32 << 30  # bytes unpacked
_LARGEST_RATIO = 200  # of unpacked to packed; images reach 20
_ALWAYS_FINE = 64 << 20  # bytes unpacked, whatever the ratio
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


@contextmanager
def opened(path: str | Path) -> Iterator[Path]:
    """Gives the folder that a zip file holds, and any other path as it is.

    The folder is a temporary one and bears the archive's name; it is gone when the block ends.
    Members are written below it whatever their names say, and archives inside stay packed.

    Raises:
        InputError: the archive is broken, encrypted, or unpacks to more than is reasonable.
    """
    place = Path(path)
    if not _is_zip(place):
        yield place
        return
    with tempfile.TemporaryDirectory(prefix="anogan-") as folder:
        root = Path(folder, place.stem or "archive")
        _unpack(place, root)
        yield root


def _is_zip(path: Path) -> bool:
    try:
        if not path.is_file():
            return False
        with path.open("rb") as stream:
            return stream.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
    except OSError:
        return False


def _unpack(archive: Path, root: Path) -> None:
    root.mkdir()
    try:
        with zipfile.ZipFile(archive) as packed:
            members = [member for member in packed.infolist() if not member.is_dir()]
            _check_size(archive, members, shutil.disk_usage(root).free)
            for member in members:
                _unpack_member(packed, member, root)
    except _ZIP_ERRORS as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{archive} must be a whole zip file without a password, got one that cannot be "
            f"unpacked ({reason}); unpack it yourself and give the folder"
        ) from error


def _check_size(archive: Path, members: Sequence[zipfile.ZipInfo], free: int) -> None:
    """Trusts the stated sizes: `zipfile` unpacks no member further than to its own."""
    size = sum(member.file_size for member in members)
    most = min(free, _LARGEST, max(_ALWAYS_FINE, _LARGEST_RATIO * archive.stat().st_size))
    if len(members) > _MOST_FILES or size > most:
        raise InputError(
            f"{archive} must unpack to at most {_MOST_FILES} files and {most} bytes here, got "
            f"{len(members)} files and {size} bytes; unpack it yourself and give the folder"
        )


def _unpack_member(packed: zipfile.ZipFile, member: zipfile.ZipInfo, root: Path) -> None:
    # As `extract` does: it drops "..", too, and writes links as the text they hold.
    parts = [part for part in member.filename.split("/") if part not in ("", ".", "..")]
    if root.joinpath(*parts).exists():
        raise zipfile.BadZipFile(f"two files are called {member.filename!r}")
    packed.extract(member, root)
