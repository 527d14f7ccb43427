"""What `anogan detect` leaves of one case: maps, findings, pictures, summary."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from monai.data import MetaTensor

from monai_anogan import __version__
from monai_anogan.outputs import (
    DISCLAIMER,
    DicomResults,
    FrameOrder,
    write_dicom_results,
    write_findings,
    write_maps,
)
from monai_anogan.pipeline import Detection, Pipeline, StageClock
from monai_anogan.result_pictures import describe_input, shade_of, write_pictures

__all__ = ["write_detection"]


def write_detection(
    detection: Detection,
    folder: str | Path,
    pipeline: Pipeline,
    item: Mapping[str, str],
    *,
    dicom: Collection[str] | None = None,
    frame_order: FrameOrder = FrameOrder.descending,
    anonymous: bool = False,
) -> tuple[list[Path], DicomResults]:
    """Write everything `anogan detect` promises for one case into an existing folder.

    The maps, the DICOM objects, from a calibrated model `findings.json`, `.csv` and `.nii.gz`, then
    `overview.png`, `report.html` and `summary.json`: the summary is last and names the others.

    Args:
        detection: the case.
        folder: where to.
        pipeline: what made it.
        item: the case as it was given to the pipeline.
        dicom: the DICOM objects to write, see `write_dicom_results`.
        frame_order: of the Parametric Map.
        anonymous: leave out who the patient is, and the names and places of the input.

    Returns:
        The files written, and which DICOM objects are not among them.
    """
    if anonymous:
        item = _without_identity(detection.source)
    model = f"{pipeline.metadata['name']} {pipeline.metadata['version']}"
    versions: dict[str, Any] = {"version": __version__, "model": model}
    volumes = {"source": detection.source, "anomaly_map": detection.anomaly_map}
    found, labels, clock = detection.findings, detection.labels, StageClock()
    with clock("write"):
        written = write_maps(folder, **volumes, reconstruction=detection.reconstruction)
        results = write_dicom_results(
            folder,
            **volumes,
            **versions,
            findings=found,
            labels=labels,
            objects=dicom,
            map_max=pipeline["map_max"],
            frame_order=frame_order,
            anonymous=anonymous,
        )
        written += results.files
        if found is not None and labels is not None:
            written += write_findings(folder, found, labels, source=detection.source, **versions)
        written += write_pictures(detection, Path(folder), pipeline, item, model)
    summary = {
        "input": describe_input(item, detection.source),
        **_describe_result(detection, pipeline),
        **_describe_model(pipeline),
        "seconds": {name: round(s, 3) for name, s in (detection.seconds | clock.seconds).items()},
        "files": [path.name for path in written],
        "dicom_not_written": results.skipped,
        "disclaimer": DISCLAIMER,
    }
    written.append(Path(folder, "summary.json"))
    written[-1].write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return written, results


def _without_identity(source: MetaTensor) -> dict[str, str]:
    """The case under a name that says nothing; its series can no longer be told, either."""
    for name in ("series_uid", "series_description"):
        source.meta.pop(name, None)
    return {"image": "anonymous"}


def _describe_result(detection: Detection, pipeline: Pipeline) -> dict[str, Any]:
    """What the map's numbers are, what was found, and whether it can be trusted here."""
    found = detection.findings
    described: dict[str, Any] = {
        "case_score": detection.case_score,
        "map_unit": shade_of(detection, pipeline).unit,
        "warnings": list(detection.warnings),
        "shading_matched": detection.shading_matched,
        "map_gain": round(detection.map_gain, 3),
        "calibration": found.statement if found is not None else None,
    }
    if found is not None:
        described |= {
            "scan_p_value": found.p_value,
            "alpha": found.alpha,
            "threshold": found.threshold,
            "findings": len(found),
        }
    return described


def _describe_model(pipeline: Pipeline) -> dict[str, Any]:
    """What made the result."""
    return {
        "model": {"name": pipeline.metadata["name"], "version": pipeline.metadata["version"]},
        "software": {"name": "monai_anogan", "version": __version__},
        "settings": pipeline.settings,
    }
