"""What the brain mask network is shown besides the scans as they are."""

from __future__ import annotations

import pytest
import torch

from monai_anogan.transforms import RandCutNeckd, RandHeadContrastd

LOWEST = 12  # slice of the brain


@pytest.fixture
def head() -> dict[str, torch.Tensor]:
    """A head of 1, bright all over, with a brain as a box in its middle."""
    brain = torch.zeros(1, 24, 28, 40)
    brain[:, 6:18, 6:22, LOWEST:32] = 1
    return {"image": torch.ones_like(brain), "label": brain}


def test_a_cut_neck_is_gone_in_head_and_mask_and_costs_few_slices_of_the_brain(head) -> None:
    cut, heights = RandCutNeckd(["image", "label"], "label", prob=1.0, most=3), set()
    cut.set_random_state(0)
    for _ in range(60):
        shown = cut(head)
        height = int((shown["image"][0, 0, 0] == 0).sum())
        heights.add(height)
        for name in head:
            assert not shown[name][..., :height].any()
            assert torch.equal(shown[name][..., height:], head[name][..., height:])
    assert min(heights) == 0
    assert LOWEST < max(heights) < LOWEST + 3
    assert head["image"].all()  # what came is untouched


def test_another_head_contrast_leaves_the_brain_and_changes_all_around_it(head) -> None:
    changed = RandHeadContrastd("image", "label", prob=1.0, factor=(0.4, 0.5), width=1.0)
    changed.set_random_state(0)
    image = changed(head)["image"]
    assert 0.4 <= image[0, 0, 0, 0] <= 0.5
    assert image[0, 12, 14, 22] == pytest.approx(1.0, abs=1e-3)
    steps = image[0, 12, :, 22].diff().abs()
    assert steps.max() < 0.25  # no border is drawn for the network to find


@pytest.mark.parametrize("transform", [RandCutNeckd, RandHeadContrastd])
def test_a_share_of_the_scans_stays_as_it_is(transform, head) -> None:
    change = transform("image", "label", prob=0.5)
    change.set_random_state(0)
    changed = [not torch.equal(change(head)["image"], head["image"]) for _ in range(40)]
    assert 8 < sum(changed) < 32
