"""Frame readers: the stored values of one DICOM file after another, whatever encodes them."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import config, dcmread, uid
from pydicom.dataset import FileDataset
from pydicom.pixels import pixel_array

from monai_anogan.errors import InputError
from monai_anogan.io.dicom_file import DICOM_ERRORS
from monai_anogan.io.refusal import COPY_AGAIN
from monai_anogan.io.stored_pixels import StoredPixels

__all__ = ["FrameReader"]

# These raise errors on damaged data. GDCM, which pydicom would try first, may end the process, and
# therefore has one of its own, for what no other decoder takes.
_DECODERS = {
    uid.RLELossless: "pydicom",
    uid.JPEGBaseline8Bit: "pillow",
    uid.JPEGExtended12Bit: "pillow",
    uid.JPEGLSLossless: "pyjpegls",
    uid.JPEGLSNearLossless: "pyjpegls",
    uid.JPEG2000Lossless: "pillow",
    uid.JPEG2000: "pillow",
}
_OF_GDCM = {uid.JPEGLossless, uid.JPEGLosslessSV1}
_LONGEST_DECODING = 120.0  # seconds a file


class FrameReader:
    """Reads frames, and ends GDCM's process, where one was needed, on leaving the block."""

    def __init__(self) -> None:
        self._gdcm: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> FrameReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._gdcm is not None:
            self._gdcm.kill()
            self._gdcm.communicate()
            self._gdcm = None

    def read(self, path: Path, stored: StoredPixels) -> NDArray[Any]:
        """Stored values of one file, (frames, rows, columns).

        Raises:
            InputError: the file is truncated, broken, gone, or of another size than it said.
        """
        try:
            frames = _plain(path, stored) if stored.is_plain else self._decoded(path, stored)
            return _without_unused_bits(frames.reshape(stored.shape), stored.unused_bits)
        except DICOM_ERRORS as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InputError(
                f"{path} must hold whole pixel data, got a truncated, broken or unsupported file "
                f"({reason[:200]}); {COPY_AGAIN}"
            ) from error

    def _decoded(self, path: Path, stored: StoredPixels) -> NDArray[Any]:
        with config.disable_value_validation():
            dataset = dcmread(path, force=True)
            syntax = dataset.file_meta.get("TransferSyntaxUID")
            if syntax in _OF_GDCM or _is_12_bit_jpeg(dataset):
                return np.frombuffer(self._by_gdcm(path), stored.dtype)
            return pixel_array(dataset, decoding_plugin=_DECODERS.get(syntax, ""))

    def _by_gdcm(self, path: Path) -> bytes:
        if self._gdcm is None or self._gdcm.poll() is not None:
            # -P: modules beside the worker must not hide those of the standard library.
            command = [sys.executable, "-P", str(Path(__file__).with_name("gdcm_worker.py"))]
            pipe = subprocess.PIPE
            self._gdcm = subprocess.Popen(
                command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL
            )
        watch = threading.Timer(_LONGEST_DECODING, self._gdcm.kill)
        watch.start()
        try:
            return _ask(self._gdcm, path)
        finally:
            watch.cancel()


def _ask(worker: subprocess.Popen[bytes], path: Path) -> bytes:
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(json.dumps(str(path.absolute())).encode() + b"\n")
    worker.stdin.flush()
    length = int.from_bytes(worker.stdout.read(8), "little")
    data = worker.stdout.read(length)
    if not length or len(data) < length:
        raise RuntimeError("the JPEG data cannot be decoded")
    return data


def _is_12_bit_jpeg(dataset: FileDataset) -> bool:
    extended = dataset.file_meta.get("TransferSyntaxUID") == uid.JPEGExtended12Bit
    return extended and int(dataset.BitsStored) > 8


def _plain(path: Path, stored: StoredPixels) -> NDArray[Any]:
    assert stored.element is not None
    return np.fromfile(path, stored.dtype, math.prod(stored.shape), offset=stored.element.offset)


def _without_unused_bits(frames: NDArray[Any], bits: int) -> NDArray[Any]:
    """Shifts them out at the top; shifting back repeats the sign of signed values."""
    return (frames << bits) >> bits if bits else frames
