"""Findings: connected regions that are larger than chance makes them on healthy scans."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from nibabel.affines import apply_affine, voxel_sizes
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from scipy.spatial.distance import pdist, squareform

from monai_anogan.maps.appearance import voxel_ml
from monai_anogan.maps.calibration import Calibration
from monai_anogan.maps.regions import region_masses

__all__ = ["Finding", "Findings", "find"]


@dataclass(frozen=True)
class Finding:
    """One connected region above the threshold."""

    label: int  # its voxels in the label volume; 1 is the first of the list
    p_value: float  # share of healthy scans (and this one) with a region as heavy or heavier
    peak: float  # highest score
    mean: float  # score
    mass: float  # integral of the score, score times ml: what the p-value ranks
    volume_ml: float
    centroid_mm: tuple[float, float, float]  # RAS, mean of its voxel centres
    peak_mm: tuple[float, float, float]  # RAS, where the score is highest
    diameter_mm: float  # longest, between the outer faces of its two farthest voxels


@dataclass(frozen=True)
class Findings:
    """What one scan holds at `alpha`, and what was looked at; volumes are (D, H, W)."""

    findings: tuple[Finding, ...]  # p-value at most alpha; by p-value, then by peak
    labels: NDArray[np.uint16]  # 0 or the label of a finding
    score: NDArray[np.float32]  # calibrated map
    p_value: float  # of the scan: that of its heaviest region; 1 where there is none
    regions: int  # above the threshold, whatever their p-value
    threshold: float  # score
    alpha: float  # share of healthy scans that may raise a finding
    statement: str  # what the calibration promises

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)


def find(
    calibration: Calibration,
    raw: ArrayLike,
    mask: ArrayLike,
    affine: NDArray[np.float64],
    *,
    alpha: float = 0.1,
) -> Findings:
    """Score a raw map and take out of it what healthy scans do not show.

    Args:
        calibration: fitted.
        raw: (D, H, W) raw map, turned down (see `TurnDownd`), higher is more abnormal.
        mask: (D, H, W), True inside the organ.
        affine: (4, 4) voxel to RAS, mm.
        alpha: largest p-value of a finding.

    Raises:
        AnoganError: The calibration is not fitted, or has too few scans for this alpha.
    """
    calibration.check_alpha(alpha)
    score = calibration.score(raw, mask)
    regions, masses = region_masses(score, calibration.threshold, voxel_ml(affine))
    p_values = calibration.p_values(masses)
    boxes = ndimage.find_objects(regions)
    kept = [i for i in range(len(masses)) if p_values[i] <= alpha]
    peak = {i: float(score[boxes[i]][regions[boxes[i]] == i + 1].max()) for i in kept}
    kept.sort(key=lambda i: (p_values[i], -peak[i]))
    labels, findings = np.zeros(score.shape, np.uint16), []
    for number, i in enumerate(kept, start=1):
        voxels = np.argwhere(regions[boxes[i]] == i + 1) + [side.start for side in boxes[i]]
        labels[tuple(voxels.T)] = number
        finding = _measure(number, voxels, score, affine, masses[i], p_values[i])
        findings.append(finding)
    return Findings(
        findings=tuple(findings),
        labels=labels,
        score=score,
        p_value=float(p_values.min(initial=1.0)),
        regions=len(masses),
        threshold=calibration.threshold,
        alpha=alpha,
        statement=calibration.statement(alpha),
    )


def _measure(
    label: int,
    voxels: NDArray[np.intp],
    score: NDArray[np.float32],
    affine: NDArray[np.float64],
    mass: float,
    p_value: float,
) -> Finding:
    values = score[tuple(voxels.T)]
    middle = apply_affine(affine, voxels.mean(axis=0)).tolist()
    highest = apply_affine(affine, voxels[values.argmax()]).tolist()
    return Finding(
        label=label,
        p_value=float(p_value),
        peak=float(values.max()),
        mean=float(values.mean()),
        mass=float(mass),
        volume_ml=len(voxels) * voxel_ml(affine),
        centroid_mm=tuple(middle),
        peak_mm=tuple(highest),
        diameter_mm=longest_diameter(voxels, affine),
    )


def longest_diameter(voxels: NDArray[np.intp], affine: NDArray[np.float64]) -> float:
    """The longest distance across a region in mm, from outer face to outer face.

    Args:
        voxels: (V, 3) indices.
        affine: (4, 4) voxel to RAS, mm.
    """
    ends = voxels[_is_end(voxels)]
    away = squareform(pdist(apply_affine(affine, ends)))
    first, second = np.unravel_index(away.argmax(), away.shape)
    steps = np.abs(ends[first] - ends[second]).astype(float)
    if not steps.any():
        return float(voxel_sizes(affine).max())  # a single voxel
    # The line through both centres leaves a voxel after half of its 1 / max(steps) part of the way.
    return float(away[first, second] * (1 + 1 / steps.max()))


def _is_end(voxels: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Whether a voxel is first or last of the region in its row along every axis.

    The corners of the convex hull are such voxels, and the farthest two are among the corners.
    """
    ends = np.ones(len(voxels), dtype=bool)
    for axis in range(3):
        rows = np.unique(np.delete(voxels, axis, axis=1), axis=0, return_inverse=True)[1].ravel()
        place = voxels[:, axis]
        low, high = np.full(rows.max() + 1, place.max()), np.full(rows.max() + 1, place.min())
        np.minimum.at(low, rows, place)
        np.maximum.at(high, rows, place)
        ends &= (place == low[rows]) | (place == high[rows])
    return ends
