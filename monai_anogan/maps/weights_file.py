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
def weights_of(
    path: str | Path, what: str, *, make: str, made: str, cure: str
) -> Iterator[dict[str, torch.Tensor]]:
    """The state dict in a file, within which a network is made of it.

    Args:
        path: the file.
        what: it must be, "comparison" say.
        make: what is done again where it is something else, "fit" say.
        made: the same, done.
        cure: where there is no file.

    Raises:
        InputError: It is missing, or holds something else, be it found on reading or within.
    """
    if not Path(path).is_file():
        raise InputError(f"the {what} must be {made} first, {path} is missing; {cure}")
    try:
        yield torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        raise InputError(
            f"{path} must be a {what} of this version, got something else; {make} it again"
        ) from error
