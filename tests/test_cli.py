"""The `anogan` command on scans it can use: what is written, where it lies, what is said."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.image
import nibabel as nib
import numpy as np
import pydicom
import pytest

import monai_anogan
from monai_anogan import cli
from monai_anogan.bundle_folder import default_bundle
from monai_anogan.outputs import write_mr_series

START = ["-c", "from monai_anogan.cli import main; main()"]
FROM_NIFTI = {
    "anomaly_map.nii.gz",
    "reconstruction.nii.gz",
    "findings.json",
    "findings.csv",
    "findings.nii.gz",
    "overview.png",
    "report.html",
    "summary.json",
}
FROM_DICOM = FROM_NIFTI | {"anomaly_map.dcm", "findings.sr.dcm"}  # and a SEG of findings
Anogan = Callable[..., tuple[int, str]]


@pytest.fixture
def anogan(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture) -> Anogan:
    """`anogan ARGUMENTS...` in this process: its exit status and what it printed."""

    def call(*arguments: Any) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["anogan", *map(str, arguments)])
        with warnings.catch_warnings(), pytest.raises(SystemExit) as left:
            cli.main()
        said, complained = capfd.readouterr()
        # The template is skull-stripped, and an average of many: it is warned about, no more.
        assert all(line.startswith("warning: unlike") for line in complained.splitlines())
        return int(left.value.code or 0), said

    return call


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def summary(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "summary.json").read_text())


@pytest.fixture(scope="module")
def awkward_heads(template, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One head with a qform alone, one oblique and in the orientation PSR."""
    folder = tmp_path_factory.mktemp("awkward")
    qform = nib.Nifti1Image(template.volume, None)
    qform.set_qform(template.affine, 1)
    qform.set_sform(None, 0)
    nib.save(qform, folder / "qform.nii.gz")
    a = np.radians(7.3)
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    affine = template.affine.copy()
    affine[:3] = turn @ affine[:3]
    turned = nib.Nifti1Image(template.volume, affine)
    to_psr = nib.orientations.ornt_transform(
        nib.io_orientation(affine), nib.orientations.axcodes2ornt("PSR")
    )
    nib.save(turned.as_reoriented(to_psr), folder / "oblique.nii.gz")
    return folder


@pytest.fixture(scope="module")
def detected(head_series, awkward_heads, run_python, tmp_path_factory) -> dict[str, Any]:
    """Three processes side by side: the DICOM head searched twice, a folder of NIfTI files."""
    out = tmp_path_factory.mktemp("detected")
    search = [*START, "detect", head_series, "--steps", 2, "--seed", 7]
    said = run_python(
        [*search, "-o", out / "once"],
        [*search, "-o", out / "again"],
        [*START, "detect", awkward_heads, "-o", out / "folder", "--mode", "encoder"],
    )
    return {"once": out / "once", "again": out / "again", "folder": out / "folder", "said": said}


def test_a_dicom_folder_gives_every_result(detected, head_series: Path) -> None:
    found = summary(detected["once"])["findings"] > 0
    assert names(detected["once"]) == FROM_DICOM | ({"findings.seg.dcm"} if found else set())
    assert ("no Segmentation: " in detected["said"][0]) != found
    assert "T1 head" in detected["said"][0]  # the series it used
    assert "case score" in detected["said"][0]
    assert matplotlib.image.imread(detected["once"] / "overview.png").std() > 0.05


def bundle_version() -> str:
    return json.loads((default_bundle() / "configs/metadata.json").read_text())["version"]


def test_summary_says_what_the_result_depends_on(detected, head_series: Path) -> None:
    told = summary(detected["once"])
    header = pydicom.dcmread(next(head_series.iterdir()))
    assert told["input"] == {
        "path": str(head_series),
        "shape": [99, 117, 95],
        "spacing_mm": [2.0, 2.0, 2.0],
        "series_uid": header.SeriesInstanceUID,
        "series_description": "T1 head",
        "modality": "MR",
    }
    assert told["model"]["version"] == bundle_version()
    assert told["software"] == {"name": "monai_anogan", "version": monai_anogan.__version__}
    assert told["settings"]["mode"] == "search"
    assert (told["settings"]["steps"], told["settings"]["seed"]) == (2, 7)
    assert told["seconds"].keys() == {"read", "prepare", "search", "map", "write"}
    assert {*told["files"], "summary.json"} == names(detected["once"])
    assert told["shading_matched"]  # the template is even, the training scans are not
    assert 0 < told["case_score"] < 50  # log(1 + odds)
    assert "not a medical device" in told["disclaimer"]


def test_same_seed_gives_the_same_map_bit_for_bit(detected) -> None:
    for name in ("anomaly_map.nii.gz", "reconstruction.nii.gz"):
        once, again = (nib.load(detected[run] / name).get_fdata() for run in ("once", "again"))
        assert once.any()
        np.testing.assert_array_equal(once, again)
    assert summary(detected["once"])["case_score"] == summary(detected["again"])["case_score"]


def test_frames_of_the_parametric_map_lie_at_the_source_slices(detected, head_series) -> None:
    made = pydicom.dcmread(detected["once"] / "anomaly_map.dcm")
    volume = nib.load(detected["once"] / "anomaly_map.nii.gz").get_fdata(dtype=np.float32)
    slices = sorted(head_series.iterdir())  # feet to head, as the NIfTI's third axis
    place = {
        tuple(map(float, pydicom.dcmread(path).ImagePositionPatient)): k
        for k, path in enumerate(slices)
    }
    frames = made.PerFrameFunctionalGroupsSequence
    assert len(frames) == len(slices)
    for frame, pixels in zip(frames, made.pixel_array, strict=True):
        position = frame.PlanePositionSequence[0].ImagePositionPatient
        k = place.pop(tuple(map(float, position)))
        np.testing.assert_array_equal(pixels, volume[:, :, k].T)
    assert not place


@pytest.mark.parametrize("name", ["qform", "oblique"])
def test_maps_lie_on_the_grid_of_any_nifti(detected, awkward_heads: Path, name: str) -> None:
    source = nib.load(awkward_heads / f"{name}.nii.gz")
    assert names(detected["folder"] / name) == FROM_NIFTI
    for made in ("anomaly_map.nii.gz", "reconstruction.nii.gz"):
        image = nib.load(detected["folder"] / name / made)
        assert image.shape == source.shape
        np.testing.assert_array_equal(image.affine, source.affine)
        for code in ("qform_code", "sform_code"):
            assert image.header[code] == source.header[code]
    rebuilt = nib.load(detected["folder"] / name / "reconstruction.nii.gz").get_fdata()
    head = source.get_fdata()
    assert np.corrcoef(rebuilt[rebuilt != 0], head[rebuilt != 0])[0, 1] > 0.3  # not a flipped head


def test_a_folder_of_files_gets_a_folder_each(detected) -> None:
    assert names(detected["folder"]) == {"qform", "oblique"}
    assert "seed" in summary(detected["folder"] / "qform")["settings"]
    assert "steps" not in summary(detected["folder"] / "qform")["settings"]  # it did not search


def test_mode_chooses_between_search_and_the_encoders_guess(
    detected, head_series: Path, tmp_path: Path, anogan: Anogan
) -> None:
    status, said = anogan("detect", head_series, "-o", tmp_path / "out", "--mode", "encoder")
    assert status == 0
    assert f"{tmp_path}/out/anomaly_map.dcm" in said
    guess = nib.load(tmp_path / "out/reconstruction.nii.gz").get_fdata()
    searched = nib.load(detected["once"] / "reconstruction.nii.gz").get_fdata()
    assert (guess != searched).any()


def test_series_chooses_one_of_two(
    template, head_series: Path, tmp_path: Path, anogan: Anogan
) -> None:
    folder = tmp_path / "study"
    for number, description, volume in (
        (1, "first", template.volume),
        (2, "second", template.volume[:, :, 5:]),
    ):
        write_mr_series(
            volume,
            template.affine,
            folder / description,
            description=description,
            series_number=number,
            seed="study",
        )
    out = tmp_path / "out"
    status, said = anogan("detect", folder, "-o", out, "--mode", "encoder", "--series", "second")
    assert status == 0
    assert "series 1 first" in said  # it says what else it saw
    assert summary(out)["input"]["series_description"] == "second"
    assert summary(out)["input"]["shape"] == [99, 117, 90]


def test_results_join_what_is_in_the_folder_already(
    head_cohort: Path, tmp_path: Path, anogan: Anogan
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "summary.json").write_text("an older one")
    head = head_cohort / "head0.nii.gz"
    assert anogan("detect", head, "-o", tmp_path, "--mode", "encoder")[0] == 0
    assert names(tmp_path) == FROM_NIFTI | {"notes.txt"}
    assert summary(tmp_path)["input"]["path"] == str(head)


def test_info_and_version(anogan: Anogan) -> None:
    assert anogan("--version") == (0, f"monai_anogan {monai_anogan.__version__}\n")
    status, said = anogan("info")
    assert status == 0
    for word in (
        "torch",
        "device",
        "bundle",
        f"AnoGAN) {bundle_version()}",
        "Not a medical device",
    ):
        assert word in said
