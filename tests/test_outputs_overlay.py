"""Each overlay image is the slice, in its place, with the map over it in colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from external_tools import errors_of_dciodvfy

from monai_anogan.io import find_series, load_volume
from monai_anogan.outputs import write_overlay_series
from monai_anogan.outputs.overlay_image import OverlayStyle, apply_window, draw_overlay

LESION = (13, 5, 8)  # i, j, k


def overlays_of(series, out: Path, **how) -> list[pydicom.Dataset]:
    """Overlays of a map that is 1 at the lesion and 0 elsewhere."""
    source = find_series(series.folder)
    scores = np.zeros(source.shape, np.float32)
    scores[LESION] = 1
    paths = write_overlay_series(
        scores,
        load_volume(source)[0],
        source.files,
        out,
        version="0.1.0",
        dicom_frames=source.frames,
        **how,
    )
    return [pydicom.dcmread(path) for path in paths]


def world(image: pydicom.Dataset, row: float, column: float) -> np.ndarray:
    """PS3.3 C.7.6.2.1.1: where a pixel lies, (3,) LPS mm."""
    along_row, along_column = np.reshape(image.ImageOrientationPatient, (2, 3)).astype(float)
    height, width = map(float, image.PixelSpacing)
    place = np.array(image.ImagePositionPatient, float)
    return place + column * width * along_row + row * height * along_column


@pytest.mark.parametrize("kind", ["phantom_series", "enhanced_series", "split_enhanced_series"])
def test_the_painted_voxel_is_coloured_in_its_place_and_nothing_else_is(request, tmp_path, kind):
    series = request.getfixturevalue(kind)
    images = overlays_of(series, tmp_path / "overlay")
    i, j, k = LESION
    expected = (series.affine @ [*LESION, 1])[:3] * (-1, -1, 1)
    columns, rows, slices = series.volume.shape
    assert len(images) == slices
    for n, image in enumerate(images):
        scale = 13  # 20 columns become 260 pixels
        slice_ = image.pixel_array[: rows * scale, : columns * scale].astype(int)
        middle = slice_[scale // 2 :: scale, scale // 2 :: scale]  # clear of the words' edge
        coloured = (middle.max(axis=-1) != middle.min(axis=-1))[: rows - 2]
        assert coloured.sum() == (n == k)
        if n == k:
            assert np.argwhere(coloured).tolist() == [[j, i]]
            centre = world(image, (j + 0.5) * scale - 0.5, (i + 0.5) * scale - 0.5)
            assert np.allclose(centre, expected, atol=1e-4)


def test_the_windows_greys_are_kept(phantom_series, edit_dicom, tmp_path):
    for path in phantom_series.files:
        edit_dicom(path, WindowCenter=["600", "40"], WindowWidth=["800", "400"])
    image = overlays_of(phantom_series, tmp_path / "overlay")[2]
    grey = image.pixel_array[6 : 22 * 13 : 13, 6 : 20 * 13 : 13, 0]
    truth = np.clip((phantom_series.volume[:, :22, 2].T - 599.5) / 799 + 0.5, 0, 1) * 255
    assert np.array_equal(grey, np.rint(truth))


def test_the_window_is_that_of_the_standard():
    assert apply_window(np.array([0.0, 100, 200]), (100.0, 101.0)).tolist() == [0, 0.505, 1]


def test_colours_run_with_the_score_and_words_and_bar_are_drawn():
    style = OverlayStyle(window=(0.5, 2.0), top=2.0, scale=4, bar=60)
    scores = np.zeros((64, 64))
    scores[20, :4] = (0.5, 1, 2, 9)
    drawn = draw_overlay(np.zeros((64, 64)), scores, style).astype(int)
    assert drawn.shape == (256, 316, 3)
    reds = drawn[81, 1:16:4, 0].tolist()
    assert reds[0] < reds[1] < reds[2] == reds[3]
    assert drawn[-16:, :120].max() == 255  # the words
    bar = drawn[40:216, 264, 0]
    assert bar[0] > bar[-1]
    assert (np.diff(bar) <= 0).mean() > 0.9


def test_it_belongs_to_the_study_and_says_which_image_it_is_of(phantom_series, tmp_path):
    images = overlays_of(phantom_series, tmp_path / "overlay", model="brain_mr 3")
    sources = [pydicom.dcmread(path) for path in phantom_series.files]
    assert len({image.SOPInstanceUID for image in images}) == 12
    assert len({image.SeriesInstanceUID for image in images}) == 1
    for image, source in zip(images, sources, strict=True):
        for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "FrameOfReferenceUID"):
            assert image[keyword].value == source[keyword].value
        assert image.SourceImageSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
        assert "research use only" in image.SeriesDescription.lower()
        assert (image.ManufacturerModelName, image.SoftwareVersions) == ("brain_mr 3", "0.1.0")


@pytest.mark.parametrize("kind", ["phantom_series", "enhanced_series"])
def test_dciodvfy_finds_no_error(request, tmp_path, kind):
    overlays_of(request.getfixturevalue(kind), tmp_path / "overlay")
    for path in sorted((tmp_path / "overlay").iterdir())[:2]:
        assert errors_of_dciodvfy(path) == []
