"""Painted cases: real DICOM series of every kind, with lesions whose places are known."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pydicom
import torch
from monai.data import MetaTensor
from pydicom.uid import CTImageStorage, PositronEmissionTomographyImageStorage, generate_uid
from scipy.spatial.transform import Rotation

from monai_anogan.io import DicomSeriesReader
from monai_anogan.maps import Calibration, Findings, find
from monai_anogan.outputs import DicomResults, write_dicom_results, write_mr_series

__all__ = ["KINDS", "REAL", "PaintedCase", "make_series", "paint"]

KINDS = (
    "mr axial",
    "mr sagittal",
    "mr oblique",
    "ct axial",
    "ct sagittal",
    "pt axial",
    "mr enhanced",
    "mr enhanced split",
    "ct enhanced",
)
REAL = (
    "t1_mprage_mixed",
    "vendors/philips_enhanced/anatomical/001",
    "vendors/siemens_multiframe/anatomical/001",
)
SHAPE = (20, 24, 12)
SAGITTAL = np.array([[0.0, 0, 1], [1, 0, 0], [0, -1, 0]])  # LPS: rows to the back, columns down
OBLIQUE = Rotation.from_euler("xyz", [20, -30, 15], degrees=True).as_matrix()


@dataclass(frozen=True)
class PaintedCase:
    """A scan and what was found in it; every volume is (I, J, K) on the scan's grid."""

    source: MetaTensor  # (1, I, J, K)
    affine: np.ndarray  # (4, 4) voxel -> LPS mm, by the reader of the package
    score: np.ndarray  # float32, calibrated
    labels: np.ndarray  # uint16
    found: Findings  # two

    def write(self, folder: Path, **how: Any) -> DicomResults:
        """Its DICOM objects, all of them by default."""
        folder.mkdir(parents=True, exist_ok=True)
        how = {"objects": ("pm", "seg", "sr", "sc"), "version": "0.1.0", "model": "m 1"} | how
        return write_dicom_results(
            folder,
            source=self.source,
            anomaly_map=torch.from_numpy(self.score)[None],
            findings=self.found,
            labels=torch.from_numpy(self.labels.astype(np.float32))[None],
            **how,
        )

    def places(self, label: int) -> np.ndarray:
        """(V, 3) LPS mm: the centres of a finding's voxels."""
        return self._world(np.argwhere(self.labels == label))

    def hottest(self) -> np.ndarray:
        """(V, 3) LPS mm: the centres of the voxels with the highest score."""
        return self._world(np.argwhere(self.score == self.score.max()))

    def _world(self, voxels: np.ndarray) -> np.ndarray:
        return voxels @ self.affine[:3, :3].T + self.affine[:3, 3]

    @property
    def half_voxel(self) -> float:
        """Half the shortest side of a voxel, mm."""
        return float(np.linalg.norm(self.affine[:3, :3], axis=0).min()) / 2


def paint(folder: Path) -> PaintedCase:
    """Lesions in a series, found in a map of noise by a calibration on maps of noise."""
    array, meta = DicomSeriesReader().get_data(folder)
    source = MetaTensor(array[None], affine=torch.from_numpy(meta["affine"]), meta=meta)
    shape = tuple(source.shape[1:])
    rng = np.random.default_rng(5)
    organ = np.ones(shape, bool)
    affine = source.affine.numpy()
    healthy = [rng.gamma(1, 1, shape) for _ in range(6)]
    ml = float(abs(np.linalg.det(affine[:3, :3]))) / 1000
    calibration = Calibration(voxel_rate=1e-3).fit(healthy, [organ] * 6, ml)
    raw = rng.gamma(1, 1, shape)
    i, j, k = (side // 4 for side in shape)
    raw[i : i + 3, j : j + 4, k : k + 2] = 40  # the larger
    raw[-i - 3 : -i, j : j + 2, -k - 1 : -k or None] = 40
    found = find(calibration, raw, organ, affine, alpha=0.2)
    assert len(found) >= 2, "the painted lesions must be findings"
    to_lps = np.diag([-1.0, -1, 1, 1])
    return PaintedCase(source, to_lps @ affine, found.score, found.labels, found)


def make_series(kind: str, folder: Path) -> Path:
    """A series of one of `KINDS` in a folder of its own."""
    volume = np.random.default_rng(7).integers(-50, 2000, SHAPE).astype(np.float32)
    affine = np.diag([-2.0, -1.5, 3.0, 1.0])
    affine[:3, 3] = (18.25, 20.5, -7.125)
    files = write_mr_series(volume, affine, folder / "series", description="T1", seed=kind)
    if "sagittal" in kind or "oblique" in kind:
        _turn(files, SAGITTAL if "sagittal" in kind else OBLIQUE)
    if "ct" in kind:
        _as(files, CTImageStorage, Modality="CT", KVP="120", AcquisitionNumber=1, RescaleType="HU")
    if "pt" in kind:
        _as(files, PositronEmissionTomographyImageStorage, Modality="PT", Units="BQML")
    if "enhanced" in kind:
        return _as_enhanced(files, folder / "enhanced", parts=2 if "split" in kind else 1)
    return folder / "series"


def _turn(files: list[Path], rotation: np.ndarray) -> None:
    for path in files:
        image = pydicom.dcmread(path)
        axes = np.reshape(image.ImageOrientationPatient, (2, 3)).astype(float) @ rotation.T
        image.ImageOrientationPatient = [f"{v:.10f}" for v in axes.ravel()]
        place = rotation @ np.array(image.ImagePositionPatient, float)
        image.ImagePositionPatient = [f"{v:.10f}" for v in place]
        image.save_as(path)


def _as(files: list[Path], sop_class: str, **values: Any) -> None:
    """The MR series as one of another modality."""
    of_mr = ("ScanningSequence", "SequenceVariant", "ScanOptions", "MRAcquisitionType")
    for path in files:
        image = pydicom.dcmread(path)
        for keyword in (*of_mr, "RepetitionTime", "EchoTime", "EchoTrainLength"):
            del image[keyword]
        image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = sop_class
        image.RescaleIntercept, image.RescaleSlope, image.BodyPartExamined = "-1024", "1", "CHEST"
        for keyword, value in values.items():
            setattr(image, keyword, value)
        image.save_as(path)


def _as_enhanced(files: list[Path], folder: Path, *, parts: int) -> Path:
    """The series as one or more multi-frame files, the frames of each shuffled."""
    images = [pydicom.dcmread(path) for path in files]
    legacy = hd.legacy
    convert = (
        legacy.LegacyConvertedEnhancedCTImage
        if images[0].Modality == "CT"
        else legacy.LegacyConvertedEnhancedMRImage
    )
    folder.mkdir()
    uid = generate_uid()
    for part in range(parts):
        mine = images[part::parts]
        order = np.random.default_rng(3).permutation(len(mine))
        enhanced = convert(mine, uid, 2, generate_uid(), part + 1)
        frames = np.frombuffer(enhanced.PixelData, "<i2").reshape(len(mine), -1)
        enhanced.PixelData = frames[order].tobytes()
        items = enhanced.PerFrameFunctionalGroupsSequence
        enhanced.PerFrameFunctionalGroupsSequence = [items[k] for k in order]
        enhanced.save_as(folder / f"part{part}")
    shutil.rmtree(files[0].parent)
    return folder
