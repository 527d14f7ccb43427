"""The overview and the report of a case."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import monai
import torch
from monai.data import MetaTensor
from monai.data.utils import affine_to_spacing

from monai_anogan import __version__
from monai_anogan.outputs import case_name
from monai_anogan.pipeline import Detection, Pipeline
from monai_anogan.reports import Shade, compose, write_overview, write_report

__all__ = ["describe_input", "shade_of", "write_pictures"]


def write_pictures(
    detection: Detection, folder: Path, pipeline: Pipeline, item: Mapping[str, str], model: str
) -> list[Path]:
    """Write `overview.png` and `report.html` of a case.

    Args:
        detection: the case.
        folder: where to.
        pipeline: what made it.
        item: the case as it was given to the pipeline.
        model: its name and version.

    Returns:
        The two files.
    """
    settings, shade = pipeline.settings, shade_of(detection, pipeline)
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


def shade_of(detection: Detection, pipeline: Pipeline) -> Shade:
    """The scale of the map, the same for every case of a model."""
    if detection.findings is None:
        return Shade.raw(pipeline["map_max"])
    return Shade.calibrated(detection.findings.threshold)


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
