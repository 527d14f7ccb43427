"""Results appear whole or not at all, and what cannot be written is refused before the work."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
from pathlib import Path

import pytest

from monai_anogan.errors import InputError
from monai_anogan.outputs import atomic_folder


def everything_in(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def fill(out: Path, then: type[BaseException] | None = None, **sizes: int) -> None:
    """Writes files of so many bytes into an atomic folder, and fails in the end if asked to."""
    with atomic_folder(out) as stage:
        for name, size in sizes.items():
            (stage / name).write_bytes(b"x" * size)
        if then is not None:
            raise then


def folders_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_dir()]


def test_a_new_folder_appears_at_once_with_everything_in_it(tmp_path):
    out = tmp_path / "deep" / "er" / "out"
    with atomic_folder(out) as stage:
        (stage / "a.txt").write_text("a")
        (stage / "case").mkdir()
        (stage / "case" / "b.txt").write_text("b")
        assert not out.exists()
    assert everything_in(tmp_path) == {"deep/er/out/a.txt": "a", "deep/er/out/case/b.txt": "b"}
    assert folders_in(out) == [out / "case"]


def test_the_folder_has_the_users_usual_permissions(tmp_path):
    usual = tmp_path / "usual"
    usual.mkdir()
    with atomic_folder(tmp_path / "out"):
        pass
    assert (tmp_path / "out").stat().st_mode == usual.stat().st_mode


def test_in_an_existing_folder_files_are_replaced_and_others_stay(tmp_path):
    out = tmp_path / "out"
    (out / "case").mkdir(parents=True)
    (out / "mine.txt").write_text("mine")
    (out / "case" / "map.txt").write_text("old")
    with atomic_folder(out) as stage:
        (stage / "case").mkdir()
        (stage / "case" / "map.txt").write_text("new")
        assert (out / "case" / "map.txt").read_text() == "old"
    assert everything_in(tmp_path) == {"out/mine.txt": "mine", "out/case/map.txt": "new"}
    assert folders_in(out) == [out / "case"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("existing", [False, True])
def test_after_a_failure_everything_is_as_it_was(tmp_path, error, existing):
    out = tmp_path / "deep" / "out"
    if existing:
        out.mkdir(parents=True)
        (out / "map").write_text("old")
    before = everything_in(tmp_path)
    with pytest.raises(error):
        fill(out, error, map=100, other=100)
    assert everything_in(tmp_path) == before
    assert folders_in(tmp_path) == ([tmp_path / "deep", out] if existing else [])


def test_a_folder_in_the_place_of_a_result_is_refused_before_any_file_is_replaced(tmp_path):
    out = tmp_path / "out"
    (out / "b").mkdir(parents=True)
    (out / "a").write_text("old")
    with pytest.raises(InputError, match="got a folder"):
        fill(out, a=10, b=10)
    assert everything_in(out) == {"a": "old"}


def test_an_unwritable_place_is_refused_at_entry(tmp_path):
    (tmp_path / "file").write_text("a file")
    for out in (tmp_path / "file", tmp_path / "file" / "out", Path("/proc/anogan/out")):
        with pytest.raises(InputError, match="must be") as caught, atomic_folder(out):
            pytest.fail("the work must not begin")
        assert "\n" not in str(caught.value)
    assert everything_in(tmp_path) == {"file": "a file"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_refused_at_entry(tmp_path):
    tmp_path.chmod(0o500)
    for out in (tmp_path, tmp_path / "out"):
        with pytest.raises(InputError, match="must be writable"), atomic_folder(out):
            pytest.fail("the work must not begin")


@pytest.mark.parametrize("existing", [False, True])
def test_a_file_over_the_limit_leaves_nothing(tmp_path, existing):
    out = tmp_path / "out"
    if existing:
        out.mkdir()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(OSError, match="large") as caught:
            fill(out, small=100, large=20_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.errno == errno.EFBIG
    assert everything_in(tmp_path) == {}
    assert folders_in(tmp_path) == ([out] if existing else [])


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 64 KB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("no small file system can be mounted here (needs root)")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("place", [".", "new", "deep/er"])
def test_a_full_disk_leaves_nothing(small_disk, place):
    with pytest.raises(OSError, match="No space left") as caught:
        fill(small_disk / place, small=100, large=200_000)
    assert caught.value.errno == errno.ENOSPC
    assert list(small_disk.rglob("*")) == []


@pytest.mark.parametrize("place", [".", "out"])
def test_a_full_disk_leaves_an_existing_folder_as_it_was(small_disk, place):
    out = small_disk / place
    fill(out, map=5000, summary=100)
    before = everything_in(small_disk)
    assert len(before) == 2
    with pytest.raises(OSError, match="No space left"):
        fill(out, map=6000, large=200_000, summary=200)
    assert everything_in(small_disk) == before
    assert not list(small_disk.rglob("*.partial"))
