"""The errors a user can mend: one line each, saying what must be, what was got, and the cure."""

from __future__ import annotations

__all__ = ["AnoganError", "InputError", "TrainingError"]


class AnoganError(ValueError):
    """Anything the command line reports in one line instead of a traceback."""


class InputError(AnoganError):
    """A scan, file or folder that cannot be used as it is."""


class TrainingError(AnoganError):
    """A training run that must not go on (collapse, non-finite loss)."""
