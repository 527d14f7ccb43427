"""Findings out: a list for programs, a table for people, a label volume for viewers."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from monai.data import MetaTensor

from monai_anogan.maps import Finding, Findings
from monai_anogan.outputs.nifti import write_nifti

__all__ = ["DISCLAIMER", "FINDING_UNITS", "write_findings"]

DISCLAIMER = "Research use only, not a medical device."

FINDING_UNITS = {
    "label": "voxel value in findings.nii.gz",
    "p_value": "conformal, rank among healthy scans",
    "peak": "score, -log10 of the healthy exceedance rate of a voxel",
    "mean": "score",
    "mass": "mean score times ml; the p-value ranks it",
    "volume_ml": "ml",
    "centroid_mm": "mm, RAS (x to the right, y to the front, z up); DICOM's LPS has -x, -y, z",
    "peak_mm": "mm, RAS",
    "diameter_mm": "mm, longest, from outer face to outer face",
}
PLACES = ("centroid_mm", "peak_mm")
DIGITS = {"volume_ml": 3, "centroid_mm": 1, "peak_mm": 1, "diameter_mm": 1, "p_value": 5}


def write_findings(
    folder: str | Path,
    findings: Findings,
    labels: torch.Tensor,
    *,
    source: MetaTensor,
    version: str,
    model: str = "",
) -> list[Path]:
    """Write `findings.json`, `findings.csv` and `findings.nii.gz` into an existing folder.

    Args:
        folder: where they go; `atomic_folder` makes them appear together.
        findings: of one scan.
        labels: (1, I, J, K) on the scan's own grid, 0 or the label of a finding.
        source: the scan, (1, I, J, K), with the meta data it was loaded with.
        version: of this software.
        model: name and version of the model.

    Returns:
        The files written.
    """
    rows = [as_row(finding) for finding in findings]
    record = {
        "findings": rows,
        "scan_p_value": findings.p_value,
        "alpha": findings.alpha,
        "threshold": findings.threshold,
        "regions_above_threshold": findings.regions,
        "calibration": findings.statement,
        "units": FINDING_UNITS,
        "software": {"name": "monai_anogan", "version": version},
        "model": model,
        "disclaimer": DISCLAIMER,
    }
    out = Path(folder)
    paths = [out / f"findings.{suffix}" for suffix in ("json", "csv", "nii.gz")]
    paths[0].write_text(json.dumps(record, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    _write_table(paths[1], rows)
    like = None if source.meta.get("dicom_files") else source.meta.get("filename_or_obj")
    volume = torch.as_tensor(labels)[0].numpy()
    write_nifti(volume, paths[2], affine=source.affine.numpy(), like=like)
    return paths


def as_row(finding: Finding) -> dict[str, Any]:
    """A finding as plain numbers, rounded to what they can mean."""
    row = asdict(finding)
    for name, value in row.items():
        digits = DIGITS.get(name, 4)
        if isinstance(value, tuple):
            row[name] = [round(v, digits) for v in value]
        elif isinstance(value, float):
            row[name] = round(value, digits)
    return row


def _write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    flat = [_flat(row) for row in rows]
    columns = _flat(dict.fromkeys(FINDING_UNITS, 0) | dict.fromkeys(PLACES, (0, 0, 0)))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(columns))
        writer.writeheader()
        writer.writerows(flat)


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """The row with a column for each coordinate: `centroid_mm` becomes `centroid_x_mm`, ..."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if name in PLACES:
            stem = name.removesuffix("_mm")
            flat |= {f"{stem}_{a}_mm": v for a, v in zip("xyz", value, strict=True)}
        else:
            flat[name] = value
    return flat
