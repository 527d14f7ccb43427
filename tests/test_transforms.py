"""Transforms: geometry kept, scaling undone, masks found, patches drawn where they should be."""

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_anogan.errors import InputError
from monai_anogan.transforms import (
    BACKGROUND,
    BodyMaskd,
    CheckVolumed,
    Corrupt,
    FromUint8,
    PaintLesions,
    RandContrast,
    RandPatchesd,
    ScaleInMaskd,
    SmoothNoise,
    SmoothSpacingd,
    ToUint8d,
    UnscaleInMaskd,
    WindowInMaskd,
    concatenate_patches,
)
from monai_anogan.transforms.intensity import DARKEST


def meta_tensor(array, spacing=(1.0, 1.0, 1.0)):
    affine = torch.diag(torch.tensor([*spacing, 1.0], dtype=torch.float64))
    return MetaTensor(torch.as_tensor(array, dtype=torch.float32), affine=affine)


@pytest.mark.parametrize("median", [None, 0.2])
def test_scaling_is_undone_inside_the_mask_and_zero_outside(median):
    rng = torch.Generator().manual_seed(0)
    image = meta_tensor(torch.rand(1, 8, 9, 10, generator=rng) * 700 + 100)
    mask = torch.zeros(1, 8, 9, 10, dtype=torch.uint8)
    mask[:, 2:6, 2:6, 2:6] = 1
    scale = ScaleInMaskd("image", "mask", lower=0, upper=100, median=median)
    scaled = scale({"image": image, "mask": mask})
    assert scaled["image"].min().item() == pytest.approx(-1)
    assert scaled["image"].max().item() == pytest.approx(1)
    assert torch.equal(scaled["image"].as_tensor() > BACKGROUND, mask > 0)
    data = scaled | {"pred": scaled["image"].clone()}
    back = UnscaleInMaskd("pred", "image", "mask")(data)["pred"]
    torch.testing.assert_close(back.as_tensor(), image.as_tensor() * mask, atol=0.01, rtol=0)


def test_two_contrasts_of_one_head_become_one():
    torch.manual_seed(0)
    share = torch.rand(1, 20, 20, 20)
    mask = torch.ones(1, 20, 20, 20)
    scale = ScaleInMaskd("image", "mask", lower=0, upper=100, median=0.2)
    first, second = (
        scale({"image": meta_tensor(v), "mask": mask})["image"]
        for v in (share * 900 + 30, share**0.6 * 2)
    )
    assert first.median().item() == pytest.approx(0.2, abs=1e-3)
    torch.testing.assert_close(first.as_tensor(), second.as_tensor(), atol=0.01, rtol=0)


def test_a_contrast_of_another_kind_still_looks_so():
    dark = torch.linspace(0, 1, 1000).view(1, 10, 10, 10) ** 20
    scale = ScaleInMaskd("image", "mask", lower=0, upper=100, median=0.2)
    out = scale({"image": meta_tensor(dark), "mask": torch.ones(1, 10, 10, 10)})["image"]
    assert out.median().item() < -0.9


def test_a_median_at_an_extreme_stays_there():
    two = torch.tensor([0.0, 0, 1]).repeat(1, 3, 3, 1)
    out = ScaleInMaskd("image", "mask", lower=0, upper=100, median=0.2)(
        {"image": meta_tensor(two), "mask": torch.ones(1, 3, 3, 3)}
    )["image"]
    assert out.unique().tolist() == [DARKEST, 1]


def test_a_few_wild_voxels_do_not_change_the_scale():
    torch.manual_seed(0)
    calm = torch.rand(1, 20, 20, 20) * 100
    wild = calm.clone()
    wild[0, 0, 0, :3] = 1e6
    mask = torch.ones(1, 20, 20, 20)
    out = [
        ScaleInMaskd("image", "mask")({"image": meta_tensor(v), "mask": mask})["image"]
        for v in (calm, wild)
    ]
    assert (out[0] - out[1])[0, 1:].abs().max() < 0.01


def test_a_flat_or_empty_scan_is_refused():
    flat = {"image": meta_tensor(torch.ones(1, 4, 4, 4)), "mask": torch.ones(1, 4, 4, 4)}
    with pytest.raises(InputError, match="must have contrast"):
        ScaleInMaskd("image", "mask")(flat)
    with pytest.raises(InputError, match="mask must hold voxels"):
        ScaleInMaskd("image", "mask")(flat | {"mask": torch.zeros(1, 4, 4, 4)})


def test_a_hounsfield_window_is_the_same_for_every_scan():
    image = meta_tensor(torch.tensor([-1000.0, -160, 40, 240, 3000]).view(1, 5, 1, 1))
    out = WindowInMaskd("image", "mask", -160, 240)(
        {"image": image, "mask": torch.ones(1, 5, 1, 1)}
    )
    assert out["image"].flatten().tolist() == [DARKEST, DARKEST, 0, 1, 1]


def test_coarser_spacing_averages_noise_and_keeps_place_and_brightness():
    rng = np.random.default_rng(0)
    noise = meta_tensor(rng.standard_normal((1, 40, 40, 40)) + 5)
    coarse = SmoothSpacingd("image", (2, 2, 2))({"image": noise})["image"]
    plain_share = coarse[0, 2:-2, 2:-2, 2:-2].std() / noise.std()
    assert coarse[0, 2:-2, 2:-2, 2:-2].mean().item() == pytest.approx(5, abs=0.05)
    assert plain_share < 0.5  # every second voxel would have kept all of it
    ramp = meta_tensor(torch.arange(40.0).view(1, 40, 1, 1).expand(1, 40, 40, 40))
    out = SmoothSpacingd("image", (2, 2, 2))({"image": ramp})["image"]
    where = out.affine @ torch.tensor([5.0, 5, 5, 1], dtype=torch.float64)
    assert out[0, 5, 5, 5].item() == pytest.approx(where[0].item(), abs=0.05)


def test_a_scan_at_the_models_spacing_is_not_smoothed():
    image = meta_tensor(torch.rand(1, 10, 10, 10), (2.0, 2.0, 2.0))
    out = SmoothSpacingd("image", (2, 2, 2))({"image": image})["image"]
    torch.testing.assert_close(out.as_tensor(), image.as_tensor())


def test_uint8_keeps_network_space_to_half_a_grey_value():
    image = torch.rand(1, 5, 5, 5) * 2 - 1
    coded = ToUint8d("image")({"image": image})["image"]
    assert coded.dtype == torch.uint8
    assert (FromUint8()(coded) - image).abs().max() <= 1 / 255 + 1e-6


@pytest.mark.parametrize(
    ("patch_size", "shape"), [((8, 8), (6, 1, 8, 8)), ((8,) * 3, (6, 1, 8, 8, 8))]
)
def test_patches_are_cut_from_the_foreground(patch_size, shape):
    volume = torch.zeros(1, 20, 21, 22, dtype=torch.uint8)
    volume[0, 5:15, 5:15, 5:15] = 200
    sampler = RandPatchesd("image", patch_size, samples=6, jitter=0)
    sampler.set_random_state(0)
    patches = sampler({"image": volume})["image"]
    assert patches.shape == shape
    centre = (slice(None), 0, *[s // 2 for s in patch_size])
    torch.testing.assert_close(patches[centre], FromUint8()(torch.full((6,), 200)))
    sampler.set_random_state(0)
    assert torch.equal(sampler({"image": volume})["image"], patches)
    both = concatenate_patches([{"image": patches}, {"image": patches}])["image"]
    assert len(both) == 12


@pytest.mark.parametrize("slice_axis", [0, 1, 2])
def test_a_2d_patch_is_a_true_piece_of_its_slice(slice_axis):
    index = torch.arange(20 * 20 * 20).view(1, 20, 20, 20) % 251 + 1
    volume = index.to(torch.uint8)
    sampler = RandPatchesd("image", (4, 4), samples=5, slice_axis=slice_axis, jitter=0)
    sampler.set_random_state(1)
    pieces = volume[0].unfold(0, 4 if slice_axis != 0 else 1, 1)
    pieces = pieces.unfold(1, 4 if slice_axis != 1 else 1, 1).unfold(
        2, 4 if slice_axis != 2 else 1, 1
    )
    known = {tuple(FromUint8()(p).flatten().tolist()) for p in pieces.reshape(-1, 16)}
    inner = [p for p in sampler({"image": volume})["image"] if (p > -1).all()]
    assert inner
    assert all(tuple(p.flatten().tolist()) in known for p in inner)


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_corruption_changes_regions_inside_and_never_the_background(spatial_dims):
    rng = torch.Generator().manual_seed(0)
    patches = torch.rand(32, 1, *[16] * spatial_dims, generator=rng) * 1.8 - 0.9
    patches[..., :4] = BACKGROUND
    corrupted = Corrupt(probability=1.0)(patches, rng)
    assert (corrupted[..., :4] == BACKGROUND).all()
    assert corrupted.abs().max() <= 1
    changed = ((corrupted - patches).abs() > 0.1).flatten(1).float().mean(1)
    assert (changed > 0).float().mean() > 0.7
    assert changed.mean() < 0.4
    same = Corrupt(probability=0.0)(patches, rng)
    torch.testing.assert_close(same, patches, atol=1e-6, rtol=0)


def test_corruption_is_its_generators():
    patches = torch.rand(4, 1, 16, 16)
    draws = [Corrupt()(patches, torch.Generator().manual_seed(s)) for s in (1, 1, 2)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


NOISE = SmoothNoise((24, 40, 40), cells=(2.5, 5.0, 10.0), fields=1)


def test_smooth_noise_is_standard_and_as_coarse_as_asked():
    rng = torch.Generator().manual_seed(0)
    fine, coarse = (NOISE.crop(64, (16, 32, 32), rng, cells=(c, c)) for c in (2.5, 10.0))
    for crops in (fine, coarse):
        assert crops.shape == (64, 16, 32, 32)
        assert abs(crops.mean()) < 0.3
        assert 0.5 < crops.std() < 1.5
    assert fine.diff(dim=-1).abs().mean() > 2 * coarse.diff(dim=-1).abs().mean()


def test_smooth_noise_it_does_not_have_is_refused():
    rng = torch.Generator().manual_seed(0)
    with pytest.raises(ValueError, match=r"cells must span one of .* got \(30, 40\)"):
        NOISE.crop(1, (4, 4, 4), rng, cells=(30, 40))
    with pytest.raises(ValueError, match=r"size must fit into \(24, 40, 40\), got \(4, 4, 64\)"):
        NOISE.crop(1, (4, 4, 64), rng)


@pytest.mark.parametrize("shape", [(48, 1, 32, 32), (24, 1, 16, 16, 16)])
def test_painted_lesions_are_inside_of_all_sizes_and_never_in_the_background(shape):
    rng = torch.Generator().manual_seed(0)
    patches = torch.rand(shape, generator=rng) * 1.8 - 0.9
    patches[..., :4] = BACKGROUND
    painted = PaintLesions(0.75, noise=NOISE)(patches, rng)
    assert (painted[..., :4] == BACKGROUND).all()
    assert painted.abs().max() <= 1
    share = ((painted - patches).abs() > 0.1).flatten(1).float().mean(1)
    touched = share[: int(len(share) * 0.75)]
    assert (share[len(touched) :] == 0).all()
    assert (touched > 0).float().mean() > 0.8
    assert (touched < 0.05).any()
    assert (touched > 0.15).any()
    torch.testing.assert_close(PaintLesions(0.0, noise=NOISE)(patches, rng), patches)


def test_painted_lesions_are_their_generators_and_leave_empty_patches_alone():
    patches = torch.rand(8, 1, 16, 16)
    patches[0] = BACKGROUND
    paint = PaintLesions(noise=NOISE)
    draws = [paint(patches, torch.Generator().manual_seed(s)) for s in (1, 1, 2)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert (draws[0][0] == BACKGROUND).all()
    with pytest.raises(ValueError, match="one channel, got 2"):
        paint(patches.repeat(1, 2, 1, 1), torch.Generator())


def test_contrast_keeps_order_and_ends_and_differs_from_patch_to_patch():
    ramp = torch.linspace(-1, 1, 32).expand(6, 1, 4, 32)
    changed = RandContrast(0.3)(ramp, torch.Generator().manual_seed(0))
    assert (changed.diff(dim=-1) >= 0).all()
    torch.testing.assert_close(changed[..., [0, -1]], ramp[..., [0, -1]])
    assert (changed[0] - changed[1]).abs().max() > 0.01


@pytest.mark.parametrize("threshold", [-300.0, None])
def test_the_body_is_found_with_its_air_and_without_the_table(threshold):
    ct = torch.full((1, 40, 40, 10), -1000.0)
    ct[0, 8:32, 8:30] = 40.0  # body
    ct[0, 15:20, 15:20] = -900.0  # lung
    ct[0, 5:35, 36:38] = 200.0  # table
    mask = BodyMaskd("image", "mask", threshold)({"image": meta_tensor(ct)})["mask"][0]
    assert mask[17, 17].all()
    assert mask[10, 10].all()
    assert not mask[:, 35:].any()
    assert not mask[:7].any()


def test_a_scan_without_a_body_is_refused():
    with pytest.raises(InputError, match="must have foreground above"):
        BodyMaskd("image", "mask", -300.0)(
            {"image": meta_tensor(torch.full((1, 9, 9, 9), -1000.0))}
        )


def test_a_good_volume_passes_untouched():
    image = meta_tensor(torch.rand(1, 9, 9, 9))
    assert CheckVolumed("image")({"image": image})["image"] is image


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (meta_tensor(torch.rand(3, 9, 9, 9)), "one 3D volume, got shape"),
        (meta_tensor(torch.rand(1, 9, 9, 1)), "8 voxels or more along each axis"),
        (meta_tensor(torch.ones(1, 9, 9, 9)), "must have contrast"),
        (meta_tensor(torch.rand(1, 9, 9, 9), (1, 1, 0)), "affine that can be inverted"),
        (meta_tensor(torch.rand(1, 9, 9, 9), (1, 1, 40)), "voxels of 0.1 to 15 mm"),
    ],
)
def test_a_volume_that_cannot_be_right_is_refused(image, message):
    with pytest.raises(InputError, match=message):
        CheckVolumed("image")({"image": image})


def test_nan_voxels_are_counted_and_refused():
    image = meta_tensor(torch.rand(1, 9, 9, 9))
    image[0, 0, 0, :2] = float("nan")
    image[0, 1, 0, 0] = float("inf")
    with pytest.raises(InputError, match="got 3 NaN or infinite"):
        CheckVolumed("image")({"image": image})
