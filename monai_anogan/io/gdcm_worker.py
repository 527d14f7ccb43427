"""A process of its own for GDCM: it aborts on damaged JPEG, and must take nobody with it.

Run as a script. Reads one JSON string a line, the path of a DICOM file, and answers with the length
of its decoded pixel data, eight bytes little endian, and the data; length 0 if there are none.
"""

from __future__ import annotations

import json
import os
import sys

import gdcm

__all__: list[str] = []


def _decoded(path: str) -> bytes:
    reader = gdcm.ImageReader()
    reader.SetFileName(path)
    if not reader.Read():
        return b""
    # Bytes, which the binding takes for text.
    return reader.GetImage().GetBuffer().encode("utf-8", "surrogateescape")


def _serve() -> None:
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the library prints must not get between the answers
    for line in sys.stdin:
        data = _decoded(json.loads(line))
        answers.write(len(data).to_bytes(8, "little") + data)
        answers.flush()


if __name__ == "__main__":
    _serve()
