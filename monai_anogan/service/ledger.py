"""Ledger: what the node knows of every series, and what is to be done with it next.

A series goes arriving -> waiting -> working -> delivering -> done, or to set aside. A slice that
comes after work on its series began opens the series again, as its next revision.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass

from monai_anogan.service.database import Database

__all__ = ["STATES", "Job", "Ledger"]

STATES = ("arriving", "waiting", "working", "delivering", "done", "set aside")


@dataclass(frozen=True)
class Job:
    """One revision of one series, to be worked on."""

    series: int
    revision: int
    series_uid: str
    attempts: int  # this one counts


class Ledger:
    """What is known of each series; every method is one transaction, from any thread.

    Args:
        database: of the node.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def knows(self, study_uid: str, series_uid: str, sop_uid: str) -> bool:
        """Whether a slice has come before, and need not be kept again."""
        return bool(
            self._database.rows(
                "SELECT 1 FROM instance JOIN series ON id = series "
                "WHERE study_uid = ? AND series_uid = ? AND sop_uid = ?",
                study_uid,
                series_uid,
                sop_uid,
            )
        )

    def open(self, study_uid: str, series_uid: str, now: float) -> int:
        """The number of a series, which a slice is coming for."""
        with self._database.transaction() as database:
            found = database.execute(
                "SELECT id FROM series WHERE study_uid = ? AND series_uid = ?",
                (study_uid, series_uid),
            ).fetchone()
            if found is not None:
                return found["id"]
            number = database.execute(
                "INSERT INTO series (study_uid, series_uid, state, changed) "
                "VALUES (?, ?, 'arriving', ?)",
                (study_uid, series_uid, now),
            ).lastrowid
        assert number is not None
        return number

    def add(self, series: int, sop_uid: str, now: float) -> bool:
        """Note a slice that is on disk; True when that opened the series again."""
        with self._database.transaction() as database:
            state, swept = database.execute(
                "SELECT state, swept FROM series WHERE id = ?", (series,)
            ).fetchone()
            if swept:  # the others are gone, and must come again
                database.execute("DELETE FROM instance WHERE series = ?", (series,))
            fresh = database.execute(
                "INSERT OR IGNORE INTO instance VALUES (?, ?)", (series, sop_uid)
            ).rowcount
            again = bool(fresh) and state not in ("arriving", "waiting")
            if fresh:
                database.execute(
                    "UPDATE series SET state = 'arriving', changed = ?, revision = revision + ?, "
                    "attempts = 0, reason = '', swept = 0 WHERE id = ?",
                    (now, again, series),
                )
        return again

    def settle(self, quiet_since: float, now: float) -> int:
        """Series without a new slice since then are whole and wait for work; how many."""
        with self._database.transaction() as database:
            return database.execute(
                "UPDATE series SET state = 'waiting', due = ? "
                "WHERE state = 'arriving' AND changed <= ?",
                (now, quiet_since),
            ).rowcount

    def take(self, now: float) -> Job | None:
        """The series that has waited longest, to be worked on now."""
        with self._database.transaction() as database:
            row = database.execute(
                "SELECT id, revision, series_uid, attempts FROM series "
                "WHERE state = 'waiting' AND due <= ? ORDER BY due, id LIMIT 1",
                (now,),
            ).fetchone()
            if row is None:
                return None
            database.execute(
                "UPDATE series SET state = 'working', attempts = attempts + 1 WHERE id = ?",
                (row["id"],),
            )
        return Job(row["id"], row["revision"], row["series_uid"], row["attempts"] + 1)

    def finish(self, job: Job, destinations: Collection[str], now: float) -> bool:
        """The results are on disk and may go out; False when a late slice has overtaken them."""
        with self._database.transaction() as database:
            if not self._still(database, job):
                return False
            database.execute(
                "UPDATE series SET state = 'delivering', changed = ?, reason = '' WHERE id = ?",
                (now, job.series),
            )
            database.executemany(
                "INSERT OR IGNORE INTO delivery (series, revision, destination, due) "
                "VALUES (?, ?, ?, ?)",
                [(job.series, job.revision, name, now) for name in destinations],
            )
        return True

    def fail(self, job: Job, reason: str, due: float | None, now: float) -> None:
        """Work failed: try again then, or, without a time, set the series aside."""
        with self._database.transaction() as database:
            if self._still(database, job):
                database.execute(
                    "UPDATE series SET state = ?, due = ?, reason = ?, changed = ? WHERE id = ?",
                    ("set aside" if due is None else "waiting", due or 0, reason, now, job.series),
                )

    def give_back(self, job: Job) -> None:
        """The node stops: the attempt does not count."""
        with self._database.transaction() as database:
            if self._still(database, job):
                database.execute(
                    "UPDATE series SET state = 'waiting', attempts = attempts - 1 WHERE id = ?",
                    (job.series,),
                )

    def recover(self, now: float) -> dict[int, set[str]]:
        """After a start: interrupted work waits again, and the quiet period begins anew.

        Returns:
            The slices of each series that is still arriving.
        """
        with self._database.transaction() as database:
            database.execute(
                "UPDATE series SET state = 'waiting', due = ? WHERE state = 'working'", (now,)
            )
            database.execute("UPDATE series SET changed = ? WHERE state = 'arriving'", (now,))
            known: dict[int, set[str]] = {}
            for series, uid in database.execute(
                "SELECT id, sop_uid FROM series LEFT JOIN instance ON series = id "
                "WHERE state = 'arriving'"
            ):
                known.setdefault(series, set()).update([uid] if uid else [])
        return known

    def retry(self, series: int, now: float) -> bool:
        """Try a series that was set aside, or a delivery of it, once more; False: there is none."""
        with self._database.transaction() as database:
            work = database.execute(
                "UPDATE series SET state = 'waiting', due = ?, attempts = 0 "
                "WHERE id = ? AND state = 'set aside' AND NOT swept",
                (now, series),
            ).rowcount
            sending = database.execute(
                "UPDATE delivery SET state = 'waiting', due = ?, attempts = 0 "
                "WHERE series = ? AND state = 'set aside'",
                (now, series),
            ).rowcount
        return bool(work + sending)

    def sweep(self, before: float) -> None:
        """Series that ended before then may lose their files; that they were here is remembered."""
        with self._database.transaction() as database:
            database.execute(
                "UPDATE series SET swept = 1 WHERE state IN ('done', 'set aside') "
                "AND NOT swept AND changed <= ? AND NOT EXISTS (SELECT 1 FROM delivery "
                "WHERE series = id AND delivery.state = 'waiting')",
                (before,),
            )

    def swept(self, among: Collection[int]) -> list[int]:
        """Which of these series may lose their files."""
        swept = {row["id"] for row in self._database.rows("SELECT id FROM series WHERE swept")}
        return sorted(swept & set(among))

    @staticmethod
    def _still(database: sqlite3.Connection, job: Job) -> bool:
        return (
            database.execute(
                "SELECT 1 FROM series WHERE id = ? AND revision = ? AND state = 'working'",
                (job.series, job.revision),
            ).fetchone()
            is not None
        )
