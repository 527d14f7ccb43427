"""Another scanner's shading is brought to the usual one; lesions and people's own stay."""

import json

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from monai.data import MetaTensor

from monai_anogan.bundle_folder import default_bundle
from monai_anogan.io import read_cohort
from monai_anogan.transforms import MatchShadingd, ScaleInMaskd, UnscaleInMaskd, shading
from monai_anogan.transforms.shading import POWERS, gain

AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])
SIZE = (72, 88, 70)
SPREAD = [0.02] * len(POWERS)
FLAT = [0.0] * len(POWERS)


def done(organ, coefficients):
    """As `meta["shading"]` says that coefficients were laid over an organ."""
    voxels = np.argwhere(organ)
    return torch.from_numpy(
        np.stack([voxels.mean(0), 2 * voxels.std(0), *np.reshape(coefficients, (3, 3))])
    )


def head(coefficients=FLAT, seed=0):
    """An even organ of two tissues, shaded, (D, H, W), and where it is."""
    lines = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in SIZE), indexing="ij")
    reaches = [0.47 * n for n in SIZE]
    organ = sum((line / reach) ** 2 for line, reach in zip(lines, reaches, strict=True)) < 1
    rng = np.random.default_rng(seed)
    tissue = np.where(rng.random(SIZE) < 0.4, 900.0, 600.0) + rng.normal(0, 10, SIZE)
    field = gain(done(organ, coefficients), SIZE).numpy()
    return (tissue * organ * field).astype(np.float32), organ


def matched(volume, organ, usual=FLAT):
    data = {"image": meta_tensor(volume), "mask": torch.from_numpy(organ)[None]}
    return MatchShadingd("image", "mask", usual, SPREAD)(data)["image"]


def meta_tensor(volume):
    return MetaTensor(torch.from_numpy(volume)[None], affine=torch.from_numpy(AFFINE))


SHADED = [0.1, -0.4, 0.0, 0.02, -0.3, 0.05, 0.0, -0.1, -0.35]


def test_shading_is_read_off_the_bright_tissue():
    found = shading(*head(SHADED), AFFINE)
    np.testing.assert_allclose(found, SHADED, rtol=0.1, atol=0.01)


def test_a_dark_lesion_hardly_moves_it():
    volume, organ = head(SHADED)
    away = np.indices(SIZE) - np.array([48, 44, 35])[:, None, None, None]
    lesion = organ & ((away**2).sum(0) < 13**2)
    assert lesion.sum() * 0.008 > 60  # ml
    found = shading(np.where(lesion, 250, volume).astype(np.float32), organ, AFFINE)
    np.testing.assert_allclose(found, shading(volume, organ, AFFINE), atol=0.01)


def test_another_scanners_shading_becomes_the_usual_one():
    volume, organ = head()
    image = matched(volume, organ, SHADED)
    found = shading(image[0].numpy(), organ, AFFINE)
    np.testing.assert_allclose(found, SHADED, rtol=0.1, atol=0.02)
    assert image.meta["shading"].shape == (5, 3)


def test_a_scan_of_the_usual_shading_stays_to_the_digit():
    volume, organ = head(np.array(SHADED) + 0.01)
    image = matched(volume, organ, SHADED)
    assert torch.equal(image.as_tensor()[0], torch.from_numpy(volume))
    assert "shading" not in image.meta


@pytest.mark.parametrize("case", ["negative", "small", "empty", "even", "noise"])
def test_what_cannot_be_told_stays(case):
    volume, organ = head()
    if case == "negative":
        volume = volume - 700 * organ
    elif case == "small":
        organ = organ & (np.indices(SIZE)[0] < 12)
    elif case == "empty":
        organ = np.zeros_like(organ)
    elif case == "even":
        volume = np.full_like(volume, 700)
    else:
        blocks = np.random.default_rng(0).lognormal(5, 2, (12, 15, 12))
        volume = np.kron(blocks, np.ones((6, 6, 6)))[: SIZE[0], : SIZE[1], : SIZE[2]]
        volume = volume.astype(np.float32)
    assert shading(volume, organ, AFFINE) is None
    image = matched(volume, organ, SHADED)
    assert torch.equal(image.as_tensor()[0], torch.from_numpy(volume))


def test_a_reconstruction_gets_its_scans_own_shading_back():
    volume, organ = head()
    mask = torch.from_numpy(organ)[None]
    data = {"image": matched(volume, organ, SHADED), "mask": mask}
    data = ScaleInMaskd("image", "mask", lower=0, upper=100, median=0.18)(data)
    back = UnscaleInMaskd("pred", "image", "mask")(data | {"pred": data["image"].clone()})["pred"]
    torch.testing.assert_close(back.as_tensor()[0], torch.from_numpy(volume), atol=0.5, rtol=0)


def test_numbers_are_one_for_each_power():
    with pytest.raises(ValueError, match="usual must have 9 numbers, got 2"):
        MatchShadingd("image", "mask", [0.1, 0.2], SPREAD)


def test_training_and_inference_match_to_the_same_shading():
    configs = default_bundle() / "configs"
    trained, used = (
        json.loads((configs / f).read_text()) for f in ("train.json", "inference.json")
    )
    for name in ("usual_shading", "shading_spread", "shading", "scale"):
        assert trained[name] == used[name]


def test_a_real_brain_evened_out_is_shaded_again(shared_data):
    """What a scanner that evens out its shading makes of a scan is as the scan was."""
    parser = ConfigParser()
    parser.read_config(str(default_bundle() / "configs" / "inference.json"))
    parser.update({"bundle_root": str(default_bundle())})
    loaded = {"image": read_cohort(shared_data / "brain_t1", "val")[0]["image"]}
    for transform in parser.get_parsed_content("preprocessing").transforms[:-2]:
        loaded = transform(loaded)
    match, scale = (parser.get_parsed_content(name) for name in ("shading", "scale"))
    image, mask = loaded["image"], loaded["mask"]
    organ = mask[0].numpy() > 0
    own = shading(image[0].numpy(), organ, image.affine.numpy())
    evened = image * gain(done(organ, -own), image.shape[1:])
    was, uncorrected, corrected = (
        scale(d)["image"].as_tensor()[mask > 0]
        for d in (
            {"image": image, "mask": mask},
            {"image": evened, "mask": mask},
            match({"image": evened, "mask": mask}),
        )
    )
    assert (corrected - was).abs().mean() < 0.5 * (uncorrected - was).abs().mean()
