"""Database: the tables of a node in SQLite; what a transaction wrote survives a crash."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["LEDGER", "Database"]

LEDGER = "ledger.sqlite"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    study_uid TEXT NOT NULL,
    series_uid TEXT NOT NULL,
    state TEXT NOT NULL,
    revision INTEGER NOT NULL DEFAULT 1,
    changed REAL NOT NULL,                -- when the last slice came, or the work ended
    due REAL NOT NULL DEFAULT 0,          -- when to try
    attempts INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '',      -- of the last failure, without patient data
    swept INTEGER NOT NULL DEFAULT 0,     -- its files are gone
    UNIQUE (study_uid, series_uid)
);
CREATE INDEX IF NOT EXISTS series_by_state ON series (state, due);
CREATE TABLE IF NOT EXISTS instance (
    series INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
    sop_uid TEXT NOT NULL,
    PRIMARY KEY (series, sop_uid)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS delivery (
    series INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
    revision INTEGER NOT NULL,
    destination TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting',  -- sent, set aside
    due REAL NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (series, revision, destination)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS delivery_by_state ON delivery (destination, state, due);
CREATE TABLE IF NOT EXISTS fetched (
    source TEXT NOT NULL,
    series_uid TEXT NOT NULL,
    images INTEGER NOT NULL,
    PRIMARY KEY (source, series_uid)
) WITHOUT ROWID;
"""


class Database:
    """One file, for every thread of a node.

    Args:
        path: created if absent.
    """

    def __init__(self, path: Path) -> None:
        self._lock, self._reading = threading.RLock(), threading.Lock()
        self._writer = _connect(path)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            self._writer.execute(f"PRAGMA {pragma}")
        self._writer.executescript(_SCHEMA)
        self._reader = _connect(path)  # does not wait while a transaction goes to a slow disk

    def close(self) -> None:
        """Put the journal into the file."""
        with self._lock, self._reading:
            self._reader.close()
            self._writer.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of a block or nothing; on the disk when the block has ended."""
        with self._lock:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise
            self._writer.execute("COMMIT")

    def rows(self, question: str, *values: Any) -> list[sqlite3.Row]:
        """The answer to a question that changes nothing."""
        with self._reading:
            return self._reader.execute(question, values).fetchall()


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    return connection
