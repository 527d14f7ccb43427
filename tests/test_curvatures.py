"""The curvatures: against a general solver, and on the shapes they are to tell apart."""

import itertools

import numpy as np
import pytest
import torch

from monai_anogan.maps.curvatures import curvatures

SIGMA = 2.0


def dark(*across):
    """A dark Gaussian that ends along the axes `across` and goes on along the others."""
    grid = torch.meshgrid(*[torch.arange(21.0) - 10] * 3, indexing="ij")
    distance = sum(grid[axis] ** 2 for axis in across)
    return -torch.exp(-distance / (2 * SIGMA**2))


def at_the_middle(volume):
    inside = torch.zeros(volume.shape, dtype=torch.bool)
    inside[10, 10, 10] = True
    return [value.item() for value in curvatures(volume[None], inside)]


@pytest.mark.parametrize("ends", [1, 2, 3])
def test_a_sheet_a_thread_and_a_spot_curve_in_one_two_and_three_directions(ends):
    for across in itertools.combinations(range(3), ends):
        curved = 2 * (1 - np.exp(-1 / (2 * SIGMA**2)))  # second difference of the Gaussian
        wanted = [curved] * ends + [0.0] * (3 - ends)
        assert at_the_middle(dark(*across)) == pytest.approx(wanted, abs=1e-5)


def test_a_bright_spot_curves_the_other_way():
    assert at_the_middle(-dark(0, 1, 2)) == pytest.approx(
        [-x for x in at_the_middle(dark(0, 1, 2))], abs=1e-5
    )


def test_turned_any_way_a_sheet_is_a_sheet():
    grid = torch.meshgrid(*[torch.arange(21.0) - 10] * 3, indexing="ij")
    away = (grid[0] + grid[1] - 2 * grid[2]) / 6**0.5
    greatest, middle, least = at_the_middle(-torch.exp(-(away**2) / (2 * SIGMA**2)))
    assert greatest == pytest.approx(1 / SIGMA**2, rel=0.15)
    assert abs(middle) < 0.1 * greatest
    assert abs(least) < 0.1 * greatest


def test_they_are_the_eigenvalues_that_a_general_solver_finds():
    volume = torch.rand(2, 9, 8, 7, generator=torch.Generator().manual_seed(0))
    inside = torch.zeros(9, 8, 7, dtype=torch.bool)
    inside[2:7, 2:6, 2:5] = True
    found = torch.stack(curvatures(volume, inside))

    def at(v, where, *step):
        return v[tuple(w + s for w, s in zip(where, step, strict=True))].item()

    for number, where in enumerate(inside.nonzero().tolist()):
        for index, v in enumerate(volume):
            matrix = np.zeros((3, 3))
            for one, other in itertools.product(range(3), repeat=2):
                a, b = np.eye(3, dtype=int)[[one, other]]
                matrix[one, other] = (
                    at(v, where, *a) - 2 * at(v, where, 0, 0, 0) + at(v, where, *-a)
                    if one == other
                    else sum(s * at(v, where, *(p * a + q * b)) for s, p, q in SIGNS) / 4
                )
            wanted = np.linalg.eigvalsh(matrix)[::-1]
            assert found[:, index, number].numpy() == pytest.approx(wanted, abs=1e-4)


SIGNS = ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))


def test_where_nothing_curves_nothing_is_not_a_number():
    flat = torch.ones(1, 5, 5, 5)
    found = torch.stack(curvatures(flat, torch.ones(5, 5, 5, dtype=torch.bool)))
    assert found.abs().max() < 1e-5
