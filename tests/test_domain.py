"""A scan unlike the healthy ones is told from them, with the reason; one like them is not."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from monai_anogan.errors import AnoganError
from monai_anogan.maps import Appearance, Domain, Verdict, background, measure

MODEL_MM, SHAPE = 3.0, (60, 68, 56)
AFFINE = np.diag([MODEL_MM] * 3 + [1.0])


def head(seed: int, *, contrast: float = 1.0, noise: float = 0.03) -> dict[str, NDArray]:
    """A head: an egg of a brain, wider behind, flat below, with two dark ventricles in front."""
    rng = np.random.default_rng(seed)
    grid = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij")
    x, y, z = (g / rng.normal(1, 0.02) for g in grid)
    egg = (x / (0.66 - 0.15 * y)) ** 2 + (y / 0.75) ** 2 + (z / 0.72) ** 2
    brain = (egg < 1) & (z > -0.45)
    skull = (egg < 1.5) & (z > -0.7) & ~brain
    tissue = 0.45 - 0.8 * (egg > 0.6)  # white matter inside, grey matter around it
    for side in (-1, 1):
        ventricle = ((x - 0.14 * side) / 0.1) ** 2 + ((y - 0.2) / 0.25) ** 2
        tissue[ventricle + ((z - 0.2) / 0.2) ** 2 < 1] = -0.9
    smooth = ndimage.gaussian_filter(rng.standard_normal(SHAPE), 1.5)
    image = tissue * contrast + 0.4 * smooth + noise * rng.standard_normal(SHAPE)
    return {
        "image": np.where(brain, np.clip(image, -1, 1), -1).astype(np.float32),
        "mask": brain,
        "rebuilt": (0.12 + 0.02 * np.abs(rng.standard_normal(SHAPE))).astype(np.float32) * brain,
        "raw": (0.01 * rng.exponential(size=SHAPE)).astype(np.float32) * brain,
        "source": np.where(brain, 600 + 400 * image, np.where(skull, 700.0, 5.0)).astype(
            np.float32
        ),
    }


def appearance(parts: dict[str, NDArray], source_affine: NDArray = AFFINE) -> Appearance:
    return measure(
        *(parts[name] for name in ("image", "mask", "rebuilt")),
        background(parts["raw"][parts["mask"]]),
        AFFINE,
        parts["source"],
        source_affine,
    )


@pytest.fixture(scope="module")
def domain() -> Domain:
    return Domain().fit([appearance(head(seed)) for seed in range(15)])


def every(parts: dict[str, NDArray], change) -> dict[str, NDArray]:
    return {name: np.ascontiguousarray(change(volume)) for name, volume in parts.items()}


def test_healthy_scans_never_seen_are_like_the_others(domain: Domain) -> None:
    for seed in range(100, 120):
        assert domain.judge(appearance(head(seed))) == Verdict()


def test_a_large_lesion_is_no_reason_to_refuse(domain: Domain) -> None:
    parts = head(200)
    lesion = np.zeros(SHAPE, bool)
    lesion[30:42, 36:50, 28:40] = True
    parts["image"][lesion & parts["mask"]] = -0.95
    parts["rebuilt"][lesion & parts["mask"]] = 1.3
    parts["raw"][lesion & parts["mask"]] = 2.0
    assert domain.judge(appearance(parts)) == Verdict()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda v: v[:, :, ::-1], "lie upside down"),
        (lambda v: v[:, ::-1], "lie back to front"),
        (lambda v: v[:, ::-1, ::-1], "lie back to front and upside down"),
    ],
)
def test_a_scan_that_lies_wrong_is_refused_and_it_is_said_how(
    domain: Domain, change, reason: str
) -> None:
    (refusal,) = domain.judge(appearance(every(head(300), change))).refusals
    assert reason in refusal
    assert "wrong orientation in the header?" in refusal


def test_exchanged_axes_are_seen(domain: Domain) -> None:
    turned = every(head(301), lambda v: np.pad(v.swapaxes(1, 2), ((0, 0), (4, 8), (0, 0)))[:, :68])
    padded = {**turned, "image": np.where(turned["mask"], turned["image"], -1).astype(np.float32)}
    (refusal,) = domain.judge(appearance(padded)).refusals
    assert "with its axes exchanged" in refusal


def test_mirror_image_of_left_and_right_is_not_seen(domain: Domain) -> None:
    assert domain.judge(appearance(every(head(302), lambda v: v[::-1]))) == Verdict()


@pytest.mark.parametrize(
    ("contrast", "noise", "reason"),
    [
        (-1.0, 0.03, "another sequence or contrast?"),
        (1.0, 0.5, "another resolution, or more noise?"),
    ],
    ids=["inverted", "noisy"],
)
def test_another_contrast_or_noise_is_refused(
    domain: Domain, contrast: float, noise: float, reason: str
) -> None:
    refusals = domain.judge(appearance(head(303, contrast=contrast, noise=noise))).refusals
    assert any(reason in refusal for refusal in refusals)


def test_thick_slices_are_refused_even_if_nothing_else_is_strange(domain: Domain) -> None:
    thick = np.diag([1.0, 1.0, 27.0, 1])
    verdict = domain.judge(appearance(head(304), source_affine=thick))
    assert "longest voxel side 27.0 mm, usual 3.0 mm" in verdict.refusals[0]


def test_half_a_brain_is_refused(domain: Domain) -> None:
    parts = head(305)
    parts["mask"][:, :, 28:] = False
    parts["image"] = np.where(parts["mask"], parts["image"], -1).astype(np.float32)
    assert domain.judge(appearance(parts)).refusals


def test_a_skull_stripped_scan_is_warned_about_but_not_refused(domain: Domain) -> None:
    parts = head(306)
    parts["source"] = np.where(parts["mask"], parts["source"], 0)
    verdict = domain.judge(appearance(parts))
    assert verdict.refusals == ()
    assert "skull-stripped?" in verdict.warnings[0]


@pytest.mark.parametrize("sigma", [0.8, 1.2])
def test_a_blurred_scan_is_warned_about_but_not_refused_for_that(
    domain: Domain, sigma: float
) -> None:
    parts = head(313)
    blurred = ndimage.gaussian_filter(parts["image"], sigma)
    parts["image"] = np.where(parts["mask"], blurred, -1).astype(np.float32)
    verdict = domain.judge(appearance(parts))
    assert any("blurred, sharpened, or noisier?" in warning for warning in verdict.warnings)
    assert not any("blurred" in refusal for refusal in verdict.refusals)


def test_how_much_a_persons_grey_steps_is_no_matter_of_sharpness(domain: Domain) -> None:
    parts = head(314)
    flatter = {**parts, "image": np.where(parts["mask"], parts["image"] * 0.8, -1)}
    one, other = (appearance(p).measures["sharpness"] for p in (parts, flatter))
    assert one == pytest.approx(other, rel=1e-3)


def test_an_unexplained_scan_is_refused(domain: Domain) -> None:
    parts = head(307)
    parts["rebuilt"] *= 3
    assert "residual of healthy patches" in domain.judge(appearance(parts)).refusals[0]


def test_a_scan_that_stands_out_all_over_is_warned_about_but_not_refused(domain: Domain) -> None:
    parts = head(315)
    parts["raw"] *= 3
    verdict = domain.judge(appearance(parts))
    assert verdict.refusals == ()
    assert "another scanner, or a very large lesion?" in verdict.warnings[0]


def test_four_kinds_of_oddities_together_are_a_refusal(domain: Domain) -> None:
    usual = appearance(head(308))
    spread, centre = domain.spread_, domain.centre_
    odd = {n: centre[n] + 8 * spread[n] for n in ("residual", "width", "detail_x", "inside")}
    for names in (list(odd)[:3], list(odd)):
        measures = usual.measures | {name: odd[name] for name in names}
        verdict = domain.judge(replace(usual, measures=measures))
        assert len(verdict.refusals) == (4 if len(names) == 4 else 0)
        assert len(verdict.warnings) == (0 if len(names) == 4 else 3)


def test_it_refuses_to_judge_before_it_is_fitted() -> None:
    with pytest.raises(AnoganError, match="must be fitted"):
        Domain().judge(appearance(head(0)))


def test_state_brings_the_same_judgement_back(domain: Domain) -> None:
    again = Domain.from_state(domain.state())
    odd = [every(head(309), lambda v: v[:, :, ::-1]), head(310, contrast=-1), head(311, noise=0.5)]
    for parts in odd:
        one, other = domain.judge(appearance(parts)), again.judge(appearance(parts))
        assert len(one.refusals) == len(other.refusals) > 0


def test_turning_goes_through_all_ways(domain: Domain) -> None:
    flips = list(product((1, -1), repeat=3))
    upright = appearance(head(312))
    told = set()
    for signs in flips:
        cube = upright.thumbnail[tuple(slice(None, None, s) for s in signs)]
        told.add(
            bool(domain.judge(replace(upright, thumbnail=cube)).refusals) == (signs[1:] != (1, 1))
        )
    assert told == {True}
