"""The bundle itself in MONAI Label's own app for bundles, `monaibundle`, and no line of ours."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from label_server import label_home, running_label_server

from monai_anogan.bundle_folder import default_bundle
from monai_anogan.pipeline import Pipeline

CONF = {"models": "anogan", "zoo_source": "local", "sam2": "false"}
SAME = 0.02  # of a score: the server may compute with another number of threads


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MONAI Label's app with the bundle in its folder of models, set to be quick."""
    folder = tmp_path_factory.mktemp("monaibundle") / "app"
    shutil.copytree(label_home() / "sample-apps" / "monaibundle", folder)
    bundle = folder / "model" / "anogan"
    shutil.copytree(default_bundle(), bundle)
    config = bundle / "configs" / "inference.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"mode": "encoder"}))
    return folder


def test_the_answer_is_the_map_of_detect(app: Path, head_cohort: Path, tmp_path: Path):
    scan = head_cohort / "head0.nii.gz"
    studies = tmp_path / "studies"
    studies.mkdir()
    shutil.copy(scan, studies)
    with running_label_server(app, studies, tmp_path, conf=CONF) as server:
        file, _ = server.client().infer("anogan", "head0", {"result_extension": ".nii.gz"})
    answer = nib.load(file)
    expected = Pipeline(settings={"mode": "encoder"}).run({"image": str(scan)})
    assert answer.get_data_dtype() == np.float32
    np.testing.assert_allclose(answer.affine, nib.load(scan).affine, atol=1e-4)
    np.testing.assert_allclose(answer.get_fdata(), expected.anomaly_map[0].numpy(), atol=SAME)
    assert answer.get_fdata().max() > 2
