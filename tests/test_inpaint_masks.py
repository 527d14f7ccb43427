"""A mask is read, checked and brought to the grid of its scan, or refused in one line."""

import nibabel as nib
import numpy as np
import pytest
from conftest import oblique_affine
from nibabel.affines import apply_affine
from painted_case import make_series, paint

from monai_anogan.errors import InputError
from monai_anogan.io import mask_on_grid, read_mask

SHAPE = (20, 24, 16)
AFFINE = oblique_affine((2.0, -1.5, 3.0), (-20.0, 15.0, -30.0))


def saved(folder, marks, affine=AFFINE, *, codes=True):
    image = nib.Nifti1Image(np.asarray(marks, np.uint8), affine)
    if not codes:
        image.set_sform(None, 0)
        image.set_qform(None, 0)
    path = folder / "mask.nii.gz"
    nib.save(image, path)
    return path


def box(shape=SHAPE):
    marks = np.zeros(shape, bool)
    marks[5:9, 8:14, 4:7] = True
    return marks


def refusal(path, shape=SHAPE, affine=AFFINE):
    with pytest.raises(InputError) as refused:
        mask_on_grid(read_mask(path), shape, affine)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_on_the_scans_own_grid_every_mark_stays_where_it_is(tmp_path):
    placed, told = mask_on_grid(read_mask(saved(tmp_path, box())), SHAPE, AFFINE)
    assert np.array_equal(placed, box())
    assert told == []


def test_with_its_axes_in_another_order_it_is_still_exact(tmp_path):
    image = nib.Nifti1Image(box().astype(np.uint8), AFFINE)
    turned = image.as_reoriented(np.array([[2, -1], [0, 1], [1, -1]]))
    nib.save(turned, tmp_path / "turned.nii")
    placed, told = mask_on_grid(read_mask(tmp_path / "turned.nii"), SHAPE, AFFINE)
    assert np.array_equal(placed, box())
    assert told == []


def test_a_mask_of_part_of_the_scan_is_exact_too(tmp_path):
    part = AFFINE.copy()
    part[:3, 3] = apply_affine(AFFINE, [4, 6, 3])
    path = saved(tmp_path, box()[4:12, 6:20, 3:9], part)
    placed, told = mask_on_grid(read_mask(path), SHAPE, AFFINE)
    assert np.array_equal(placed, box())
    assert told == []


def test_of_another_grid_each_voxel_gets_the_mark_at_its_centre(tmp_path):
    fine = oblique_affine((1.0, 1.0, 1.0), (0, 0, 0)) @ nib.affines.from_matvec(np.eye(3) * 0.9)
    fine[:3, 3] = apply_affine(AFFINE, np.array(SHAPE) / 2) - fine[:3, :3] @ [30, 30, 30]
    voxels = np.stack(np.meshgrid(*map(np.arange, (60, 60, 60)), indexing="ij"), -1)
    centre = apply_affine(AFFINE, [10, 12, 8])
    ball = np.linalg.norm(apply_affine(fine, voxels) - centre, axis=-1) < 9
    placed, told = mask_on_grid(read_mask(saved(tmp_path, ball, fine)), SHAPE, AFFINE)
    own = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), -1)
    distance = np.linalg.norm(apply_affine(AFFINE, own) - centre, axis=-1)
    assert placed[distance < 8].all()
    assert not placed[distance > 10].any()
    assert told == ["the mask's grid is another than the scan's: resampled by nearest neighbour"]


def test_labels_of_any_number_are_marks(tmp_path):
    path = saved(tmp_path, box() * 3)
    assert read_mask(path).marks.sum() == box().sum()


@pytest.mark.parametrize("kind", ["mr oblique", "ct sagittal", "mr enhanced"])
def test_all_segments_of_a_dicom_segmentation_are_marks(tmp_path, kind):
    case = paint(make_series(kind, tmp_path))
    case.write(tmp_path / "results", objects=("seg",))
    mask = read_mask(tmp_path / "results" / "findings.seg.dcm")
    affine = case.source.affine.numpy()
    placed, told = mask_on_grid(mask, tuple(case.source.shape[1:]), affine)
    assert np.array_equal(placed, case.labels > 0)
    assert told == []


def test_a_mask_that_lies_elsewhere_is_refused(tmp_path):
    far = AFFINE + np.array([[0, 0, 0, 500.0]] * 3 + [[0] * 4])
    assert "got 0% of the marks" in refusal(saved(tmp_path, box(), far))
    half = AFFINE.copy()
    half[:3, 3] = apply_affine(AFFINE, [-7, 0, 0])
    assert "got 50% of the marks" in refusal(saved(tmp_path, box(), half))


def test_where_a_small_part_lies_outside_that_is_said(tmp_path):
    marks = np.zeros(SHAPE, bool)
    marks[:20, 8, 8] = True
    beside = AFFINE.copy()
    beside[:3, 3] = apply_affine(AFFINE, [1, 0, 0])
    placed, told = mask_on_grid(read_mask(saved(tmp_path, marks, beside)), SHAPE, AFFINE)
    assert placed.sum() == 19
    assert told == ["5.0% of the mask lies outside the scan"]


def test_a_mask_that_does_not_say_where_it_lies_is_not_guessed(tmp_path):
    assert "neither sform nor qform" in refusal(saved(tmp_path, box(), codes=False))


def test_an_empty_a_whole_and_a_missed_mask_are_refused(tmp_path):
    assert "marks none" in refusal(saved(tmp_path, np.zeros(SHAPE)))
    assert "marks the whole scan" in refusal(saved(tmp_path, np.ones(SHAPE)))
    thin, between = np.zeros(SHAPE, bool), AFFINE.copy()
    thin[10, 12, 8] = True
    between[:3, :3] *= 0.1  # one small voxel that holds no centre of the scan's
    between[:3, 3] = apply_affine(AFFINE, [5.3, 5.3, 5.3])
    assert "none of their centres" in refusal(saved(tmp_path, thin, between))


def test_a_map_is_no_mask(tmp_path):
    nib.save(nib.Nifti1Image(np.full(SHAPE, 0.3, np.float32), AFFINE), tmp_path / "map.nii")
    assert "above a threshold" in refusal(tmp_path / "map.nii")
    nib.save(nib.Nifti1Image(np.full(SHAPE, np.nan, np.float32), AFFINE), tmp_path / "nan.nii")
    assert "whole numbers" in refusal(tmp_path / "nan.nii")


def test_what_is_no_mask_at_all_is_refused(tmp_path, phantom_series):
    assert "must be a file" in refusal(tmp_path / "none.nii")
    (tmp_path / "words.txt").write_text("words")
    assert "is neither" in refusal(tmp_path / "words.txt")
    assert "is neither" in refusal(phantom_series.files[0])
    (tmp_path / "cut.nii.gz").write_bytes(saved(tmp_path, box()).read_bytes()[:60])
    assert "cut.nii.gz" in refusal(tmp_path / "cut.nii.gz")
