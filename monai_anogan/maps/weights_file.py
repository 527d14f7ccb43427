"""A file of weights, read by whoever knows what is in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError

import torch

from monai_anogan.errors import InputError

__all__ = ["weights_of"]

UNREADABLE = (RuntimeError, TypeError, AttributeError, LookupError, EOFError, UnpicklingError)


@contextmanager
def weights_of(path: str | Path, what: str, cure: str) -> Iterator[dict[str, torch.Tensor]]:
    """The state dict in a file, within which a network is made of it.

    Args:
        path: the file.
        what: it must be, "a comparison" say.
        cure: where it is something else.

    Raises:
        InputError: It holds something else, be it found on reading or within.
    """
    try:
        yield torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        raise InputError(
            f"{path} must be {what} of this version, got something else; {cure}"
        ) from error
