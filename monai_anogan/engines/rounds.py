"""The order in which scans come to a fit of a comparison; see `ComparisonFit`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

__all__ = ["in_rounds"]

Item = TypeVar("Item")


def in_rounds(
    scans: Sequence[Item], rounds: int, members: int = 1, *, more: bool = False
) -> list[Item]:
    """All scans once; then for each member one half of them again and again, then the other.

    Each member begins at another place in the circle of scans, so that they have less in common.

    Args:
        scans: the scans.
        rounds: how often a scan comes to a member.
        members: how many are fitted.
        more: to a comparison that knows its surroundings, so that no scans come for these.
    """
    half = len(scans) // 2
    order = [] if more else [*scans]
    for member in range(members):
        start = member * len(scans) // members
        mine = [*scans[start:], *scans[:start]]
        order += mine[:half] * rounds + mine[half:] * rounds
    return order
