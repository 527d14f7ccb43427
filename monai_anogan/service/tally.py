"""Tally: what the node has counted since it started, for `/metrics`."""

from __future__ import annotations

import threading
from collections import Counter

__all__ = ["Tally"]


class Tally:
    """Counts by name and label, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, name: str, label: str = "", amount: float = 1) -> None:
        """Count something."""
        with self._lock:
            self._counts[name, label] += amount  # type: ignore[assignment]

    def of(self, name: str) -> dict[str, float]:
        """The counts of a name, by label."""
        with self._lock:
            return {label: count for (key, label), count in self._counts.items() if key == name}
