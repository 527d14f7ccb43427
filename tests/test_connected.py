"""Connected parts of a mask, and what hangs on an organ by a neck."""

import numpy as np

from monai_anogan.transforms.connected import largest_part, without_appendages


def ball(shape, centre, radius):
    at = np.indices(shape)
    return sum((a - c) ** 2 for a, c in zip(at, centre, strict=True)) <= radius**2


def brain_and_eye(neck):
    """A ball of radius 12, one of radius 6 beside it, and a bar `neck` voxels wide between."""
    shape = (60, 41, 41)
    organ, eye, bar = ball(shape, (14, 20, 20), 12), ball(shape, (50, 20, 20), 6), np.zeros(shape)
    half = neck // 2
    bar[14:50, 20 - half : 21 + half, 20 - half : 21 + half] = 1
    return organ, eye, organ | eye | (bar > 0)


def test_what_hangs_on_by_a_thin_neck_goes_and_the_organ_stays_as_it_was():
    organ, eye, both = brain_and_eye(neck=3)
    assert largest_part(both)[eye].all()
    left = without_appendages(both, neck=2, stump=4)
    assert left[organ].all()
    assert not left[eye].any()
    assert 0 < (left & ~organ).sum() <= 5 * 9  # a stump of the neck


def test_what_hangs_on_by_a_wide_neck_belongs_to_the_organ():
    _, _, both = brain_and_eye(neck=7)
    assert (without_appendages(both, neck=2, stump=6) == both).all()


def test_an_empty_mask_stays_empty():
    assert not without_appendages(np.zeros((9, 9, 9), bool), neck=2, stump=6).any()
