"""The three questions that MONAI Label's clients may ask: a heat map, severity bands, boxes."""

from __future__ import annotations

import tempfile
import time
from abc import abstractmethod
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import HTTPException
from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType

from monai_anogan.errors import AnoganError, InputError
from monai_anogan.label.bands import BANDS, severity
from monai_anogan.label.markups import write_boxes
from monai_anogan.label.reading import Reading
from monai_anogan.label.scorer import Scorer
from monai_anogan.label.volume_files import SUFFIXES, write_segments, write_volume
from monai_anogan.outputs import DISCLAIMER

__all__ = ["AnomalyMap", "FindingBoxes", "ReadingTask", "SeverityBands"]

CANNOT_BE_PROCESSED = 422  # HTTP: the request is understood, the scan is not fit for it


class ReadingTask(InferTask):
    """Answers from the reading of a scan; each kind writes another file.

    Args:
        scorer: reads the scans.
        kind: of task, which decides in what list a client shows it.
        labels: name to value in the answer's volume.
        description: for the client.
    """

    def __init__(
        self, scorer: Scorer, kind: InferType, labels: dict[str, int], description: str
    ) -> None:
        super().__init__(
            type=kind, labels=labels, dimension=3, description=f"{description} {DISCLAIMER}"
        )
        self.scorer = scorer

    def is_valid(self) -> bool:
        """True: without its weights the app would not have started."""
        return True

    def __call__(self, request: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Answer a request.

        Args:
            request: `image`, the scan; `result_extension`, `result_dtype` and `result_compress` as
                clients send them.

        Returns:
            The path of a file, which the server deletes when it is sent, and what else is told.

        Raises:
            HTTPException: The scan cannot be answered for, with the reason in its detail.
        """
        begin = time.perf_counter()
        try:
            reading = self.scorer.reading(request["image"])
            path = self.write(reading, request)
        except AnoganError as error:
            raise HTTPException(CANNOT_BE_PROCESSED, detail=_in_own_words(error)) from error
        rows = [asdict(finding) for finding in reading.findings or ()]
        told = {
            "case_score": reading.case_score,
            **reading.facts,
            "findings": rows,
            "label_names": self.labels,
            "model": self.scorer.model,
            "seconds": round(time.perf_counter() - begin, 2),
            "disclaimer": DISCLAIMER,
        }
        return str(path), told

    @abstractmethod
    def write(self, reading: Reading, request: dict[str, Any]) -> Path:
        """Write the answer into a new file."""


class AnomalyMap(ReadingTask):
    """The float map; its data type stays, whatever the client asks for."""

    def __init__(self, scorer: Scorer) -> None:
        super().__init__(scorer, InferType.OTHERS, {}, "Anomaly map, higher is more abnormal.")

    def write(self, reading: Reading, request: dict[str, Any]) -> Path:
        """Write the map as float32.

        Raises:
            InputError: The client asks for a format that is not written.
        """
        path = _new_file(_suffix(request))
        compress = bool(request.get("result_compress", True))
        write_volume(reading.anomaly_map, path, affine=reading.affine, compress=compress)
        return path


class SeverityBands(ReadingTask):
    """Integer labels, by how few healthy voxels have such a score."""

    def __init__(self, scorer: Scorer) -> None:
        labels = {band.name: band.label for band in BANDS}
        told = "Severity bands: at most this share of healthy voxels is like it."
        super().__init__(scorer, InferType.SEGMENTATION, labels, told)

    def write(self, reading: Reading, request: dict[str, Any]) -> Path:
        """Write the bands; as NRRD with their names and colours.

        Raises:
            InputError: The model is not calibrated, so that a score has no rate.
        """
        _check_calibrated(reading)
        suffix = _suffix(request)
        labels = severity(reading.anomaly_map).astype(_integer(request.get("result_dtype")))
        if not suffix.endswith(".nrrd"):
            path = _new_file(suffix)
            write_volume(labels, path, affine=reading.affine)
            return path
        path = _new_file(".seg.nrrd")
        compress = bool(request.get("result_compress", True))
        write_segments(labels, path, affine=reading.affine, bands=BANDS, compress=compress)
        return path


class FindingBoxes(ReadingTask):
    """The findings as ROI markups, the lowest p-value first."""

    def __init__(self, scorer: Scorer) -> None:
        told = "Findings as boxes, the lowest p-value first."
        super().__init__(scorer, InferType.DETECTION, {}, told)

    def write(self, reading: Reading, request: dict[str, Any]) -> Path:
        """Write the boxes.

        Raises:
            InputError: The model is not calibrated, so that there are no findings.
        """
        findings = _check_calibrated(reading)
        path = _new_file(".mrk.json")
        write_boxes(findings, reading.labels, path, affine=reading.affine)
        return path


def _check_calibrated(reading: Reading) -> tuple[Any, ...]:
    if reading.findings is None:
        told = "; ".join(reading.facts["warnings"])
        raise InputError(f"the model must be calibrated for bands and findings, got: {told}")
    return reading.findings


def _in_own_words(error: AnoganError) -> str:
    """The command's options have other names in MONAI Label."""
    return str(error).replace("--force", "--conf force true")


def _suffix(request: dict[str, Any]) -> str:
    suffix = request.get("result_extension") or SUFFIXES[0]
    if suffix not in SUFFIXES:
        raise InputError(f"result_extension must be one of {', '.join(SUFFIXES)}, got {suffix!r}")
    return str(suffix)


def _integer(name: str | None) -> np.dtype[Any]:
    """The integer type that a client asks for; uint8 where it asks for no integer."""
    wanted = np.dtype(name or "uint8")
    return wanted if wanted.kind in "iu" else np.dtype("uint8")


def _new_file(suffix: str) -> Path:
    with tempfile.NamedTemporaryFile(prefix="anogan-", suffix=suffix, delete=False) as file:
        return Path(file.name)
