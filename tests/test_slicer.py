"""3D Slicer's own libraries place the voxels of our heat map where they are in the patient."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from external_tools import run_tool
from painted_case import PaintedCase, make_series, paint
from slicer_python import placed_by_slicer

from monai_anogan.outputs import FrameOrder, write_findings, write_maps

TO_RAS = np.array([-1.0, -1, 1])


@pytest.fixture(scope="module", params=["mr axial", "mr sagittal", "mr oblique", "ct enhanced"])
def written(request, tmp_path_factory) -> tuple[PaintedCase, Path]:
    """A painted case and a folder with its maps, label volume and Parametric Map."""
    folder = tmp_path_factory.mktemp("case")
    case = paint(make_series(request.param, folder))
    out = folder / "out"
    case.write(out, objects=["pm"], frame_order=FrameOrder.ascending)
    volumes = {"anomaly_map": torch.from_numpy(case.score)[None], "reconstruction": case.source}
    write_maps(out, source=case.source, **volumes)
    labels = torch.from_numpy(case.labels.astype(np.int32))[None]
    write_findings(out, case.found, labels, source=case.source, version="0.1.0")
    return case, out


def is_placed(loaded: dict, case: PaintedCase, places: np.ndarray) -> bool:
    """Whether Slicer puts the highest voxels at these places (V, 3) LPS mm, within half a voxel."""
    found = np.array(loaded["places"]) * TO_RAS
    assert sorted(loaded["size"]) == sorted(case.score.shape)
    if found.shape != places.shape:
        return False
    away = np.linalg.norm(found[:, None] - places[None], axis=-1)
    return bool(away.min(axis=1).max() < case.half_voxel > away.min(axis=0).max())


def test_slicer_places_the_heat_map_and_the_findings(written):
    case, out = written
    heat, labels = placed_by_slicer(out / "anomaly_map.nii.gz", out / "findings.nii.gz")
    assert heat["class"] == "vtkMRMLScalarVolumeNode"
    assert heat["highest"] == pytest.approx(float(case.score.max()))
    assert is_placed(heat, case, case.hottest())
    assert labels["class"] == "vtkMRMLLabelMapVolumeNode"
    assert labels["highest"] == len(case.found)
    assert is_placed(labels, case, case.places(len(case.found)))


def test_slicer_places_the_parametric_map_that_dcmqi_read(written, tmp_path):
    """The way of Slicer's QuantitativeReporting: dcmqi makes the volume that Slicer loads."""
    case, out = written
    given = ("--inputDICOM", out / "anomaly_map.dcm", "--outputDirectory", tmp_path, "-t", "nrrd")
    run_tool("paramap2itkimage", "PyPI: dcmqi", *given)
    (heat,) = placed_by_slicer(tmp_path / "pmap.nrrd")
    assert heat["highest"] == pytest.approx(float(case.score.max()))
    assert is_placed(heat, case, case.hottest())
