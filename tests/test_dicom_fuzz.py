"""However a file is damaged, it is read, skipped or refused in one line: never a crash or a flood.

The mutations are drawn by hypothesis from a fixed seed, so that a run is like the one before;
ANOGAN_FUZZ sets how many (thousands were run by hand, see docs/dicom.md).
"""

from __future__ import annotations

import os
import resource
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
)

from monai_anogan.errors import InputError
from monai_anogan.io import dicom_header, find_inputs, find_series, list_series, load_volume
from monai_anogan.io.dicom_file import DICOM_ERRORS
from monai_anogan.outputs import write_mr_series

RUNS = int(os.environ.get("ANOGAN_FUZZ", "60"))
SECONDS = 5.0  # of processor time, for four small slices
MEGABYTES = 1024  # of growth of this process
fuzzed = settings(
    max_examples=RUNS,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# Where the header's values lie: mutations there do more than in the pixels.
positions = st.one_of(st.integers(0, 2000), st.integers(0, 1 << 16))
mutations = st.lists(st.tuples(positions, st.binary(min_size=1, max_size=8)), max_size=6)
TAGS = [tag for tag in dicom_header._TAGS if pydicom.datadict.dictionary_has_tag(tag)]
VALUES = st.one_of(
    st.none(),
    st.text(max_size=20),
    st.sampled_from(["", "nan", "inf", "1e400", "-1", "0", "1\\2", "\\\\\\\\", "9" * 30, "\x1b$B"]),
    st.lists(st.sampled_from(["0", "1", "-1", "1e308", "nan", "0.1", ""]), max_size=7),
)
KEYWORDS = st.sampled_from([pydicom.datadict.keyword_for_tag(tag) for tag in TAGS])


def plain(folder: Path) -> None:
    """Four classic slices, explicit little endian."""
    volume = np.random.default_rng(0).integers(0, 900, (12, 10, 4))
    write_mr_series(volume, np.diag([-2.0, -2, 3, 1]), folder, description="T1", seed="fuzz")


def rewritten(folder: Path, change: Callable[[pydicom.Dataset], None]) -> None:
    plain(folder)
    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.PixelRepresentation = 0
        change(dataset)
        dataset.save_as(path)


def compressed(syntax: str) -> Callable[[Path], None]:
    return lambda folder: rewritten(
        folder, lambda ds: ds.compress(syntax, generate_instance_uid=False)
    )


def as_syntax(syntax: str) -> Callable[[Path], None]:
    return lambda folder: rewritten(
        folder, lambda ds: setattr(ds.file_meta, "TransferSyntaxUID", syntax)
    )


def implicit(folder: Path) -> None:
    plain(folder)
    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        dataset.save_as(path, implicit_vr=True, little_endian=True)


def enhanced(folder: Path) -> None:
    plain(folder)
    files = sorted(folder.iterdir())
    whole = hd.legacy.LegacyConvertedEnhancedMRImage(
        [pydicom.dcmread(path) for path in files],
        series_instance_uid=hd.UID(),
        series_number=2,
        sop_instance_uid=hd.UID(),
        instance_number=1,
    )
    for path in files:
        path.unlink()
    whole.save_as(folder / "enhanced")


def jpeg_2000(folder: Path) -> None:
    """One of pydicom's own slices, in four places."""
    folder.mkdir()
    dataset = pydicom.dcmread(get_testdata_file("MR_small_jp2klossless.dcm", download=False))
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    for k in range(4):
        dataset.ImagePositionPatient = [0, 0, 3 * k]
        dataset.SOPInstanceUID = f"1.2.3.{k + 1}"
        dataset.save_as(folder / f"IM{k}.dcm")


KINDS = {
    "plain": plain,
    "implicit": implicit,
    "enhanced": enhanced,
    "deflated": as_syntax(DeflatedExplicitVRLittleEndian),
    "RLE": compressed(RLELossless),
    "JPEG 2000": jpeg_2000,
    "JPEG-LS": compressed(JPEGLSLossless),
}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("fuzz")
    for name, make in KINDS.items():
        make(root / name)
    return {name: root / name for name in KINDS}


def check(folder: Path) -> None:
    """Every door: the case is found, the series are listed, and the chosen one is loaded."""
    dicom_header.forget_headers()  # changes within a tick of the clock are changes
    begin, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for door in (find_inputs, list_series, lambda place: load_volume(find_series(place))):
        for place in (folder, min(folder.iterdir())):
            with suppress(InputError):
                door(place)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert time.process_time() - begin < SECONDS
    assert grown < MEGABYTES << 10


def a_copy(source: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "copy"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder)
    return folder


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
@fuzzed
@given(changes=mutations, kept=st.one_of(st.just(1.0), st.floats(0, 1)))
def test_damaged_bytes_are_read_skipped_or_refused(sources, tmp_path, kind, changes, kept):
    folder = a_copy(sources[kind], tmp_path)
    path = min(folder.iterdir())
    data = bytearray(path.read_bytes())
    del data[int(kept * len(data)) :]
    for place, value in changes:
        data[place : place + len(value)] = value
    path.write_bytes(data)
    check(folder)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["plain", "implicit", "enhanced"])
@fuzzed
@given(values=st.dictionaries(KEYWORDS, VALUES, min_size=1, max_size=4), every=st.booleans())
def test_senseless_values_are_read_skipped_or_refused(sources, tmp_path, kind, values, every):
    folder = a_copy(sources[kind], tmp_path)
    files = sorted(folder.iterdir())
    for path in files if every else files[:1]:
        dataset = pydicom.dcmread(path)
        for keyword, value in values.items():
            write_value(dataset, keyword, value)
        try:
            dataset.save_as(path)
        except DICOM_ERRORS:  # pydicom reads some values to write them, and cannot
            reject()
    check(folder)


def write_value(dataset: pydicom.Dataset, keyword: str, value: str | list[str] | None) -> None:
    """Puts the bytes of a text where a value of any kind should be."""
    if value is None:
        dataset.pop(keyword, None)
        return
    text = value if isinstance(value, str) else "\\".join(value)
    tag = pydicom.tag.Tag(keyword)
    vr = pydicom.datadict.dictionary_VR(tag).split(" ")[0]
    raw = text.encode("utf-8", "replace")
    if vr != "SQ":
        raw += b" " * (-len(raw) % 8)  # binary numbers come in 2, 4 or 8 bytes
        explicit = not dataset.original_encoding[0]
        dataset._dict[tag] = pydicom.dataelem.RawDataElement(
            tag, vr if explicit else None, len(raw), raw, 0, not explicit, True
        )
