"""`anogan series` says of every series what it is, and whether it is usable or why not."""

from __future__ import annotations

import json
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.fileset import FileSet

from monai_anogan import cli
from monai_anogan.io import find_inputs, find_series, list_series
from monai_anogan.outputs import write_mr_series


@pytest.fixture
def anogan_series(monkeypatch, capfd):
    """`anogan series ARGUMENTS...` on a terminal of 80 columns: status, output, complaint."""

    def call(*arguments: Any, columns: int = 80) -> tuple[int, str, str]:
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr(sys, "argv", ["anogan", "series", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        said, complained = capfd.readouterr()
        return int(left.value.code or 0), said, complained

    return call


@pytest.fixture
def study(phantom_series):
    """The phantom, a scout of two slices beside it, a text, and a broken file."""
    scout = phantom_series.folder / "scout"
    volume = np.arange(8 * 9 * 2).reshape(8, 9, 2)
    write_mr_series(volume, np.diag([-1.0, -1, 5, 1]), scout, description="scout", series_number=7)
    (phantom_series.folder / "notes.txt").write_text("text")
    whole = phantom_series.files[0].read_bytes()
    (phantom_series.folder / "broken.dcm").write_bytes(whole[:132] + b"\x02\0\0\0UL\4\0\0\0")
    return phantom_series.folder


@pytest.mark.parametrize("columns", [80, 120])
def test_the_table_fits_the_terminal_and_says_it_all(study, anogan_series, columns):
    status, said, complained = anogan_series(study, columns=columns)
    assert (status, complained) == (0, "")
    assert max(map(len, said.splitlines())) <= columns
    words = " ".join(said.split())
    for word in ("phantom", "12", "20x24", "2 1.5 3", "axial", "yes,", "scout"):
        assert word in words
    assert "1 of 2 usable" in said
    assert "Skipped: 1 file of broken DICOM, first broken.dcm" in said
    assert "Skipped: 1 file without DICOM images" in said


def test_json_holds_the_same_for_a_program(study, anogan_series):
    status, said, _ = anogan_series(study, "--json")
    phantom, scout = json.loads(said)
    assert status == 0
    assert phantom["default"]
    assert phantom["usable"]
    assert (phantom["name"], phantom["shape"], phantom["files"]) == ("1", [20, 24, 12], 12)
    assert phantom["spacing_mm"] == pytest.approx([2, 1.5, 3])
    assert scout["problem"] == "not a volume: 2 slices, at least 4 needed"
    assert scout["cure"] == "give a series of whole slices through the body"
    assert not scout["usable"]


def test_control_characters_of_a_description_do_not_reach_the_terminal(
    phantom_series, edit_dicom, anogan_series
):
    for path in phantom_series.files:
        edit_dicom(path, SeriesDescription="T1\x1b[2J\x07[red]")
    _, said, _ = anogan_series(phantom_series.folder, columns=120)
    assert "\x1b" not in said
    assert "\x07" not in said
    assert "[red]" in said


def test_what_holds_no_series_is_refused_in_one_line(tmp_path, anogan_series):
    (tmp_path / "notes.txt").write_text("text")
    for path in (tmp_path, tmp_path / "notes.txt", tmp_path / "nowhere"):
        status, said, complained = anogan_series(path)
        assert (status, said) == (1, "")
        assert complained.startswith("error: ")
        assert complained.count("\n") == 1


def test_a_zip_file_is_listed(study, tmp_path, anogan_series):
    archive = shutil.make_archive(str(tmp_path / "study"), "zip", study)
    assert zipfile.is_zipfile(archive)
    status, said, _ = anogan_series(archive)
    assert status == 0
    assert "1 of 2 usable" in said


def test_a_dicomdir_stands_for_its_folder(phantom_series, tmp_path):
    medium = FileSet()
    for path in phantom_series.files:
        medium.add(pydicom.dcmread(path))
    medium.write(tmp_path / "cd")
    (series,) = list_series(tmp_path / "cd" / "DICOMDIR")
    assert series.problem is None
    assert series.shape == (20, 24, 12)
    assert find_inputs(tmp_path / "cd" / "DICOMDIR") == [{"image": str(tmp_path / "cd")}]
    assert find_inputs(tmp_path / "cd") == [{"image": str(tmp_path / "cd")}]


def test_one_file_stands_for_its_own_series(study, phantom_series):
    (series,) = list_series(phantom_series.files[3])
    assert series.description == "phantom T1"
    assert find_series(Path(study, "scout").parent / "IM0001.dcm") == series
