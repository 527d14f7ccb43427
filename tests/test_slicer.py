"""3D Slicer's own libraries place the voxels of our heat map where they are in the patient."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from external_tools import ROOT, missing, run_tool
from painted_case import PaintedCase, make_series, paint

from monai_anogan.outputs import FrameOrder, write_findings, write_maps

SCRIPT = Path(__file__).with_name("slicer_placement.py")
TO_RAS = np.array([-1.0, -1, 1])


def loaded_by_slicer(*paths: Path) -> list[dict]:
    """What Slicer makes of each volume, see `slicer_placement.py`."""
    python = Path(os.environ.get("ANOGAN_SLICER_PYTHON", ROOT / ".venv-slicer" / "bin" / "python"))
    if not python.is_file():
        missing(
            "3D Slicer's libraries are not installed (PyPI: slicer-core, in an environment of "
            "their own, whose Python ANOGAN_SLICER_PYTHON names)"
        )
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(
        [python, SCRIPT, *paths], capture_output=True, text=True, env=environment, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


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
    heat, labels = loaded_by_slicer(out / "anomaly_map.nii.gz", out / "findings.nii.gz")
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
    (heat,) = loaded_by_slicer(tmp_path / "pmap.nrrd")
    assert heat["highest"] == pytest.approx(float(case.score.max()))
    assert is_placed(heat, case, case.hottest())
