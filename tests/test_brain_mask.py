"""The brain mask: found from the whole head, in any orientation, with and without the skull."""

import csv

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from monai.data import MetaTensor
from monai.transforms import Compose, EnsureChannelFirstd, LoadImaged, Orientationd

from monai_anogan.bundle_folder import default_bundle
from monai_anogan.errors import InputError
from monai_anogan.transforms import SmoothSpacingd


@pytest.fixture(scope="module")
def find_brain():
    parser = ConfigParser()
    parser.read_config(str(default_bundle() / "configs" / "inference.json"))
    parser["bundle_root"] = str(default_bundle())
    return parser.get_parsed_content("mask")


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def head(volume, affine):
    return {"image": MetaTensor(torch.from_numpy(volume)[None], affine=torch.from_numpy(affine))}


def test_dice_is_above_095_on_every_test_subject(shared_data, find_brain):
    with (shared_data / "brain_t1" / "subjects.csv").open() as file:
        names = [row["subject"] for row in csv.DictReader(file) if row["split"] == "test"]
    load = Compose(
        [
            LoadImaged(["image", "truth"]),
            EnsureChannelFirstd(["image", "truth"]),
            Orientationd(["image", "truth"], axcodes="RAS", labels=None),
        ]
    )
    scores = []
    for name in names:
        item = {
            "image": shared_data / "brain_t1" / "t1" / f"{name}.nii.gz",
            "truth": shared_data / "brain_t1" / "mask" / f"{name}.nii.gz",
        }
        data = find_brain(load(item))
        scores.append(dice(data["mask"].numpy() > 0, data["truth"].numpy() > 0))
    print(f"brain mask Dice on {len(names)}: mean {np.mean(scores):.4f}, worst {min(scores):.4f}")
    assert len(names) == 15
    assert min(scores) > 0.95


def test_a_skull_stripped_brain_is_found_whole(find_brain):
    nilearn_datasets = pytest.importorskip("nilearn.datasets", reason="the extra demo is absent")
    template = nilearn_datasets.load_mni152_template(resolution=2)
    volume = np.asarray(template.get_fdata(), dtype=np.float32) * 500
    mask = find_brain(head(volume, template.affine))["mask"][0].numpy() > 0
    assert dice(mask, volume > 25) > 0.97


@pytest.mark.parametrize("air", [(0, 0, 0), (8, 5, 3), (40, 30, 20)], ids=["tight", "near", "wide"])
def test_how_much_air_is_scanned_changes_nothing(find_brain, template, air) -> None:
    """The network's norms would see another head in another field."""
    tight = template.volume[
        tuple(slice(n[0], n[-1] + 1) for n in map(np.unique, np.nonzero(template.volume)))
    ]
    wide = np.pad(tight, [(n, n) for n in air])
    both = [
        find_brain(head(volume, template.affine))["mask"][0].numpy() for volume in (tight, wide)
    ]
    inside = tuple(slice(n, -n or None) for n in air)
    np.testing.assert_array_equal(both[1][inside], both[0])
    assert both[1].sum() == both[0].sum()


def test_a_1_mm_scan_of_another_scanner_has_a_brain_of_plausible_size(shared_data, find_brain):
    from monai_anogan.io import choose_series, load_volume, scan_dicom

    series = choose_series(scan_dicom(shared_data / "dicom" / "t1_mprage_mixed"))
    array, affine = load_volume(series)
    upright = Orientationd("image", axcodes="RAS", labels=None)(head(array, affine))
    data = find_brain(SmoothSpacingd("image", (2, 2, 2))(upright))
    millilitres = float(data["mask"].sum()) * 8 / 1000
    assert 1200 < millilitres < 1800
    assert nib.aff2axcodes(data["mask"].affine.numpy()) == ("R", "A", "S")


def test_noise_is_no_brain(find_brain):
    noise = torch.rand(1, 64, 64, 64, generator=torch.Generator().manual_seed(0)) * 100 + 1
    affine = torch.diag(torch.tensor([2.0, 2, 2, 1], dtype=torch.float64))
    with pytest.raises(InputError, match="must show a whole brain"):
        find_brain({"image": MetaTensor(noise, affine=affine)})
