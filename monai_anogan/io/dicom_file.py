"""DICOM files: told from others by their first bytes, their headers parsed within bounds."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydicom import config, dcmread, uid
from pydicom.dataset import FileDataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_file_meta_info

__all__ = ["DICOM_ERRORS", "PixelElement", "is_dicom_file", "parse_header"]

# pydicom has no base class for "these bytes make no sense": every kind seen on broken files.
DICOM_ERRORS = (
    BytesLengthException,
    InvalidDicomError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,  # a length of gigabytes stated in a file of kilobytes
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
_GROUPS = {
    b"\x02\x00": "<",
    b"\x08\x00": "<",
    b"\x00\x08": ">",
}  # 0002, 0008: first groups
_LONGEST_FIRST_VALUE = 1024  # bytes; without a preamble the first element is short
_PIXEL_DATA_TAG = 0x7FE00010
_PIXEL_DATA = {b"\xe0\x7f\x10\x00": "<", b"\x7f\xe0\x00\x10": ">"}  # (7FE0,0010)
_ITEM = b"\xfe\xff\x00\xe0"  # (FFFE,E000)
_UNDEFINED_LENGTH = 0xFFFFFFFF
_LARGEST_INFLATED = 1 << 30  # bytes of a deflated dataset; pydicom holds them all in memory
_CHUNK = 1 << 20


@dataclass(frozen=True)
class PixelElement:
    """Where the value of (7FE0,0010) lies in its file."""

    offset: int  # of the value's first byte; -1: in a deflated dataset
    length: int  # bytes as stated; -1: encapsulated (compressed)
    available: int  # bytes from the offset to the end of the file
    fragments: int = 0  # whole ones, if encapsulated; a frame is one or several
    is_cut: bool = False  # the file ends within a fragment


def is_dicom_file(path: Path) -> bool:
    """True when the first bytes look like DICOM, with or without the 128-byte preamble."""
    try:
        if not path.is_file():  # opening a pipe would wait for ever
            return False
        with path.open("rb") as stream:
            start = stream.read(132)
    except OSError:
        return False
    return start[128:] == b"DICM" or _begins_with_an_element(start)


def _begins_with_an_element(start: bytes) -> bool:
    """A low group, then either a VR in capitals (explicit) or a short length (implicit)."""
    order = _GROUPS.get(start[:2])
    if order is None or len(start) <= 8:
        return False
    if start[4:6].isalpha() and start[4:6].isupper():
        return True
    return order == "<" and int.from_bytes(start[4:8], "little") <= _LONGEST_FIRST_VALUE


def parse_header(path: Path, tags: list[int]) -> tuple[FileDataset, PixelElement | None]:
    """Parses the wanted elements before the pixel data.

    Args:
        path: a file that looks like DICOM.
        tags: the elements wanted; the file's meta information always comes, too.

    Returns:
        The dataset, and where its pixel data lie; None when there are none.

    Raises:
        DICOM_ERRORS: the bytes make no sense.
    """
    # Real scanners write decimal strings over 16 characters, which pydicom would warn about.
    with config.disable_value_validation(), path.open("rb") as stream:
        if _is_deflated(stream.read(1024)):
            _refuse_inflation(path)
            whole = dcmread(path, force=True, specific_tags=[*tags, _PIXEL_DATA_TAG])
            return whole, PixelElement(-1, -1, 0) if _PIXEL_DATA_TAG in whole else None
        stream.seek(0)
        dataset = dcmread(stream, stop_before_pixels=True, force=True, specific_tags=tags)
        return dataset, _pixel_element(stream)


def _is_deflated(start: bytes) -> bool:
    return uid.DeflatedExplicitVRLittleEndian.encode() in start


def _refuse_inflation(path: Path) -> None:
    """Counts what a deflated dataset (PS3.5 A.5) unpacks to before pydicom unpacks it at once."""
    meta = read_file_meta_info(path)
    inflate, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    with path.open("rb") as stream:
        stream.seek(128 + 4 + 12 + int(meta.get("FileMetaInformationGroupLength") or 0))
        while packed := inflate.unconsumed_tail or stream.read(_CHUNK):
            size += len(inflate.decompress(packed, _CHUNK))
            if size > _LARGEST_INFLATED:
                raise ValueError("a deflated dataset of more than 1 GiB")


def _pixel_element(stream: BinaryIO) -> PixelElement | None:
    """Reads tag, VR and length where pydicom stopped (PS3.5 7.1.2, 7.1.3).

    Whether they are explicit is seen from the bytes, for the stated syntax is not always true: a
    length that reads as one of these VRs would be odd, which no length may be.
    """
    start = stream.read(12)
    order = _PIXEL_DATA.get(start[:4])
    value = 12 if start[4:6] in (b"OB", b"OW", b"UN") else 8
    if order is None or len(start) < value:
        return None
    (length,) = struct.unpack(f"{order}L", start[value - 4 : value])
    offset = stream.tell() - len(start) + value
    available = stream.seek(0, 2) - offset
    if length != _UNDEFINED_LENGTH:
        return PixelElement(offset, length, available)
    return PixelElement(offset, -1, available, *_fragments(stream, offset, offset + available))


def _fragments(stream: BinaryIO, offset: int, end: int) -> tuple[int, bool]:
    """Steps over the items of encapsulated pixel data (PS3.5 A.4): how many, and is one cut."""
    items, place = 0, offset
    while place + 8 <= end:
        stream.seek(place)
        tag, length = struct.unpack("<4sL", stream.read(8))
        if tag != _ITEM:
            break
        place += 8 + length
        if place > end:
            return max(items - 1, 0), True
        items += 1
    return max(items - 1, 0), False  # the first is the Basic Offset Table
