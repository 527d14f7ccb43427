"""Fixtures for every test: the shared data, if there, and DICOM series made on the spot."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import highdicom as hd
import nibabel as nib
import numpy as np
import pydicom
import pytest

from monai_anogan import cli
from monai_anogan.outputs import write_mr_series

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
EditDicom = Callable[..., None]
RunPython = Callable[..., list[str]]
Refused = Callable[..., str]
# Whatever a command should try to fetch, it meets a closed door.
OFFLINE = {f"{scheme}_proxy": "http://127.0.0.1:9" for scheme in ("http", "https")}


@dataclass(frozen=True)
class PhantomSeries:
    """A DICOM MR series on disk and the truth it was made from."""

    folder: Path
    files: list[Path]  # slice order
    volume: np.ndarray  # (20, 24, 12) float32, every voxel different in every direction
    affine: np.ndarray  # (4, 4) voxel -> RAS mm, slightly oblique, 2 x 1.5 x 3 mm


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: begun last, one would run on while the other worker idles."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """The command silences logging in its process; here other tests run in the same."""
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The development data beside the repository."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the development data is not here ({SHARED_DATA})")
    return SHARED_DATA


@dataclass(frozen=True)
class Template:
    """The skull-stripped ICBM152 T1 head, in which the shipped mask network finds a brain."""

    volume: np.ndarray  # (99, 117, 95) float32, 0 to 1000
    affine: np.ndarray  # (4, 4) voxel -> RAS mm, 2 mm


@pytest.fixture(scope="session")
def template() -> Template:
    """nilearn's packaged template at 2 mm."""
    packaged = pytest.importorskip("nilearn.datasets").load_mni152_template(resolution=2)
    volume = packaged.get_fdata().astype(np.float32)
    return Template(volume / volume.max() * 1000, packaged.affine)


@pytest.fixture(scope="session")
def head_series(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as a folder with a DICOM MR series, 95 axial slices."""
    folder = tmp_path_factory.mktemp("dicom") / "head"
    write_mr_series(template.volume, template.affine, folder, description="T1 head", seed="head")
    return folder


@pytest.fixture(scope="session")
def head_cohort(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three slightly different heads, NIfTI: two to train on, one to validate on."""
    folder = tmp_path_factory.mktemp("heads")
    rng = np.random.default_rng(0)
    for subject in range(3):
        varied = template.volume * (1 + 0.02 * rng.standard_normal(template.volume.shape))
        head = nib.Nifti1Image(varied.astype(np.float32), template.affine)
        nib.save(head, folder / f"head{subject}.nii.gz")
    return folder


@pytest.fixture(scope="session")
def run_python() -> RunPython:
    """Runs `python ARGUMENTS...` for each list of arguments, side by side and offline.

    All must end well; gives what each printed, stdout and stderr.
    """
    return _run_python


def _run_python(*commands: list[Any]) -> list[str]:
    environment = os.environ | OFFLINE | {"OMP_NUM_THREADS": "1"}
    running = [
        subprocess.Popen(
            [sys.executable, *map(str, command)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for command in commands
    ]
    printed = [process.communicate()[0] for process in running]
    failed = [text for process, text in zip(running, printed, strict=True) if process.returncode]
    assert not failed, failed[0]
    return printed


@pytest.fixture
def refused(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture, tmp_path: Path
) -> Refused:
    """`anogan COMMAND ARGUMENTS... -o OUT`: the one line it refuses with, having left nothing."""
    home = tmp_path / "results"
    home.mkdir()

    def call(*arguments: Any, out: Path = home / "new" / "out", command: str = "detect") -> str:
        argv = ["anogan", command, *map(str, arguments), "-o", str(out), "--mode", "encoder"]
        monkeypatch.setattr(sys, "argv", argv)
        with warnings.catch_warnings(), pytest.raises(SystemExit) as left:
            cli.main()
        complaint = capfd.readouterr().err
        assert left.value.code == 1
        assert complaint.startswith("error: ")
        assert complaint.count("\n") == 1, complaint
        assert not list(home.iterdir())
        return complaint

    return call


@pytest.fixture
def phantom_series(tmp_path: Path) -> PhantomSeries:
    """A real, small DICOM MR series: oblique axial, in `tmp_path / "phantom"`."""
    volume = np.random.default_rng(7).integers(-50, 2000, (20, 24, 12)).astype(np.float32)
    affine = oblique_affine((-2.0, -1.5, 3.0), (18.25, 20.5, -7.125))
    folder = tmp_path / "phantom"
    files = write_mr_series(volume, affine, folder, description="phantom T1", seed="phantom")
    return PhantomSeries(folder, files, volume, affine)


@pytest.fixture
def enhanced_series(phantom_series: PhantomSeries, tmp_path: Path) -> PhantomSeries:
    """The phantom as ONE enhanced multi-frame file, its frames in shuffled order."""
    enhanced = hd.legacy.LegacyConvertedEnhancedMRImage(
        [pydicom.dcmread(path) for path in phantom_series.files],
        series_instance_uid=hd.UID(),
        series_number=2,
        sop_instance_uid=hd.UID(),
        instance_number=1,
    )
    order = np.random.default_rng(3).permutation(len(phantom_series.files))
    frames = np.frombuffer(enhanced.PixelData, "<i2").reshape(len(order), -1)
    enhanced.PixelData = frames[order].tobytes()
    items = enhanced.PerFrameFunctionalGroupsSequence
    enhanced.PerFrameFunctionalGroupsSequence = [items[k] for k in order]
    folder = tmp_path / "enhanced"
    folder.mkdir()
    path = folder / "multiframe"
    enhanced.save_as(path)
    return PhantomSeries(folder, [path], phantom_series.volume, phantom_series.affine)


@pytest.fixture
def split_enhanced_series(enhanced_series: PhantomSeries) -> PhantomSeries:
    """The phantom as two enhanced files, five and seven frames, slices interleaved."""
    whole = enhanced_series.files[0]
    files = []
    for number, part in enumerate((slice(0, 5), slice(5, 12)), start=1):
        dataset = pydicom.dcmread(whole)
        pixels = dataset.pixel_array[part]
        items = list(dataset.PerFrameFunctionalGroupsSequence)
        dataset.PerFrameFunctionalGroupsSequence = items[part]
        dataset.NumberOfFrames = len(pixels)
        dataset.PixelData = pixels.tobytes()
        dataset.InstanceNumber = number
        dataset.SOPInstanceUID = hd.UID()
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        files.append(whole.parent / f"part{number}")
        dataset.save_as(files[-1])
    whole.unlink()
    return PhantomSeries(
        enhanced_series.folder, files, enhanced_series.volume, enhanced_series.affine
    )


@pytest.fixture
def edit_dicom() -> EditDicom:
    """Rewrites a DICOM file with some elements changed (None removes one)."""
    return _edit


def _edit(path: Path, *, to: Path | None = None, **values: Any) -> None:
    with pydicom.config.disable_value_validation():
        dataset = pydicom.dcmread(path)
        for keyword, value in values.items():
            if value is None:
                del dataset[keyword]
            else:
                setattr(dataset, keyword, value)
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", "")
        dataset.save_as(to or path)


def oblique_affine(
    steps: tuple[float, float, float], origin: tuple[float, float, float]
) -> np.ndarray:
    """Voxel steps (mm, signed) turned by a few degrees about two axes."""
    a, b = np.radians([6.0, -4.0])
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = about_z @ about_x @ np.diag(steps)
    affine[:3, 3] = origin
    return affine
