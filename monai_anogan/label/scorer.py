"""One bundle that reads each scan once, whoever asks, and remembers."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from monai_anogan import __version__
from monai_anogan.errors import AnoganError, InputError
from monai_anogan.io import find_inputs
from monai_anogan.label.reading import Reading
from monai_anogan.label.reading_store import ReadingStore
from monai_anogan.maps import weights_digest
from monai_anogan.pipeline import Pipeline

__all__ = ["Scorer"]


class Scorer:
    """Reads scans with one pipeline; safe to call from several threads.

    Args:
        pipeline: the bundle and its settings.
        store: where readings are kept.
    """

    def __init__(self, pipeline: Pipeline, store: ReadingStore) -> None:
        self.pipeline, self.store = pipeline, store
        self._model = _model_key(pipeline)
        self._digests: dict[tuple[Any, ...], str] = {}
        self._lock = threading.Lock()

    @property
    def model(self) -> str:
        """Name and version of the model."""
        return f"{self.pipeline.metadata['name']} {self.pipeline.metadata['version']}"

    def reading(self, image: str | Path) -> Reading:
        """What the model makes of a scan; where MONAI Label has a NIfTI copy, on the copy's grid.

        Args:
            image: a NIfTI file, or a folder with a DICOM series.

        Raises:
            InputError: The scan cannot be read correctly, or is not what the model is for.
        """
        source = scan_of(Path(image))
        with self._lock:
            reading = self._read(source)
        return reading if source == Path(image) else reading.on_grid_of(image)

    def score(self, image: str | Path) -> float:
        """The case score of a scan, higher is more abnormal.

        Raises:
            InputError: As for `reading`.
        """
        record = self.remembered(image)
        if record is None:
            return self.reading(image).case_score
        if "refused" in record:
            raise InputError(record["refused"])
        return float(record["case_score"])

    def remembered(self, image: str | Path) -> dict[str, Any] | None:
        """What is known of a scan without reading it, see `ReadingStore.record`."""
        source = scan_of(Path(image))
        return self.store.record(self._key(source)) if source.exists() else None

    def _read(self, source: Path) -> Reading:
        items = find_inputs(source)
        if len(items) != 1:
            raise InputError(f"{source} must hold one scan, got {len(items)}")
        key = self._key(source)
        reading = self.store.get(key)
        if reading is None:
            try:
                reading = Reading.of(self.pipeline.run(items[0]))
            except AnoganError as error:
                self.store.put_refused(key, str(error))
                raise
            self.store.put(key, reading)
        return reading

    def _key(self, source: Path) -> str:
        """What a reading depends on: the bytes of the scan, the weights, the settings."""
        files = list(_files(source))
        state = tuple((f, s.st_mtime_ns, s.st_size) for f, s in ((f, f.stat()) for f in files))
        if state not in self._digests:
            self._digests[state] = weights_digest(*files)
        return hashlib.sha256((self._model + self._digests[state]).encode()).hexdigest()[:32]


def scan_of(image: Path) -> Path:
    """The DICOM series that MONAI Label made a NIfTI file of, if it did; else the file itself.

    Its DICOMweb datastore keeps the series in the folder `UID` beside `UID.nii.gz`. The series says
    what the copy no longer does: the modality, and whether slices are missing.
    """
    folder = image.with_name(image.name.removesuffix(".nii.gz"))
    return folder if folder != image and folder.is_dir() else image


def _files(source: Path) -> Iterator[Path]:
    yield from (
        sorted(f for f in source.rglob("*") if f.is_file()) if source.is_dir() else [source]
    )


def _model_key(pipeline: Pipeline) -> str:
    weights = [Path(path) for path in pipeline["weights"]]
    calibration = Path(pipeline["calibration_file"])
    files = [*weights, *([calibration] if calibration.is_file() else [])]
    told = {name: pipeline[name] for name in ("alpha", "force", "series")} | pipeline.settings
    return json.dumps([__version__, weights_digest(*files), told], sort_keys=True, default=str)
