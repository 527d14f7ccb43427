"""The MR series we write is a proper one of a made-up patient, and the same seed gives the same."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from external_tools import errors_of_dciodvfy
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from monai_anogan.outputs import write_mr_series

VOLUME = np.random.default_rng(2).integers(-5, 900, (10, 11, 5))
AFFINE = np.diag([-2.0, -2.0, 3.0, 1.0])


def test_every_file_is_an_mr_image_of_the_made_up_patient(tmp_path):
    files = write_mr_series(VOLUME, AFFINE, tmp_path, description="demo")
    slices = [pydicom.dcmread(path) for path in files]
    assert len({s.SOPInstanceUID for s in slices}) == len(slices) == 5
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        assert len({s[keyword].value for s in slices}) == 1
    for k, image in enumerate(slices):
        assert image.SOPClassUID == MRImageStorage
        assert image.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert str(image.PatientName) == "ANOGAN^DEMO"
        assert image.SeriesDescription == "demo"
        assert image.InstanceNumber == k + 1
        assert np.array_equal(image.pixel_array, VOLUME[:, :, k].T)
        assert np.allclose(image.ImagePositionPatient, [0, 0, 3.0 * k])


def test_a_seed_makes_it_reproducible_and_no_seed_makes_it_new(tmp_path):
    def written(name, **options):
        files = write_mr_series(VOLUME, AFFINE, tmp_path / name, description="d", **options)
        return [path.read_bytes() for path in files]

    assert written("a", seed="demo") == written("b", seed="demo")
    assert written("c", seed="demo") != written("d", seed="other")
    assert written("e") != written("f")


def test_series_of_one_seed_share_their_study_and_nothing_else(tmp_path):
    one, two = (
        pydicom.dcmread(
            write_mr_series(
                VOLUME, AFFINE, tmp_path / str(n), description="d", series_number=n, seed="demo"
            )[0]
        )
        for n in (1, 2)
    )
    assert one.StudyInstanceUID == two.StudyInstanceUID
    assert one.SeriesInstanceUID != two.SeriesInstanceUID
    assert one.SOPInstanceUID != two.SOPInstanceUID


@pytest.mark.parametrize(
    ("volume", "affine", "clause"),
    [
        (VOLUME / 1e4, AFFINE, "scale it to 0..1000"),
        (VOLUME * 100, AFFINE, "scale it to 0..1000"),
        (np.where(VOLUME > 800, np.nan, VOLUME), AFFINE, "scale it to 0..1000"),
        (VOLUME[None], AFFINE, "3 dimensions"),
        (VOLUME, AFFINE + np.eye(4, k=1) * 0.4, "without shear"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, volume, affine, clause):
    with pytest.raises(ValueError, match=clause):
        write_mr_series(volume, affine, tmp_path / "out", description="d")
    assert not (tmp_path / "out").exists()


def test_dciodvfy_finds_no_error(tmp_path):
    for path in write_mr_series(VOLUME, AFFINE, tmp_path, description="demo"):
        assert errors_of_dciodvfy(path) == []
