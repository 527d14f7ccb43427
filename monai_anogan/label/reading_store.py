"""Readings on disk, so that a scan is searched once: for three questions, and after a restart.

Of each scan a small `KEY.json` stays (its score, its findings, or why it was refused); the volumes
`KEY.npz` of the scans that were asked for longest ago are dropped.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import numpy as np

from monai_anogan.errors import InputError
from monai_anogan.label.reading import Reading
from monai_anogan.maps import Finding

__all__ = ["ReadingStore"]


class ReadingStore:
    """A folder of readings by key.

    Args:
        folder: made if absent.
        volumes: how many scans' volumes are kept.
    """

    def __init__(self, folder: str | Path, volumes: int = 50) -> None:
        self.folder, self.volumes = Path(folder), volumes
        self.folder.mkdir(parents=True, exist_ok=True)

    def record(self, key: str) -> dict[str, Any] | None:
        """The small part of a reading, `case_score` or `refused` in it; None if it is not here."""
        try:
            return json.loads((self.folder / f"{key}.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None

    def get(self, key: str) -> Reading | None:
        """A reading; None if it, or its volumes, are not here.

        Raises:
            InputError: The scan was refused.
        """
        record = self.record(key)
        if record is None:
            return None
        if "refused" in record:
            raise InputError(record["refused"])
        try:
            path = self.folder / f"{key}.npz"
            with np.load(path, allow_pickle=False) as volumes:
                held = {name: volumes[name] for name in ("affine", "anomaly_map", "labels")}
            os.utime(path)  # asked for now
        except (OSError, ValueError, KeyError):
            return None
        rows = record["findings"]
        return Reading(
            **held,
            case_score=record["case_score"],
            findings=None if rows is None else tuple(Finding(**_tuples(row)) for row in rows),
            facts=record["facts"],
        )

    def put(self, key: str, reading: Reading) -> None:
        """Keep a reading: the volumes first, so that where the record is, they were."""
        self._write(
            f"{key}.npz",
            lambda file: np.savez_compressed(
                file,
                affine=reading.affine,
                anomaly_map=reading.anomaly_map,
                labels=reading.labels,
            ),
        )
        found = reading.findings
        record = {
            "case_score": reading.case_score,
            "findings": None if found is None else [asdict(finding) for finding in found],
            "facts": reading.facts,
        }
        self._write_record(key, record)
        self._drop_oldest()

    def put_refused(self, key: str, reason: str) -> None:
        """Keep why a scan was refused."""
        self._write_record(key, {"refused": reason})

    def _write_record(self, key: str, record: dict[str, Any]) -> None:
        text = json.dumps(record, allow_nan=False).encode()
        self._write(f"{key}.json", lambda file: file.write(text))

    def _write(self, name: str, fill: Callable[[IO[bytes]], object]) -> None:
        """A file that is there whole or not at all, whoever else writes it."""
        with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".partial", delete=False) as file:
            try:
                fill(file)
            except BaseException:
                os.unlink(file.name)
                raise
        os.replace(file.name, self.folder / name)

    def _drop_oldest(self) -> None:
        held = sorted(self.folder.glob("*.npz"), key=lambda path: path.stat().st_mtime_ns)
        for path in held[: -self.volumes]:
            path.unlink(missing_ok=True)


def _tuples(row: dict[str, Any]) -> dict[str, Any]:
    """A finding's fields as they were before JSON made lists of tuples."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}
