"""The right series is chosen, and a person is told what was seen and why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from painted_case import paint

from monai_anogan.errors import InputError
from monai_anogan.io import choose_series, describe, scan_dicom
from monai_anogan.outputs import write_mr_series


def small_series(folder: Path, number: int, slices: int, description: str) -> None:
    volume = np.arange(8 * 9 * slices).reshape(8, 9, slices)
    write_mr_series(
        volume,
        np.diag([-1.0, -1, 2, 1]),
        folder,
        description=description,
        series_number=number,
        seed=f"{description}{number}",
    )


def test_the_usable_series_with_the_most_voxels_is_chosen(tmp_path):
    small_series(tmp_path / "a", 1, 2, "localizer")
    small_series(tmp_path / "b", 5, 9, "T1")
    small_series(tmp_path / "c", 4, 7, "T2")
    found = scan_dicom(tmp_path)
    chosen = choose_series(found)
    assert chosen.description == "T1"
    lines = describe(found, chosen).splitlines()
    assert "series 1 localizer" in lines[0]
    assert "not used, not a volume: 2 slices" in lines[0]
    assert lines[1].endswith("not used, fewer voxels")
    assert lines[2].endswith(": used")


def test_ties_go_to_original_images_then_to_the_smaller_number(tmp_path, edit_dicom):
    for number in (3, 2, 4):
        small_series(tmp_path / str(number), number, 6, "T1")
    assert choose_series(scan_dicom(tmp_path)).number == 2
    for path in (tmp_path / "4").iterdir():
        edit_dicom(path, ImageType=["ORIGINAL", "PRIMARY", "M"])
    assert choose_series(scan_dicom(tmp_path)).number == 4


def test_a_series_is_chosen_by_uid_number_or_description(tmp_path):
    small_series(tmp_path / "b", 5, 9, "T1 post")
    small_series(tmp_path / "c", 4, 7, "T2")
    found = scan_dicom(tmp_path)
    for wanted in ("4", "t2", found[0].uid):
        assert choose_series(found, wanted).number == 4


def test_a_wanted_series_must_exist_be_one_and_be_usable(tmp_path):
    small_series(tmp_path / "a", 1, 2, "localizer")
    small_series(tmp_path / "b", 5, 9, "T1")
    small_series(tmp_path / "c", 4, 7, "T1")
    found = scan_dicom(tmp_path)
    with pytest.raises(InputError, match=r"series 1 localizer, series 4 T1, series 5 T1\)"):
        choose_series(found, "T9")
    with pytest.raises(InputError, match="must name one volume, got 2"):
        choose_series(found, "T1")
    with pytest.raises(InputError, match="must be a volume, got not a volume: 2 slices"):
        choose_series(found, "1")


def test_no_usable_series_is_an_error_that_says_what_was_seen(tmp_path):
    with pytest.raises(InputError, match="must hold DICOM images, got none"):
        choose_series(scan_dicom(tmp_path))
    small_series(tmp_path / "a", 1, 2, "scout")
    with pytest.raises(InputError, match="series 1 scout: not a volume: 2 slices"):
        choose_series(scan_dicom(tmp_path))
    with pytest.raises(InputError, match="must exist"):
        scan_dicom(tmp_path / "nowhere")


def test_our_own_results_beside_the_source_are_not_taken_for_a_scan(phantom_series):
    paint(phantom_series.folder).write(phantom_series.folder / "results")
    found = scan_dicom(phantom_series.folder)
    assert choose_series(found).description == "phantom T1"
    problems = sorted(series.problem for series in found if series.problem)
    assert [problem.removeprefix("not an MR, CT or PET image but ") for problem in problems] == [
        "a colour image",
        "Comprehensive 3D SR Storage",
        "Parametric Map Storage",
        "Segmentation Storage",
    ]
