"""Watcher: asks a DICOMweb server for new series (QIDO-RS) and fetches them (WADO-RS).

A series is fetched when the number of its images has stayed the same between two looks, and again
when it has grown. What comes goes through the same door as what is sent.
"""

from __future__ import annotations

import datetime
import logging
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Any

import requests
from pydicom import dcmwrite
from pydicom.dataset import Dataset

from monai_anogan.errors import AnoganError
from monai_anogan.io import DICOM_ERRORS
from monai_anogan.service.database import Database
from monai_anogan.service.intake import Intake, Verdict
from monai_anogan.service.rules import Rule
from monai_anogan.service.settings import Watch
from monai_anogan.service.web import connect

__all__ = ["Watcher"]

_log = logging.getLogger(__name__)
WEB_ERRORS = (requests.RequestException, ValueError)  # ValueError: an answer that is not DICOM JSON
PAGE = 500  # series asked for at once
SERIES_UID, STUDY_UID = "0020000E", "0020000D"
IMAGES, DESCRIPTION, MODALITY = "00201209", "0008103E", "00080060"


class Watcher:
    """One look at a time at one server.

    Args:
        settings: of the server.
        intake: what objects go through.
        database: remembers what was fetched.
    """

    def __init__(self, settings: Watch, intake: Intake, database: Database) -> None:
        self.settings, self.intake, self.database = settings, intake, database
        self._seen: dict[str, int] = {}  # images at the last look
        self._client = connect(settings)

    def step(self) -> bool:
        """One look; there is never more to do right after it.

        Raises:
            AnoganError: The server did not answer, or not in DICOM.
        """
        try:
            self._look()
        except WEB_ERRORS as error:  # their texts hold UIDs
            response = getattr(error, "response", None)
            got = type(error).__name__ if response is None else f"HTTP {response.status_code}"
            raise AnoganError(f"{self.settings.name} must answer, got {got}") from error
        return False

    def _look(self) -> None:
        """Fetch what is new and no longer grows."""
        seen: dict[str, int] = {}
        for series in self._series():
            uid, images = _value(series, SERIES_UID), int(_value(series, IMAGES) or -1)
            seen[uid] = images
            fetched = self.database.rows(
                "SELECT images FROM fetched WHERE source = ? AND series_uid = ?",
                self.settings.name,
                uid,
            )
            if fetched and fetched[0]["images"] == images:
                continue
            if self._seen.get(uid) == images:
                self._fetch(_value(series, STUDY_UID), uid, images)
        self._seen = seen

    def _series(self) -> Iterator[dict[str, Any]]:
        """The recent series that a rule may be for; the body part is in the images alone."""
        today = datetime.date.today()
        first = today - datetime.timedelta(days=self.settings.days)
        for modality in sorted({rule.modality for rule in self.intake.rules}):
            filters = {"Modality": modality, "StudyDate": f"{first:%Y%m%d}-{today:%Y%m%d}"}
            yield from self._pages(filters)

    def _pages(self, filters: dict[str, str]) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            page = self._client.search_for_series(
                search_filters=filters,
                fields=["NumberOfSeriesRelatedInstances", "SeriesDescription"],
                limit=PAGE,
                offset=offset,
            )
            yield from (one for one in page if _may_match(one, self.intake.rules))
            if len(page) < PAGE:
                return
            offset += len(page)

    def _fetch(self, study: str, series: str, images: int) -> None:
        verdicts = []
        for dataset in self._client.iter_series(study, series):
            content = _as_file(dataset)
            if len(content) > self.settings.object_mb * 1e6:
                self.intake.tally.add("objects", "too large")
                _log.warning("an object of over %g MB, not kept", self.settings.object_mb)
                continue
            verdicts.append(self.intake.take(content))
            if verdicts[-1] is Verdict.full:
                _log.warning("%s: the disk is too full, will fetch later", self.settings.name)
                return
        with self.database.transaction() as change:
            change.execute(
                "INSERT INTO fetched VALUES (?, ?, ?) "
                "ON CONFLICT DO UPDATE SET images = excluded.images",
                (self.settings.name, series, images),
            )
        _log.info("%s: fetched a series of %d images", self.settings.name, len(verdicts))


def _may_match(series: dict[str, Any], rules: Iterable[Rule]) -> bool:
    if DESCRIPTION not in series:  # not every server says
        return True
    description = _value(series, DESCRIPTION)
    open_rules = [rule.model_copy(update={"body_part": None}) for rule in rules]
    return any(rule.matches(rule.modality, description, "") for rule in open_rules)


def _value(attributes: dict[str, Any], tag: str) -> str:
    """The first value of an attribute of the DICOM JSON model (PS3.18 annex F); "" for none."""
    values = attributes.get(tag, {}).get("Value") or [""]
    return str(values[0])


def _as_file(dataset: Dataset) -> bytes:
    """The bytes of a dataset as a file (PS3.10)."""
    stream = BytesIO()
    try:
        dcmwrite(stream, dataset, enforce_file_format=True)
    except DICOM_ERRORS:  # cannot be written as it says it is: the door will refuse it
        return b""
    return stream.getvalue()
