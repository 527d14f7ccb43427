"""What `anogan detect` leaves of one case: maps, findings, pictures, summary."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import monai
import torch
from monai.data import MetaTensor
from monai.data.utils import affine_to_spacing

from monai_anogan import __version__
from monai_anogan.maps import UNLIKE, Findings
from monai_anogan.outputs import (
    DICOM_OBJECTS,
    DISCLAIMER,
    DicomResults,
    FrameOrder,
    case_name,
    write_dicom_results,
    write_findings,
    write_maps,
)
from monai_anogan.pipeline import Detection, Pipeline, StageClock
from monai_anogan.reports import Shade, compose, place_in_words, write_overview, write_report

__all__ = ["dicom_in_words", "findings_in_words", "in_short", "write_detection"]

MOST_LINES = 10  # of findings on a terminal


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
    clock = StageClock()
    with clock("write"):
        written = write_maps(
            folder,
            source=detection.source,
            anomaly_map=detection.anomaly_map,
            reconstruction=detection.reconstruction,
        )
        results = write_dicom_results(
            folder,
            source=detection.source,
            anomaly_map=detection.anomaly_map,
            version=__version__,
            model=model,
            findings=detection.findings,
            labels=detection.labels,
            objects=dicom,
            map_max=pipeline["map_max"],
            frame_order=frame_order,
            anonymous=anonymous,
        )
        written += results.files
        if detection.findings is not None and detection.labels is not None:
            written += write_findings(
                folder,
                detection.findings,
                detection.labels,
                source=detection.source,
                version=__version__,
                model=model,
            )
        written += _write_pictures(detection, Path(folder), pipeline, item, model)
    summary = {
        "input": describe_input(item, detection.source),
        "case_score": detection.case_score,
        **_describe_result(detection, pipeline),
        "model": {"name": pipeline.metadata["name"], "version": pipeline.metadata["version"]},
        "software": {"name": "monai_anogan", "version": __version__},
        "settings": pipeline.settings,
        "seconds": {name: round(s, 3) for name, s in (detection.seconds | clock.seconds).items()},
        "files": [path.name for path in written],
        "dicom_not_written": results.skipped,
        "disclaimer": DISCLAIMER,
    }
    written.append(Path(folder, "summary.json"))
    written[-1].write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return written, results


def dicom_in_words(results: DicomResults) -> list[str]:
    """The DICOM objects that are not there, as lines for a terminal."""
    return [f"no {DICOM_OBJECTS[name]}: {why}" for name, why in results.skipped.items()]


def _without_identity(source: MetaTensor) -> dict[str, str]:
    """The case under a name that says nothing; its series can no longer be told, either."""
    for name in ("series_uid", "series_description"):
        source.meta.pop(name, None)
    return {"image": "anonymous"}


def findings_in_words(found: Findings | None) -> list[str]:
    """The findings of a case as lines for a terminal."""
    if found is None:
        return []
    count = {0: "no finding", 1: "1 finding"}.get(len(found), f"{len(found)} findings")
    lines = [f"{count} at alpha {found.alpha:g}, p-value of the scan {found.p_value:.3g}"]
    lines += [
        f"  {f.label:2d}  p {f.p_value:.3g}  peak {f.peak:.1f}  {f.volume_ml:7.2f} ml  "
        f"{f.diameter_mm:3.0f} mm  at {place_in_words(f.centroid_mm)} mm"
        for f in list(found)[:MOST_LINES]
    ]
    if len(found) > MOST_LINES:
        lines.append(f"  and {len(found) - MOST_LINES} more in findings.csv")
    return lines


def in_short(warnings: Sequence[str]) -> list[str]:
    """Warnings for a terminal: of several about one scan, the worst and how many more."""
    unlike = [line for line in warnings if line.startswith(UNLIKE)]
    others = [line for line in warnings if line not in unlike]
    more = f", and {len(unlike) - 1} more in summary.json" if len(unlike) > 1 else ""
    return [*(f"{line}{more}" for line in unlike[:1]), *others]


def describe_input(item: Mapping[str, str], source: MetaTensor) -> dict[str, Any]:
    """What the result was computed from: path, grid, and for DICOM the series."""
    spacing = affine_to_spacing(source.affine, r=3).tolist()
    described: dict[str, Any] = {
        "path": str(item.get("path", item["image"])),
        "shape": list(source.shape[1:]),
        "spacing_mm": [round(s, 4) for s in spacing],
    }
    for name in ("series_uid", "series_description", "modality"):
        if name in source.meta:
            described[name] = source.meta[name]
    return described


def _describe_result(detection: Detection, pipeline: Pipeline) -> dict[str, Any]:
    """What the map's numbers are, what was found, and whether it can be trusted here."""
    found = detection.findings
    described: dict[str, Any] = {
        "map_unit": _shade(detection, pipeline).unit,
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


def _shade(detection: Detection, pipeline: Pipeline) -> Shade:
    """The scale of the map, the same for every case of a model."""
    if detection.findings is None:
        return Shade.raw(pipeline["map_max"])
    return Shade.calibrated(detection.findings.threshold)


def _write_pictures(
    detection: Detection, folder: Path, pipeline: Pipeline, item: Mapping[str, str], model: str
) -> list[Path]:
    settings, shade = pipeline.settings, _shade(detection, pipeline)
    how = f"{settings['steps']} steps" if settings["mode"] == "search" else "no search"
    volumes = (detection.source, detection.reconstruction, detection.anomaly_map, detection.mask)
    image, healthy, heat, mask = (volume[0].numpy() for volume in volumes)
    first = next(iter(detection.findings or ()), None)
    place = first.peak_mm if first else None
    scene = compose(image, healthy, heat, detection.source.affine.numpy(), mask, place)
    name, made = case_name(item["image"]), [folder / "overview.png", folder / "report.html"]
    write_overview(
        made[0],
        scene=scene,
        shade=shade,
        title=f"{name}   case score {detection.case_score:.3f}",
        footer=f"{model}, mode {settings['mode']}, {how}, seed {settings['seed']}",
    )
    write_report(
        made[1],
        scene=scene,
        shade=shade,
        findings=detection.findings,
        warnings=detection.warnings,
        name=name,
        model=model,
        version=__version__,
        facts=_facts(detection, pipeline, item),
    )
    return made


def _facts(detection: Detection, pipeline: Pipeline, item: Mapping[str, str]) -> dict[str, str]:
    """What a reader of the report may ask, label to value."""
    told = describe_input(item, detection.source)
    settings = ", ".join(f"{name} {value}" for name, value in pipeline.settings.items())
    return {
        "Input": " x ".join(map(str, told["shape"]))
        + " voxels of "
        + " x ".join(f"{s:g}" for s in told["spacing_mm"])
        + " mm",
        **({"Series": told["series_description"]} if told.get("series_description") else {}),
        "Case score": f"{detection.case_score:.3f} (mean of the highest 1 % of the raw map)",
        "Model": f"{pipeline.metadata['name']} {pipeline.metadata['version']}",
        "Software": f"monai_anogan {__version__}, MONAI {monai.__version__}, "
        f"PyTorch {torch.__version__}",
        "Shading": "brought to that of the training scans"
        if detection.shading_matched
        else "as it came",
        "Settings": settings,
        "Intended use": pipeline.metadata["intended_use"],
    }
