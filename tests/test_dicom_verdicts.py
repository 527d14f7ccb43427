"""Every DICOM file there is, fed to the command: the right result, or one clear line."""

from __future__ import annotations

import json
import runpy
import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom.data
import pytest

from monai_anogan import cli
from monai_anogan.errors import InputError
from monai_anogan.io import find_series

ROOT = Path(__file__).parents[1]
OF_PYDICOM = Path(pydicom.data.__file__).parent
Anogan = Callable[..., tuple[int, str, str]]


@pytest.fixture
def places(shared_data: Path) -> dict[str, Path]:
    """The folders whose files are tabled in docs/dicom.md, by the name they have there."""
    return {
        "shared": shared_data / "dicom",
        "pydicom": OF_PYDICOM / "test_files",
        "pydicom charset": OF_PYDICOM / "charset_files",
    }


@pytest.fixture
def anogan(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture) -> Anogan:
    """`anogan ARGUMENTS...` in this process: its exit status, what it said and complained of."""
    monkeypatch.setenv("COLUMNS", "80")

    def call(*arguments: Any) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["anogan", *map(str, arguments)])
        with warnings.catch_warnings(), pytest.raises(SystemExit) as left:
            cli.main()
        return int(left.value.code or 0), *capfd.readouterr()

    return call


def files_below(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def series_of(path: Path) -> str:
    """The series a file is read as; its own name where it is refused."""
    try:
        return find_series(path).uid
    except InputError:
        return str(path)


@pytest.mark.parametrize("name", ["shared", "pydicom", "pydicom charset"])
def test_anogan_series_lists_every_file_or_refuses_it_in_one_line(places, anogan, name) -> None:
    for path in files_below(places[name]):
        status, said, complained = anogan("series", path)
        if status == 0:
            assert complained == "", path
            assert max(map(len, said.splitlines())) <= 80, path
        else:
            assert said == "", path
            assert complained.startswith("error: "), path
            assert complained.count("\n") == 1, path


@pytest.mark.slow
@pytest.mark.parametrize("name", ["shared", "pydicom", "pydicom charset"])
def test_anogan_detect_takes_every_file_or_refuses_it_in_one_line(
    places, anogan, tmp_path, name
) -> None:
    """Of the files of one usable series, the first stands for all."""
    files = [path for path in files_below(places[name]) if ".nii" not in path.name]
    for path in {series_of(path): path for path in reversed(files)}.values():
        out = tmp_path / "out"
        status, _, complained = anogan("detect", path, "-o", out, "--mode", "encoder")
        if status == 0:
            told = json.loads((out / "summary.json").read_text())
            assert told["input"]["series_uid"] == series_of(path)
            assert "anomaly_map.dcm" in told["files"]
            shutil.rmtree(out)
        else:
            assert complained.startswith("error: "), path
            assert complained.count("\n") == 1, complained
            assert not out.exists(), path


def test_the_table_of_verdicts_is_the_one_in_the_documentation(places) -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "dicom_verdicts.py"))
    told = (ROOT / "docs" / "dicom.md").read_text("utf-8")
    assert script["table"](places) in told, "make it again, see docs/dicom.md"
