"""A written NIfTI map lies on its source's grid to the last digit."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from monai_anogan.outputs import write_nifti

RNG = np.random.default_rng(5)
VOLUME = RNG.random((7, 8, 9)).astype(np.float32)


def source_with(tmp_path, image_class, *, sform, qform):
    """A scan whose sform and qform differ, with codes, units and things that must not leak."""
    affine = np.eye(4)
    affine[:3, :3] = np.linalg.qr(RNG.normal(size=(3, 3)))[0] * [0.9375, 1.1, 1.0 / 3.0]
    affine[:3, 3] = RNG.normal(size=3) * 50
    image = image_class(RNG.integers(0, 99, VOLUME.shape).astype(np.int16), affine)
    image.set_qform(affine, qform)
    shifted = affine.copy()
    shifted[:3, 3] += 0.5
    image.set_sform(shifted if sform else None, sform)
    image.header.set_xyzt_units("mm", "sec")
    image.header.set_slope_inter(2.5, 7)
    image.header["cal_max"] = 99
    image.header["descrip"] = b"NAME^OF PATIENT"
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"NAME^OF PATIENT"))
    path = tmp_path / "scan.nii.gz"
    nib.save(image, path)
    return path


@pytest.mark.parametrize("image_class", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize(("sform", "qform"), [(1, 1), (2, 0), (0, 1), (4, 2), (0, 0)])
def test_a_map_like_its_source_has_its_affine_to_the_last_digit(
    tmp_path, image_class, sform, qform
):
    path = source_with(tmp_path, image_class, sform=sform, qform=qform)
    source = nib.load(path)
    write_nifti(VOLUME, tmp_path / "map.nii.gz", affine=source.affine, like=path)
    written = nib.load(tmp_path / "map.nii.gz")
    assert np.array_equal(written.affine, source.affine)
    assert np.array_equal(written.get_qform(), source.get_qform())
    for name in ("qform_code", "sform_code", "xyzt_units"):
        assert written.header[name] == source.header[name]
    assert written.get_data_dtype() == np.float32
    assert np.array_equal(np.asarray(written.dataobj), VOLUME)


def test_nothing_else_of_the_source_leaks_into_the_map(tmp_path):
    path = source_with(tmp_path, nib.Nifti1Image, sform=1, qform=1)
    write_nifti(VOLUME, tmp_path / "map.nii", affine=nib.load(path).affine, like=path)
    assert b"PATIENT" not in (tmp_path / "map.nii").read_bytes()
    assert nib.load(tmp_path / "map.nii").header["cal_max"] == 0


def test_a_map_of_a_dicom_scan_gets_sform_and_qform_from_the_affine(tmp_path, phantom_series):
    path = tmp_path / "map.nii.gz"
    write_nifti(phantom_series.volume, path, affine=phantom_series.affine)
    written = nib.load(path)
    assert np.array_equal(written.affine, phantom_series.affine.astype(np.float32))
    assert np.allclose(written.get_qform(), phantom_series.affine, atol=1e-4)
    assert (written.header["sform_code"], written.header["qform_code"]) == (1, 1)
    assert written.header.get_xyzt_units()[0] == "mm"
    assert np.array_equal(np.asarray(written.dataobj), phantom_series.volume)


def test_a_map_that_is_not_on_the_grid_is_refused(tmp_path):
    path = source_with(tmp_path, nib.Nifti1Image, sform=1, qform=1)
    affine = nib.load(path).affine
    with pytest.raises(ValueError, match="source's shape"):
        write_nifti(VOLUME[1:], tmp_path / "map.nii", affine=affine, like=path)
    with pytest.raises(ValueError, match="affine must be its source's"):
        write_nifti(VOLUME, tmp_path / "map.nii", affine=np.eye(4), like=path)
    with pytest.raises(ValueError, match="3 dimensions"):
        write_nifti(VOLUME[None], tmp_path / "map.nii", affine=affine)
    assert not (tmp_path / "map.nii").exists()


def test_real_scans_keep_their_affine(shared_data, tmp_path):
    scans = [
        next((shared_data / "brain_t1" / "t1").iterdir()),
        next((shared_data / "brain_t1_lesions" / "t1").iterdir()),
        shared_data / "dicom" / "transfer_syntaxes" / "Ref" / "1.nii",
    ]
    for scan in scans:
        source = nib.load(scan)
        shape = source.shape[:3]
        write_nifti(np.zeros(shape), tmp_path / "map.nii.gz", affine=source.affine, like=scan)
        assert np.array_equal(nib.load(tmp_path / "map.nii.gz").affine, source.affine)
