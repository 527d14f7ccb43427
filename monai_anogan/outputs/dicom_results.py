"""The DICOM objects of one case: those asked for that can be right, and why the others cannot."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from monai.data import MetaTensor
from pydicom.dataset import Dataset

from monai_anogan.maps import Findings
from monai_anogan.outputs.deidentify import deidentify
from monai_anogan.outputs.dicom_choice import DEFAULT_OBJECTS, OF_FINDINGS
from monai_anogan.outputs.frame_order import FrameOrder
from monai_anogan.outputs.measurement_report import write_measurement_report
from monai_anogan.outputs.overlay_series import write_overlay_series
from monai_anogan.outputs.parametric_map import write_parametric_map
from monai_anogan.outputs.segmentation import write_segmentation

__all__ = ["DicomResults", "write_dicom_results"]

TWICE = 2.0  # thresholds: the brightest colour, as in the report

NOT_DICOM = "the input is not DICOM"
NOT_CALIBRATED = "the model is not calibrated, so there are no findings"
NO_FINDING = "there is no finding, and a Segmentation cannot be empty"
TOO_SMALL = "no finding is large enough for a voxel of the scan"


@dataclass(frozen=True)
class DicomResults:
    """What was written, and what was not."""

    files: tuple[Path, ...] = ()  # a folder for those of a series
    skipped: dict[str, str] = field(default_factory=dict)  # object to reason


def write_dicom_results(
    folder: str | Path,
    *,
    source: MetaTensor,
    anomaly_map: torch.Tensor,
    version: str,
    model: str = "",
    findings: Findings | None = None,
    labels: torch.Tensor | None = None,
    objects: Collection[str] | None = None,
    map_max: float = 1.0,
    frame_order: FrameOrder = FrameOrder.descending,
    anonymous: bool = False,
) -> DicomResults:
    """Write the DICOM objects of a case that came as DICOM.

    `anomaly_map.dcm` (pm), `findings.seg.dcm` (seg), `findings.sr.dcm` (sr) and the folder
    `overlay` (sc). They refer to one another and to the source.

    Args:
        folder: an existing folder.
        source: the scan, (1, I, J, K), with the meta data it was loaded with.
        anomaly_map: (1, I, J, K) on the same grid; calibrated if there are findings, or raw.
        version: of this software.
        model: name and version of the model.
        findings: of a calibrated model.
        labels: (1, I, J, K) on the scan's grid, 0 or the label of a finding.
        objects: keys of `DICOM_OBJECTS`; by default pm, seg and sr.
        map_max: the score that gets the brightest colour where the map is raw.
        frame_order: of the Parametric Map.
        anonymous: leave out who the patient is.
    """
    wanted = DEFAULT_OBJECTS if objects is None else tuple(objects)
    if not source.meta.get("dicom_files"):
        return DicomResults(skipped=dict.fromkeys(objects or (), NOT_DICOM))
    writer = _Writer(Path(folder), source, version, model)
    scores = torch.as_tensor(anomaly_map)[0].numpy()
    top = map_max if findings is None else TWICE * findings.threshold
    if "pm" in wanted:
        writer.map(scores, top, findings is not None, frame_order)
    if findings is not None and labels is not None:
        writer.findings(wanted, findings, torch.as_tensor(labels)[0].numpy())
    else:
        writer.skipped |= {name: NOT_CALIBRATED for name in wanted if name in OF_FINDINGS}
    if "sc" in wanted:
        writer.overlay(scores, top)
    if anonymous:
        deidentify(file for path in writer.files for file in _dicom_files(path))
    return DicomResults(tuple(writer.files), writer.skipped)


class _Writer:
    """Writes the objects of one case, and keeps those that later ones refer to."""

    def __init__(self, folder: Path, source: MetaTensor, version: str, model: str) -> None:
        self.folder, self.source = folder, source
        self.dicom_files = source.meta["dicom_files"]
        self.how: dict[str, Any] = {
            "dicom_frames": source.meta.get("dicom_frames"),
            "version": version,
            "model": model,
        }
        self.files: list[Path] = []
        self.skipped: dict[str, str] = {}
        self.parametric_map: Dataset | None = None

    def map(self, scores: Any, top: float, calibrated: bool, frame_order: FrameOrder) -> None:
        self.parametric_map = write_parametric_map(
            scores,
            self.dicom_files,
            self._add("anomaly_map.dcm"),
            calibrated=calibrated,
            top=top,
            frame_order=frame_order,
            **self.how,
        )

    def findings(self, wanted: Collection[str], found: Findings, labels: Any) -> None:
        segmentation = None
        if "seg" in wanted and labels.any():
            path = self._add("findings.seg.dcm")
            segmentation = write_segmentation(
                labels, list(found), self.dicom_files, path, **self.how
            )
        elif "seg" in wanted:
            self.skipped["seg"] = TOO_SMALL if len(found) else NO_FINDING
        if "sr" in wanted:
            write_measurement_report(
                found,
                labels,
                self.dicom_files,
                self._add("findings.sr.dcm"),
                segmentation=segmentation,
                parametric_map=self.parametric_map,
                **self.how,
            )

    def overlay(self, scores: Any, top: float) -> None:
        scan = self.source[0].numpy()
        write_overlay_series(
            scores, scan, self.dicom_files, self._add("overlay"), top=top, **self.how
        )

    def _add(self, name: str) -> Path:
        self.files.append(self.folder / name)
        return self.files[-1]


def _dicom_files(path: Path) -> list[Path]:
    return sorted(path.iterdir()) if path.is_dir() else [path]
