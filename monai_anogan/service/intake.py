"""Intake: one object that came, by whichever way: kept, known already, not wanted, or refused."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydicom.tag import Tag

from monai_anogan.io import DICOM_ERRORS, VOLUME_CLASSES, parse_header
from monai_anogan.service.ledger import Ledger
from monai_anogan.service.rules import Rule
from monai_anogan.service.spool import Spool
from monai_anogan.service.tally import Tally

__all__ = ["Intake", "Verdict"]

_log = logging.getLogger(__name__)
_KEYWORDS = (
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "Modality",
    "SeriesDescription",
    "BodyPartExamined",
)
_TAGS = [*map(int, map(Tag, _KEYWORDS))]
_LONGEST_UID = 64


class Verdict(StrEnum):
    """What became of an object."""

    kept = "kept"
    known = "known"  # came before
    unwanted = "unwanted"  # no rule is for it
    not_an_image = "not an image"
    broken = "broken"
    full = "disk full"


@dataclass(frozen=True)
class Intake:
    """The door that every object goes through."""

    ledger: Ledger
    spool: Spool
    rules: Collection[Rule]
    tally: Tally

    def take(self, content: bytes | memoryview, *, stated_uid: str | None = None) -> Verdict:
        """Take an object in; with the verdict `kept` it is on the disk, whatever happens next.

        Args:
            content: a DICOM file (PS3.10).
            stated_uid: the SOP instance UID that the sender says it has.
        """
        try:
            with self.spool.part(content) as part:
                verdict = self._judge(part, stated_uid)
        except OSError:  # of the disk; the reserve is touched, or it is full
            verdict = Verdict.full
        except sqlite3.OperationalError:  # disk full, or the database is locked for long
            verdict = Verdict.full
        self.tally.add("objects", verdict)
        return verdict

    def _judge(self, part: Path, stated_uid: str | None) -> Verdict:
        try:
            header, pixels = parse_header(part, _TAGS)
            said = {name: str(header.get(name) or "") for name in _KEYWORDS}
        except DICOM_ERRORS:
            return Verdict.broken
        uids = [value for name, value in said.items() if name.endswith("UID")]
        if not all(uids) or max(map(len, uids)) > _LONGEST_UID:
            return Verdict.broken
        if stated_uid not in (None, said["SOPInstanceUID"]):
            return Verdict.broken
        if said["SOPClassUID"] not in VOLUME_CLASSES or pixels is None:
            return Verdict.not_an_image
        if not self._wanted(said):
            return Verdict.unwanted
        return self._keep(part, said)

    def _wanted(self, said: dict[str, str]) -> bool:
        about = (said["Modality"], said["SeriesDescription"], said["BodyPartExamined"])
        return any(rule.matches(*about) for rule in self.rules)

    def _keep(self, part: Path, said: dict[str, str]) -> Verdict:
        names = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
        study, series, sop = (said[name] for name in names)
        if self.ledger.knows(study, series, sop):
            return Verdict.known
        with self.spool.busy:
            number = self.ledger.open(study, series, time.time())
            self.spool.keep(part, number, sop)
            again = self.ledger.add(number, sop, time.time())
        if again:
            self.tally.add("late")
            _log.info("series %d: a late slice, so it will be worked on again", number)
        return Verdict.kept
