"""`anogan inpaint`: what is marked is filled from what is not, and nothing else changes."""

import json

import nibabel as nib
import numpy as np
import pytest
from conftest import oblique_affine
from typer.testing import CliRunner

from monai_anogan.cli import app
from monai_anogan.io import DicomSeriesReader, load_stored
from monai_anogan.pipeline import Pipeline

CENTRE = np.array([30, 55, 45])  # in the template's right hemisphere, deep in white matter


def ball(shape, radius=5):
    voxels = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    return np.linalg.norm(voxels - CENTRE, axis=-1) < radius


def saved(path, volume, affine):
    nib.save(nib.Nifti1Image(volume, affine), path)
    return path


def anogan(*arguments):
    result = CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def head(template, tmp_path_factory):
    """The template, oblique and int16, and a mask of a ball in it."""
    folder = tmp_path_factory.mktemp("head")
    turned = oblique_affine((-2.0, 2.0, 2.0), (0, 0, 0))
    turned[:3, 3] = template.affine[:3, :3] @ CENTRE + template.affine[:3, 3]
    turned[:3, 3] -= turned[:3, :3] @ CENTRE
    flipped = np.sign(template.affine[0, 0]) != np.sign(turned[0, 0])
    volume = template.volume[::-1] if flipped else template.volume
    affine = turned.copy()
    hole = ball(volume.shape)
    scan = saved(folder / "scan.nii.gz", np.rint(volume).astype(np.int16), affine)
    return scan, saved(folder / "mask.nii.gz", hole.astype(np.uint8), affine), hole


def test_outside_the_mask_every_voxel_is_the_sources_and_inside_none_is_seen(head, tmp_path):
    scan, mask, hole = head
    told = anogan("inpaint", scan, "--mask", mask, "-o", tmp_path / "out", "--steps", 3)
    assert "not a medical device" in told
    before, after = (nib.load(path) for path in (scan, tmp_path / "out" / "filled.nii.gz"))
    truth, filled = np.asarray(before.dataobj), np.asarray(after.dataobj)
    assert filled.dtype == np.int16
    assert filled[~hole].tobytes() == truth[~hole].tobytes()
    assert np.array_equal(after.affine, before.affine)
    assert np.abs(filled[hole] - truth[hole]).mean() < 80  # of a range of 1000
    written = nib.load(tmp_path / "out" / "filled_mask.nii.gz")
    assert np.array_equal(np.asarray(written.dataobj) > 0, hole)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["mask"]["voxels"] == hole.sum()
    assert summary["settings"]["mode"] == "search"
    assert {*summary["files"], "summary.json"} == {p.name for p in (tmp_path / "out").iterdir()}

    ruined = saved(tmp_path / "ruined.nii", np.where(hole, 30000, truth), before.affine)
    anogan("inpaint", ruined, "--mask", mask, "-o", tmp_path / "again", "--steps", 3)
    again = np.asarray(nib.load(tmp_path / "again" / "filled.nii.gz").dataobj)
    assert np.array_equal(again, filled)


def test_a_dicom_series_comes_back_as_one(head_series, tmp_path):
    before, meta = DicomSeriesReader().get_data(head_series)
    hole = ball(before.shape)
    mask = saved(tmp_path / "mask.nii.gz", hole.astype(np.uint8), meta["affine"])
    anogan("inpaint", head_series, "--mask", mask, "-o", tmp_path / "out", "--mode", "encoder")
    after, there = DicomSeriesReader().get_data(tmp_path / "out" / "filled")
    assert np.array_equal(after[~hole], before[~hole])
    assert (after != before)[hole].mean() > 0.9
    assert np.array_equal(there["affine"], meta["affine"])
    filled = np.asarray(nib.load(tmp_path / "out" / "filled.nii.gz").dataobj)
    assert np.array_equal(filled[~hole], before[~hole])
    assert np.abs(filled - after).max() <= 0.5  # DICOM stores whole numbers
    stored = [load_stored(files) for files in (meta["dicom_files"], there["dicom_files"])]
    sums = [sum(int(frames.sum()) for frames in one.frames.values()) for one in stored]
    assert sums[0] != sums[1]


def test_what_does_not_fit_is_refused_in_one_line(head, refused, tmp_path):
    scan, mask, hole = head
    image = nib.load(scan)
    volume, affine = np.asarray(image.dataobj), image.affine

    def mask_of(marks):
        return saved(tmp_path / "other.nii.gz", marks.astype(np.uint8), affine)

    def line(*arguments):
        return refused(*arguments, command="inpaint")

    assert "must be a file" in line(scan, "--mask", tmp_path / "none.nii.gz")
    assert "marks none" in line(scan, "--mask", mask_of(hole & False))
    assert "outside of it" in line(scan, "--mask", mask_of(np.indices(hole.shape)[0] < 3))
    assert "half of the organ" in line(scan, "--mask", mask_of(np.indices(hole.shape)[2] > 36))
    assert "must exist" in line(tmp_path / "none", "--mask", mask)
    two = tmp_path / "two"
    two.mkdir()
    for name in ("a.nii", "b.nii"):
        saved(two / name, volume, affine)
    assert "one mask must go with one scan" in line(two, "--mask", mask)
    assert "inpaint.json" in line(scan, "--mask", mask, "--bundle", tmp_path)


@pytest.mark.slow
def test_a_hole_in_a_healthy_scan_is_filled_well_and_shows_less_than_grey(shared_data, tmp_path):
    """An infarct's shape over the temporal lobe of a scan of `val`."""
    scan = shared_data / "brain_t1" / "t1" / "IXI095-HH-1390.nii.gz"
    image = nib.load(scan)
    truth = np.asarray(image.dataobj)
    brain = np.asarray(nib.load(shared_data / "brain_t1" / "mask" / scan.name).dataobj) > 0
    voxels = np.stack(np.meshgrid(*map(np.arange, truth.shape), indexing="ij"), -1)
    middle = np.argwhere(brain).mean(0) + np.array([6, -8, 22])
    hole = (np.linalg.norm((voxels - middle) / [9, 8, 7], axis=-1) < 1) & brain
    mask = saved(tmp_path / "mask.nii.gz", hole.astype(np.uint8), image.affine)
    anogan("inpaint", scan, "--mask", mask, "-o", tmp_path / "out")
    filled = np.asarray(nib.load(tmp_path / "out" / "filled.nii.gz").dataobj)
    error = np.abs(filled - truth)[hole].mean()
    assert error < 0.6 * np.abs(truth[brain & ~hole].mean() - truth)[hole].mean()
    dull = truth.astype(np.float32)
    dull[hole] = truth[brain & ~hole].mean()
    plain = saved(tmp_path / "plain.nii.gz", dull, image.affine)
    pipeline = Pipeline(settings={"mode": "search", "device": "cpu"})
    seen, dull_seen = (
        pipeline.run({"image": str(path)}).anomaly_map[0].numpy()[hole].mean()
        for path in (tmp_path / "out" / "filled.nii.gz", plain)
    )
    assert seen < 0.8 * dull_seen
