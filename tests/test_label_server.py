"""MONAI Label serves the app: 3D Slicer's plugin asks by its own code, Slicer loads the answers."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from label_server import LabelServer, plugin_client, running_label_server
from slicer_python import asked_of_slicer, placed_by_slicer

from monai_anogan.bundle_folder import default_bundle
from monai_anogan.commands import label_app
from monai_anogan.label.bands import BANDS, severity
from monai_anogan.label.markups import box_of
from monai_anogan.label.reading import Reading
from monai_anogan.pipeline import Pipeline

QUICK = {"mode": "encoder"}
NRRD = {"result_extension": ".nrrd", "result_dtype": "uint8"}  # what the plugin sends
SICK, INVERTED = "sick", "inverted"
SAME = 0.02  # of a score: the server may compute with another number of threads
TO_RAS = np.diag([-1.0, -1, 1])


@pytest.fixture(scope="module")
def studies(template, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A healthy head, one with a dark lesion and its axes exchanged, one of another contrast."""
    folder = tmp_path_factory.mktemp("studies")
    rng = np.random.default_rng(1)
    lesion = np.ones_like(template.volume)
    lesion[60:70, 44:54, 48:58] = 0.35
    noise = 1 + 0.02 * rng.standard_normal(template.volume.shape)
    # Axes exchanged and one of them reversed, so that no two of them can be mistaken.
    sick = nib.Nifti1Image((template.volume * lesion).astype(np.float32), template.affine)
    sick = sick.as_reoriented(np.array([[1, 1], [0, -1], [2, 1]]))
    dark = np.where(template.volume > 0, 1100 - template.volume, 0).astype(np.float32)
    nib.save(nib.Nifti1Image(template.volume * noise, template.affine), folder / "healthy0.nii.gz")
    nib.save(sick, folder / f"{SICK}.nii.gz")
    nib.save(nib.Nifti1Image(dark, template.affine), folder / f"{INVERTED}.nii.gz")
    return folder


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `anogan label-app` writes."""
    folder = tmp_path_factory.mktemp("app") / "anogan app"
    label_app(folder)
    return folder


@pytest.fixture(scope="module")
def server(app: Path, studies: Path, tmp_path_factory) -> Iterator[LabelServer]:
    scratch = tmp_path_factory.mktemp("server")
    with running_label_server(app, studies, scratch, conf=QUICK) as running:
        yield running


@pytest.fixture(scope="module")
def detected(studies: Path) -> dict[str, Reading]:
    """What the package itself makes of the scans, as `anogan detect` does."""
    pipeline = Pipeline(settings=QUICK)
    names = ("healthy0", SICK)
    return {
        name: Reading.of(pipeline.run({"image": str(studies / f"{name}.nii.gz")})) for name in names
    }


@pytest.fixture(scope="module")
def answers(server: LabelServer) -> dict[str, tuple[Path, dict]]:
    """The answer to each question about the sick head, as the plugin asks it."""
    client, asked = server.client(), {}
    for task in ("anomaly_map", "severity", "findings"):
        file, told = client.infer(task, SICK, dict(NRRD))
        asked[task] = Path(file), told
    return asked


def array(path: Path) -> np.ndarray:
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path))).T


def test_the_plugin_lists_what_it_can_show(server):
    info = server.client().info()
    assert {name: model["type"] for name, model in info["models"].items()} == {
        "anomaly_map": "others",
        "severity": "segmentation",
        "findings": "detection",
    }
    assert info["labels"] == [band.name for band in BANDS]
    assert list(info["strategies"]) == ["most_abnormal_first"]
    assert "not a medical device" in info["description"].lower()


def test_the_map_is_that_of_detect_voxel_for_voxel_in_its_own_type(answers, detected):
    path, told = answers["anomaly_map"]
    assert sitk.ReadImage(str(path)).GetPixelID() == sitk.sitkFloat32  # uint8 was asked for
    np.testing.assert_allclose(array(path), detected[SICK].anomaly_map, atol=SAME)
    assert told["case_score"] == pytest.approx(detected[SICK].case_score, rel=1e-3)
    assert told["calibration"] == detected[SICK].facts["calibration"]
    assert told["disclaimer"] == "Research use only, not a medical device."


def test_the_bands_are_the_rates_of_the_calibration(answers):
    heat, bands = array(answers["anomaly_map"][0]), array(answers["severity"][0])
    assert bands.dtype == np.uint8
    assert [int((bands >= label).sum()) for label in (1, 2, 3)] == [
        int((heat >= -np.log10(rate)).sum()) for rate in (0.005, 0.001, 0.0001)
    ]
    assert bands.max() == 3


def test_the_boxes_hold_the_findings_by_p_value(answers, detected):
    path, told = answers["findings"]
    boxes = json.loads(path.read_text())["markups"]
    found = detected[SICK].findings
    assert [f["p_value"] for f in told["findings"]] == [f.p_value for f in found]
    assert len(boxes) == len(found) >= 1
    assert [box["name"].split(" (")[0] for box in boxes] == [f"Finding {f.label}" for f in found]


def test_slicer_places_the_map_where_the_scan_is(answers, detected):
    (heat,) = placed_by_slicer(answers["anomaly_map"][0])
    reading = detected[SICK]
    hottest = np.argwhere(reading.anomaly_map == reading.anomaly_map.max())
    places = hottest @ reading.affine[:3, :3].T + reading.affine[:3, 3]
    np.testing.assert_allclose(heat["places"], places, atol=1e-3)
    assert heat["size"] == list(reading.anomaly_map.shape)


def test_slicer_loads_the_bands_with_names_colours_and_voxels(answers, detected):
    (seen,) = asked_of_slicer(answers["severity"][0])
    bands = array(answers["severity"][0])
    for band, own, imported in zip(BANDS, seen["segments"], seen["imported"], strict=True):
        voxels = np.argwhere(bands == band.label)
        middle = (voxels @ detected[SICK].affine[:3, :3].T + detected[SICK].affine[:3, 3]).mean(0)
        assert own["colour"] == list(band.colour)
        for segment in (own, imported):
            assert segment["name"] == band.name
            assert segment["voxels"] == len(voxels)
            np.testing.assert_allclose(segment["middle"], middle, atol=1e-2)


def test_slicer_draws_the_boxes_around_the_findings(answers, detected):
    (seen,) = asked_of_slicer(answers["findings"][0])
    reading = detected[SICK]
    assert len(seen["boxes"]) == len(reading.findings)
    for box, finding in zip(seen["boxes"], reading.findings, strict=True):
        voxels = np.argwhere(reading.labels == finding.label)
        corners = np.array([voxels.min(0) - 0.5, voxels.max(0) + 0.5])
        ends = corners @ reading.affine[:3, :3].T + reading.affine[:3, 3]
        np.testing.assert_allclose(box["middle"], ends.mean(0), atol=0.05)
        spanned = np.abs(np.array(box["axes"]).T) @ np.array(box["size"])
        np.testing.assert_allclose(spanned, np.abs(np.diff(ends, axis=0))[0], atol=0.05)
        middle, sides, _ = box_of(finding, reading.labels, reading.affine)
        assert np.abs(np.array(finding.centroid_mm) - middle).max() < sides.max() / 2


def test_slicer_loads_the_colours_of_the_map(app):
    (seen,) = asked_of_slicer(app / "anomaly_map.ctbl")
    bright = np.array(seen["colours"]) @ [0.2126, 0.7152, 0.0722]
    assert len(bright) == 256
    assert (np.diff(bright) > -1).all()  # hotter is brighter, all the way
    assert bright[0] < 2
    assert bright[-1] > 240


def test_eight_requests_at_once_are_all_answered_right(server, detected):
    asked = [(name, task) for name in detected for task in ("anomaly_map", "severity")] * 2
    with ThreadPoolExecutor(8) as pool:
        got = list(
            pool.map(
                lambda n: server.client(f"reader{n}").infer(asked[n][1], asked[n][0], dict(NRRD)),
                range(8),
            )
        )
    for (name, task), (file, told) in zip(asked, got, strict=True):
        heat = detected[name].anomaly_map
        assert told["case_score"] == pytest.approx(detected[name].case_score, rel=1e-3)
        if task == "anomaly_map":
            np.testing.assert_allclose(array(Path(file)), heat, atol=SAME)
        else:
            near = np.min([np.abs(heat - band.threshold) for band in BANDS], axis=0) < SAME
            assert ((array(Path(file)) == severity(heat)) | near).all()


@pytest.mark.parametrize(
    ("image", "params", "said"),
    [
        (
            INVERTED,
            {},
            "must be like the healthy ones it is judged by, got grey inside less grey at the rim",
        ),
        (SICK, {"result_extension": ".png"}, "result_extension must be one of .nii.gz, .nii"),
    ],
)
def test_a_refusal_reaches_the_client_in_its_own_words(server, image, params, said):
    with pytest.raises(plugin_client().MONAILabelClientException) as refused:
        server.client().infer("anomaly_map", image, params)
    assert "Status: 422" in refused.value.msg
    assert said in refused.value.msg
    assert "--force" not in refused.value.msg  # an option of another program


def test_the_most_abnormal_scan_is_next_until_it_is_read(server, answers, detected):
    client = server.client()
    first = client.next_sample("most_abnormal_first", {})
    assert first["id"] == SICK
    assert first["case_score"] == pytest.approx(detected[SICK].case_score, rel=1e-3)
    assert (first["unread"], first["scored"]) == (3, 3)
    saved = client.save_label(SICK, str(answers["severity"][0]), "", {"label_info": []})
    assert saved["image"] == SICK
    second = client.next_sample("most_abnormal_first", {})
    assert (second["id"], second["unread"]) == ("healthy0", 2)
    label = client.download_label(SICK, "final")
    np.testing.assert_array_equal(array(Path(label)), array(answers["severity"][0]))
    put_info(server, "healthy0", read=True)
    last = client.next_sample("most_abnormal_first", {})
    assert (last["id"], last["case_score"]) == (INVERTED, None)
    put_info(server, INVERTED, read=True)
    assert client.next_sample("most_abnormal_first", {}) == {}


def put_info(server: LabelServer, image: str, **info: bool) -> None:
    """As `curl -X PUT URL -F info=...` does."""
    utils = plugin_client().MONAILabelUtils
    told = utils.http_multipart(
        "PUT", server.url, f"/datastore/image/info?image={image}", {"info": json.dumps(info)}, {}
    )
    assert told[0] == 200


@pytest.fixture(scope="module")
def trained(app: Path, head_cohort: Path, answers, tmp_path_factory) -> dict:
    """A training on three heads that were marked healthy, in both ways; its last words."""
    scratch = tmp_path_factory.mktemp("training")
    heads = scratch / "heads"
    heads.mkdir()
    for path in [*sorted(head_cohort.iterdir()), answers["anomaly_map"][0]]:
        (heads / path.name).symlink_to(path)
    before = digest(default_bundle() / "models" / "model.pt")
    with running_label_server(app, heads, scratch, conf=QUICK) as server:
        client = server.client()
        for name in ("head0", "head1"):
            client.save_label(name, str(answers["severity"][0]), "healthy", {})
        put_info(server, "head2", healthy=True)
        client.train_start("healthy", {"max_epochs": 1, "visits_per_epoch": 1, "name": "further"})
        end = time.monotonic() + 240
        while client.train_status()["status"] in ("SUBMITTED", "RUNNING"):
            assert time.monotonic() < end, client.train_status()
            time.sleep(0.5)
        status = client.train_status()
    assert digest(default_bundle() / "models" / "model.pt") == before
    return status


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_training_on_scans_marked_healthy_gives_a_new_bundle_beside_the_old(trained, app):
    assert trained["status"] == "DONE", trained["details"]
    told = json.loads(trained["details"][-1].split("Result: ", 1)[1])
    new = app / "model" / "further"
    assert told == {
        "bundle": str(new),
        "healthy": ["head0", "head1", "head2"],
        "calibrated": False,
    }
    assert digest(new / "models/model.pt") != digest(default_bundle() / "models/model.pt")
    assert Pipeline(new, settings=QUICK).calibration is None  # that of other weights is not used
    assert not list(new.glob("run*"))
