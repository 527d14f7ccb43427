"""Which of a site's healthy scans are kept from training, to watch it and to calibrate with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

__all__ = ["hold_out"]

Item = TypeVar("Item")
ONE_OF = 3


def hold_out(scans: Sequence[Item], needed: int) -> tuple[list[Item], list[Item]]:
    """Scans to train on, and scans held out, evenly spread: a third, or what a calibration needs.

    Args:
        scans: three or more.
        needed: scans of a calibration; so many are held out where as many remain to train on.
    """
    count = max(len(scans) // ONE_OF, needed if len(scans) >= 2 * needed else 0)
    held = {round((k + 1) * len(scans) / count) - 1 for k in range(count)}
    return (
        [scan for k, scan in enumerate(scans) if k not in held],
        [scan for k, scan in enumerate(scans) if k in held],
    )
