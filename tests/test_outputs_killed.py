"""A writer killed at any moment leaves whole files or none, and the next one completes."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Collection
from pathlib import Path

import pydicom
import pytest
from painted_case import PaintedCase, make_series, paint

from monai_anogan.outputs import atomic_folder

NAMES = ("a_map", "b_map", "summary")
SIZE = 1 << 20
START = [sys.executable, "-c", "from monai_anogan.cli import main; main()"]


def write_results(out: Path, run: bytes) -> None:
    """Three files of one letter, written piecemeal; the summary last."""
    with atomic_folder(out) as stage:
        for name in NAMES:
            with (stage / name).open("wb") as stream:
                for _ in range(16):
                    stream.write(run * (SIZE // 16))


def killed_after(seconds: float, out: Path, run: bytes) -> None:
    """A child writes the results, and is killed."""
    child = os.fork()
    if not child:
        try:
            write_results(out, run)
        finally:
            os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def letters_in(out: Path) -> dict[str, str]:
    """The letter of each visible file, which must be whole."""
    letters = {}
    for path in sorted(out.iterdir()) if out.is_dir() else ():
        if path.name.startswith("."):
            continue
        content = path.read_bytes()
        assert len(content) == SIZE, f"{path.name} is not whole"
        assert len(set(content)) == 1
        letters[path.name] = chr(content[0])
    return letters


@pytest.mark.parametrize("existing", [False, True])
def test_a_killed_writer_leaves_whole_files_and_the_next_one_completes(tmp_path, existing):
    out = tmp_path / "out"
    rng = random.Random(0)
    begin = time.perf_counter()
    write_results(tmp_path / "measured", b"m")
    usual = time.perf_counter() - begin
    if existing:
        write_results(out, b"o")
        (out / "mine").write_bytes(b"x" * SIZE)
    for _ in range(40):
        before = out.exists()  # a new folder appears as one, later runs join it file by file
        killed_after(rng.uniform(0, 1.5 * usual), out, b"n")
        letters = letters_in(out)
        letters.pop("mine", None)
        if "summary" in letters:
            assert letters.keys() == set(NAMES)
            assert len(set(letters.values())) == 1, "files of two runs, and a summary over them"
        elif not before:
            assert letters == {}
    write_results(out, b"z")
    assert set(letters_in(out).values()) == ({"z", "x"} if existing else {"z"})
    for path in tmp_path.glob(".out.*"):  # killed before it was locked: empty, and it stays
        path.rmdir()
    left = {path.name for path in tmp_path.iterdir()} | {path.name for path in out.iterdir()}
    assert left == {"measured", "out", *NAMES} | ({"mine"} if existing else set())


@pytest.mark.parametrize("moment", range(len(NAMES)))
def test_killed_between_two_files_no_summary_stands_over_files_of_two_runs(tmp_path, moment):
    out = tmp_path / "out"
    write_results(out, b"o")
    child = os.fork()
    if not child:
        replace, done = os.replace, []

        def replace_and_die(*places):
            if len(done) == moment:
                os.kill(os.getpid(), signal.SIGKILL)
            done.append(replace(*places))

        os.replace = replace_and_die
        try:
            write_results(out, b"n")
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert letters_in(out) == dict(zip(NAMES, "n" * moment + "o" * (2 - moment), strict=False))
    write_results(out, b"z")
    assert letters_in(out) == dict.fromkeys(NAMES, "z")


def test_the_staging_folder_of_a_living_process_is_left_alone(tmp_path):
    out = tmp_path / "out"
    with atomic_folder(out) as stage:
        (stage / "first").touch()
        write_results(out, b"s")
        assert (stage / "first").exists()
    assert set(os.listdir(out)) == {"first", *NAMES}


def test_an_empty_folder_is_filled_at_once(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    with atomic_folder(out) as stage:
        assert stage.parent == tmp_path
        (stage / "first").touch()
    assert os.listdir(tmp_path) == ["out"]
    assert os.listdir(out) == ["first"]


def objects_in(out: Path) -> dict[str, str]:
    """The SOP instance of each visible file, which must be a whole DICOM object."""
    instances = {}
    for path in sorted(out.rglob("*")) if out.is_dir() else ():
        if path.is_file() and not any(part.startswith(".") for part in path.parts):
            dataset = pydicom.dcmread(path)
            if "Rows" in dataset:
                assert dataset.pixel_array.size
            else:
                assert dataset.ContentSequence[-1].ContentSequence
            instances[str(path.relative_to(out))] = dataset.SOPInstanceUID
    return instances


def write_case(case: PaintedCase, out: Path) -> None:
    with atomic_folder(out) as stage:
        case.write(stage)


@pytest.mark.parametrize("existing", [False, True])
def test_a_writer_of_dicom_objects_killed_at_any_moment_leaves_whole_ones_or_none(
    tmp_path, existing
):
    case, out = paint(make_series("mr axial", tmp_path / "source")), tmp_path / "out"
    begin = time.perf_counter()
    write_case(case, tmp_path / "measured")
    usual = time.perf_counter() - begin
    whole = objects_in(tmp_path / "measured").keys()
    assert {"anomaly_map.dcm", "findings.seg.dcm", "findings.sr.dcm", "overlay/0012.dcm"} <= whole
    if existing:
        write_case(case, out)
    old, rng = objects_in(out), random.Random(0)
    for _ in range(12):
        before = out.exists()
        child = os.fork()
        if not child:
            try:
                write_case(case, out)
            finally:
                os._exit(0)
        time.sleep(rng.uniform(0, 1.2 * usual))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        now = objects_in(out)
        if before:  # a later run joins it file by file, the last one out first and in last
            assert now.keys() in (whole, whole - {last_written(now, whole)})
        else:
            assert now.keys() in (whole, set())
    write_case(case, out)
    assert objects_in(out).keys() == whole
    assert not set(old.values()) & set(objects_in(out).values())


def last_written(now: dict[str, str], whole: Collection[str]) -> str | None:
    """The one file that may be missing."""
    gone = sorted(set(whole) - set(now))
    return gone[0] if len(gone) == 1 else None


@pytest.mark.slow
def test_detect_killed_while_it_writes_leaves_nothing_and_completes_when_run_again(
    head_series, tmp_path
):
    out = tmp_path / "out"
    command = [*START, "detect", str(head_series), "-o", str(out), "--mode", "encoder"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as running:
        end = time.monotonic() + 120
        while not list(tmp_path.glob(".out.*/findings.sr.dcm")) and time.monotonic() < end:
            if running.poll() is not None:
                break  # it failed, or was faster: no need to wait
            time.sleep(0.002)
        running.kill()
    assert not out.exists()
    assert len(list(tmp_path.iterdir())) == 1
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    told = json.loads((out / "summary.json").read_text())
    assert {*told["files"], "summary.json"} == set(os.listdir(out))
