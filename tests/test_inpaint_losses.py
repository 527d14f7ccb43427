"""The losses of an inpainting, against numbers computed by hand from the paper's equations."""

import math

import pytest
import torch

from monai_anogan.losses import InpaintingLoss, context_weights


def test_a_known_voxel_weighs_the_share_of_unknown_ones_around_it():
    hole = torch.zeros(1, 1, 5, 5, dtype=torch.bool)
    hole[..., 2, 2] = True
    hole[..., 2, 3] = True
    weights = context_weights(hole, 3)[0, 0]
    ninth = 1 / 9
    assert weights[2].tolist() == pytest.approx([0, ninth, 0, 0, 1 / 6])  # 6 voxels at the border
    assert weights[1].tolist() == pytest.approx([0, ninth, 2 * ninth, 2 * ninth, 1 / 6])
    assert weights[0].tolist() == [0] * 5  # too far away to tell anything


def test_the_same_in_3d():
    hole = torch.zeros(1, 1, 5, 5, 5, dtype=torch.bool)
    hole[..., 2, 2, 2] = True
    weights = context_weights(hole, 3)[0, 0]
    assert weights[2, 2, 2] == 0
    assert weights[1, 1, 1].item() == pytest.approx(1 / 27)
    assert weights.sum().item() == pytest.approx(26 / 27)


def test_context_loss_weighs_the_distance_to_what_is_known():
    hole = torch.zeros(1, 1, 3, 3, dtype=torch.bool)
    hole[..., 1, 1] = True
    y = torch.zeros(1, 1, 3, 3)
    generated = torch.zeros(1, 1, 3, 3)
    generated[..., 0, 0] = 0.5  # a corner: 4 neighbours in the patch, one of them unknown
    generated[..., 1, 0] = -1.0  # an edge: 6 neighbours, one of them unknown
    loss = InpaintingLoss(y, hole, reach=3)
    assert loss.context(generated).tolist() == pytest.approx([0.5 / 4 + 1 / 6])


def test_prior_loss_is_the_log_of_what_d_takes_for_generated():
    hole = torch.zeros(2, 1, 3, 3, dtype=torch.bool)
    patches = torch.zeros(2, 1, 3, 3)
    loss = InpaintingLoss(patches, hole, lambda p: torch.tensor([0.0, 2.0]), weight=0.5, reach=3)
    real = [0.5, 1 / (1 + math.exp(-2))]  # D(G(z)), the sigmoid of the logit
    assert loss.prior(patches).tolist() == pytest.approx([math.log(1 - d) for d in real])
    assert loss(patches).tolist() == pytest.approx([0.5 * math.log(1 - d) for d in real])


def test_what_the_hole_holds_has_no_weight_but_its_anchor():
    hole = torch.zeros(1, 1, 7, 7, dtype=torch.bool)
    hole[..., 2:5, 2:5] = True
    generated = torch.rand(1, 1, 7, 7, generator=torch.Generator().manual_seed(0))
    y = torch.where(hole, 0.0, generated)
    assert InpaintingLoss(y, hole)(generated).item() == 0
    held = InpaintingLoss(y, hole, anchor=0.25)(generated)
    assert held.item() == pytest.approx(0.25 * generated[hole].sum().item(), rel=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weight": -1}, "must be 0 or more"),
        ({"anchor": -0.1}, "must be 0 or more"),
        ({"reach": 4}, "odd number"),
        ({"reach": 1}, "odd number"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    hole = torch.ones(1, 1, 3, 3, dtype=torch.bool)
    with pytest.raises(ValueError, match=message):
        InpaintingLoss(torch.zeros(1, 1, 3, 3), hole, **settings)


def test_without_a_judge_there_is_no_prior_loss():
    hole = torch.ones(1, 1, 3, 3, dtype=torch.bool)
    with pytest.raises(ValueError, match="needs a judge"):
        InpaintingLoss(torch.zeros(1, 1, 3, 3), hole).prior(torch.zeros(1, 1, 3, 3))
