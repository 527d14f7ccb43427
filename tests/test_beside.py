"""Values read at steps from voxels are those of the voxels there."""

from __future__ import annotations

import pytest
import torch

from monai_anogan.maps.beside import Beside, steps


@pytest.fixture
def volumes() -> torch.Tensor:
    return torch.rand(2, 4, 5, 6, generator=torch.Generator().manual_seed(0))


def test_a_step_reads_the_voxel_it_leads_to(volumes: torch.Tensor) -> None:
    voxels, ways = torch.tensor([[1, 2, 3], [2, 1, 4]]), torch.tensor([[0, 0, 0], [1, -1, 1]])
    values = Beside(volumes, 1)(voxels, ways)
    for v in range(2):
        for n, voxel in enumerate(voxels):
            for s, way in enumerate(ways):
                assert values[v, n, s] == volumes[(v, *(voxel + way))]


def test_beyond_the_border_lies_what_was_said(volumes: torch.Tensor) -> None:
    corner, out = torch.tensor([[0, 0, 0]]), torch.tensor([[-2, 0, -1]])
    assert Beside(volumes, 2, outside=-7.0)(corner, out).unique().tolist() == [-7.0]
    assert torch.equal(Beside(volumes, 2)(corner, out)[:, 0, 0], volumes[:, 0, 0, 0])


def test_steps_leave_out_the_cube_within() -> None:
    assert len(steps([-1, 0, 1], beyond=0)) == 26
    assert len(steps([-2, -1, 0, 1, 2], beyond=1)) == 125 - 27
    assert [0, 0, 0] in steps([-1, 0, 1], beyond=-1).tolist()
