"""Findings as boxes that 3D Slicer draws: a Markups file (.mrk.json) with one ROI each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.affines import apply_affine, voxel_sizes
from numpy.typing import NDArray

from monai_anogan.maps import Finding

__all__ = ["Box", "box_of", "write_boxes"]

SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/"
    "Schema/markups-schema-v1.0.3.json#"
)
TO_LPS = np.array([-1.0, -1, 1])
Box = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


def write_boxes(
    findings: Sequence[Finding],
    labels: NDArray[np.integer],
    path: Path,
    *,
    affine: NDArray[np.float64],
) -> None:
    """Write one ROI a finding, in the order given.

    Args:
        findings: the lowest p-value first.
        labels: (I, J, K), 0 or the label of a finding.
        path: the file.
        affine: (4, 4) voxel to RAS, mm.
    """
    markups = [_markup(finding, box_of(finding, labels, affine)) for finding in findings]
    record = {"@schema": SCHEMA, "markups": markups}
    path.write_text(json.dumps(record, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def box_of(finding: Finding, labels: NDArray[np.integer], affine: NDArray[np.float64]) -> Box:
    """The box around a finding's voxels, its sides along those of the scan.

    A finding too small for a voxel of the scan gets a cube of its diameter around its middle.

    Returns:
        The middle (3,) in RAS mm, the sides (3,) in mm, and their directions, columns of (3, 3).
    """
    sides = voxel_sizes(affine)
    directions = affine[:3, :3] / sides
    if np.linalg.det(directions) < 0:  # a left-handed box is the same box, but no viewer's
        directions = directions * [-1, 1, 1]
    voxels = np.argwhere(labels == finding.label)
    if not len(voxels):
        return np.array(finding.centroid_mm), np.full(3, finding.diameter_mm), directions
    low, high = voxels.min(axis=0), voxels.max(axis=0)
    return apply_affine(affine, (low + high) / 2), (high - low + 1) * sides, directions


def _markup(finding: Finding, box: Box) -> dict[str, Any]:
    middle, sides, directions = box
    name = f"Finding {finding.label} (p {finding.p_value:.3g})"
    return {
        "type": "ROI",
        "name": name,
        "description": f"peak score {finding.peak:.1f}, {finding.volume_ml:.2f} ml, "
        f"{finding.diameter_mm:.0f} mm; research use only, not a medical device",
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "locked": False,
        "fixedNumberOfControlPoints": False,
        "labelFormat": "%N",
        "lastUsedControlPointNumber": 1,
        "roiType": "Box",
        "center": (middle * TO_LPS).tolist(),
        "orientation": (directions * TO_LPS[:, None]).ravel().tolist(),
        "size": sides.tolist(),
        "insideOut": False,
        "controlPoints": [
            {
                "id": "1",
                "label": name,
                "position": (middle * TO_LPS).tolist(),
                "orientation": np.eye(3).ravel().tolist(),
                "selected": True,
                "locked": False,
                "visibility": True,
                "positionStatus": "defined",
            }
        ],
    }
