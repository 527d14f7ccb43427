"""Refusals: why images are no usable volume, in one clause, and what a person can do about it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["COPY_AGAIN", "EXPORT_AGAIN", "Refusal"]

COPY_AGAIN = "copy it again from its source"
EXPORT_AGAIN = "export the whole series again"


@dataclass(frozen=True)
class Refusal:
    """Why something is not read."""

    problem: str  # one clause: "slices missing between 3.00 and 9.00 mm (a.dcm, b.dcm)"
    cure: str  # what to do, as an order: "export the whole series again"
