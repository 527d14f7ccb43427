"""What `anogan detect` leaves of one case: maps, picture, and a summary of how they were made."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from monai.data import MetaTensor
from monai.data.utils import affine_to_spacing

from monai_anogan import __version__
from monai_anogan.outputs import case_name, write_maps
from monai_anogan.pipeline import Detection, Pipeline, StageClock
from monai_anogan.reports import DISCLAIMER, write_overview

__all__ = ["write_detection"]


def write_detection(
    detection: Detection,
    folder: str | Path,
    pipeline: Pipeline,
    item: Mapping[str, str],
    *,
    dicom: Collection[str] = ("pm",),
    anonymous: bool = False,
) -> list[Path]:
    """Write everything `anogan detect` promises for one case into an existing folder.

    `anomaly_map.nii.gz`, `reconstruction.nii.gz`, from DICOM `anomaly_map.dcm`, `overview.png` and
    `summary.json`, in this order: the summary is written last and names the others.

    Args:
        detection: the case.
        folder: where to.
        pipeline: what made it.
        item: the case as it was given to the pipeline.
        dicom: the DICOM objects to write, see `write_maps`.
        anonymous: leave out who the patient is, and the names and places of the input.
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
            version=__version__,
            model=model,
            dicom=dicom,
            map_max=pipeline["map_max"],
            anonymous=anonymous,
        )
        written.append(Path(folder, "overview.png"))
        _write_picture(detection, written[-1], pipeline, item, model)
    summary = {
        "input": describe_input(item, detection.source),
        "case_score": detection.case_score,
        "model": {"name": pipeline.metadata["name"], "version": pipeline.metadata["version"]},
        "software": {"name": "monai_anogan", "version": __version__},
        "settings": pipeline.settings,
        "seconds": {name: round(s, 3) for name, s in (detection.seconds | clock.seconds).items()},
        "files": [path.name for path in written],
        "disclaimer": DISCLAIMER,
    }
    written.append(Path(folder, "summary.json"))
    written[-1].write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return written


def _without_identity(source: MetaTensor) -> dict[str, str]:
    """The case under a name that says nothing; its series can no longer be told, either."""
    for name in ("series_uid", "series_description"):
        source.meta.pop(name, None)
    return {"image": "anonymous"}


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


def _write_picture(
    detection: Detection, path: Path, pipeline: Pipeline, item: Mapping[str, str], model: str
) -> None:
    settings = pipeline.settings
    how = f"{settings['steps']} steps" if settings["mode"] == "search" else "no search"
    write_overview(
        path,
        image=detection.source[0].numpy(),
        reconstruction=detection.reconstruction[0].numpy(),
        anomaly_map=detection.anomaly_map[0].numpy(),
        affine=detection.source.affine.numpy(),
        mask=detection.mask[0].numpy(),
        title=f"{case_name(item['image'])}   case score {detection.case_score:.3f}",
        footer=f"{model}, mode {settings['mode']}, {how}, seed {settings['seed']}",
        vmax=pipeline["map_max"],
    )
