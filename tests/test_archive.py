"""A zip file is a folder for as long as the work lasts, and cannot reach outside or flood."""

from __future__ import annotations

import stat
import tempfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from monai_anogan.errors import InputError
from monai_anogan.io import find_inputs, find_series, load_volume, opened


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch) -> Path:
    """Where archives are unpacked during a test."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def refusal(archive: Path, temporary: Path) -> str:
    with pytest.raises(InputError) as caught, opened(archive):
        pytest.fail("it must not be opened")
    assert list(temporary.iterdir()) == []
    assert "\n" not in str(caught.value)
    assert archive.name in str(caught.value)
    return str(caught.value)


def test_a_series_in_a_zip_file_is_read_and_nothing_of_it_stays(
    phantom_series, tmp_path, temporary
):
    archive = tmp_path / "study.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in phantom_series.files:
            packed.write(path, f"deep/er/{path.name}")
        packed.writestr("readme.txt", "a scan")
    with opened(archive) as folder:
        (case,) = find_inputs(folder)
        assert Path(case["image"]).name == "study"
        volume, affine = load_volume(find_series(case["image"]))
    assert np.array_equal(volume, phantom_series.volume)
    assert np.allclose(affine, phantom_series.affine, atol=1e-9)
    assert list(temporary.iterdir()) == []


def test_any_other_path_is_given_as_it_is(phantom_series, tmp_path):
    for path in (phantom_series.folder, phantom_series.files[0], tmp_path / "nowhere"):
        with opened(path) as same:
            assert same == path


def test_names_that_point_outside_stay_inside(tmp_path, temporary):
    archive = tmp_path / "sly.zip"
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("../../../outside.txt", "x")
        packed.writestr(f"{tmp_path}/absolute.txt", "x")
        packed.writestr(link, "/etc/passwd")
    with opened(archive) as folder:
        written = [path for path in folder.rglob("*") if path.is_file()]
        assert len(written) == 3
        assert not any(path.is_symlink() for path in written)
        assert not (tmp_path / "absolute.txt").exists()
        assert not list(tmp_path.rglob("outside.txt")) or all(
            folder in path.parents for path in tmp_path.rglob("outside.txt")
        )


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path, temporary):
    archive = tmp_path / "bomb.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("zeros", bytes(80 << 20))
    assert "must unpack to at most" in refusal(archive, temporary)


def test_a_member_that_lies_about_its_size_is_refused(tmp_path, temporary):
    archive = tmp_path / "liar.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("zeros", bytes(1 << 20))
    bytes_ = archive.read_bytes()
    archive.write_bytes(bytes_.replace((1 << 20).to_bytes(4, "little"), b"\x10\0\0\0"))
    assert "must be a whole zip file" in refusal(archive, temporary)


def test_too_many_files_are_refused(tmp_path, temporary, monkeypatch):
    archive = tmp_path / "many.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for k in range(100_001):
            packed.writestr(str(k), b"")
    assert "got 100001 files" in refusal(archive, temporary)


@pytest.mark.parametrize("kept", [30, 0.5, 0.95])
def test_a_broken_archive_is_one_line(phantom_series, tmp_path, temporary, kept):
    archive = tmp_path / "half.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.write(phantom_series.files[0], "a")
        packed.write(phantom_series.files[1], "b")
    whole = archive.read_bytes()
    archive.write_bytes(whole[: kept if kept > 1 else int(kept * len(whole))])
    assert "must be a whole zip file" in refusal(archive, temporary)


def test_an_encrypted_member_and_two_of_one_name_are_refused(tmp_path, temporary):
    archive = tmp_path / "locked.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("a", "x")
    bytes_ = bytearray(archive.read_bytes())
    bytes_[6] |= 1  # the encryption flag, in the local header and in the directory
    bytes_[bytes_.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(bytes_)
    assert "password" in refusal(archive, temporary)
    with warnings.catch_warnings(), zipfile.ZipFile(archive, "w") as packed:
        warnings.simplefilter("ignore")  # that it is a strange thing to do
        packed.writestr("a", "x")
        packed.writestr("a", "y")
    assert "two files are called 'a'" in refusal(archive, temporary)
