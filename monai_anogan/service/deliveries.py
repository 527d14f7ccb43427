"""Deliveries: which results have gone to which destination, and which are to go next."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from monai_anogan.service.database import Database

__all__ = ["Deliveries", "Delivery"]


@dataclass(frozen=True)
class Delivery:
    """The results of one revision of a series, to one destination."""

    series: int
    revision: int
    series_uid: str
    destination: str
    attempts: int  # that failed


class Deliveries:
    """What is still to be sent; every method is one transaction, from any thread.

    Args:
        database: of the node.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def next(self, destination: str, now: float) -> Delivery | None:
        """What has waited longest for a destination."""
        found = self._database.rows(
            "SELECT delivery.series, delivery.revision, series_uid, destination, delivery.attempts "
            "FROM delivery JOIN series ON id = series WHERE destination = ? "
            "AND delivery.state = 'waiting' AND delivery.due <= ? "
            "ORDER BY delivery.due, series LIMIT 1",
            destination,
            now,
        )
        return Delivery(*found[0]) if found else None

    def sent(self, delivery: Delivery, now: float) -> None:
        """The destination has it all."""
        self._end(delivery, "sent", "", now)

    def failed(self, delivery: Delivery, reason: str, due: float | None, now: float) -> None:
        """Try again then, or, without a time, set it aside."""
        if due is None:
            self._end(delivery, "set aside", reason, now)
            return
        with self._database.transaction() as database:
            database.execute(
                "UPDATE delivery SET attempts = attempts + 1, due = ?, reason = ? "
                "WHERE series = ? AND revision = ? AND destination = ?",
                (due, reason, delivery.series, delivery.revision, delivery.destination),
            )

    def drop(self, known: Collection[str], now: float) -> None:
        """Set aside what was for destinations that the settings no longer have."""
        for row in self._database.rows(
            "SELECT delivery.*, series_uid FROM delivery JOIN series ON id = series "
            "WHERE delivery.state = 'waiting'"
        ):
            if row["destination"] not in known:
                delivery = Delivery(
                    row["series"], row["revision"], row["series_uid"], row["destination"], 0
                )
                self._end(delivery, "set aside", "the settings no longer have it", now)

    def _end(self, delivery: Delivery, state: str, reason: str, now: float) -> None:
        with self._database.transaction() as database:
            database.execute(
                "UPDATE delivery SET state = ?, reason = ? "
                "WHERE series = ? AND revision = ? AND destination = ?",
                (state, reason, delivery.series, delivery.revision, delivery.destination),
            )
            database.execute(
                "UPDATE series SET state = 'done', changed = ? WHERE id = ? "
                "AND state = 'delivering' AND NOT EXISTS (SELECT 1 FROM delivery "
                "WHERE series = id AND delivery.state = 'waiting')",
                (now, delivery.series),
            )
