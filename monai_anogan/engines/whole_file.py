"""Files that are whole or absent, whatever kills the process that writes them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["whole_file", "write_bytes", "write_json"]


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Gives a place beside `path`; what was written there appears under its name at once."""
    beside = path.with_name(f".{path.name}.partial")
    yield beside
    os.replace(beside, path)


def write_bytes(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    """Have `write` fill a file that then appears under its name at once."""
    with whole_file(path) as beside, beside.open("wb") as file:
        write(file)


def write_json(path: Path, content: Any) -> None:
    """Write a record as JSON."""
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    write_bytes(path, lambda file: file.write(text.encode("utf-8")))
