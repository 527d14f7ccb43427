"""The latent search: what a generator made is found again, and no patch feels its neighbours."""

from pathlib import Path

import pytest
import torch

from monai_anogan.benchmark.contenders import EagerSystem
from monai_anogan.losses import MatchingLoss
from monai_anogan.pipeline import Pipeline
from monai_anogan.search import EncoderStart, Match, PriorStart, descend, fit_basis
from monai_anogan.systems import FAnoGAN, FrozenSystem

BETAS = (0.5, 0.9)
RESIDUAL = Path(__file__).parents[1] / "configs" / "residual_map.yaml"


@pytest.fixture
def system():
    torch.manual_seed(0)
    system = FAnoGAN(2, 16, 4, width=8)
    with torch.no_grad():
        for _ in range(20):  # BatchNorm's statistics, so that eval mode has contrast
            system.train()(torch.randn(32, 1, 16, 16))
        system.generator.project.weight.mul_(3)
    return system.eval().requires_grad_(False)


def shipped_system(**settings):
    """The shipped model without the comparison, which has no part in a search."""
    return Pipeline(overlays=[RESIDUAL], settings=settings).network


def objective_for(system, patches):
    return MatchingLoss(patches, system.discriminator.features, weight=0.1)


@pytest.mark.parametrize("start", [PriorStart(), EncoderStart()])
def test_a_patch_that_g_made_is_found_again(system, start):
    truth = torch.randn(8, 4, generator=torch.Generator().manual_seed(1))
    patches = system.generator(truth)
    begin = start(FrozenSystem(system, "float32"), patches, torch.Generator().manual_seed(2))
    match = descend(system.generator, objective_for(system, patches), begin, steps=800, lr=0.05)
    before = (system.generator(begin) - patches).abs().mean()
    after = (match.image - patches).abs().mean()
    assert before > 0.02
    assert after < before / 30


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_a_patch_never_feels_its_neighbours(spatial_dims):
    torch.manual_seed(0)
    system = FAnoGAN(spatial_dims, 16, 4, width=8).eval().requires_grad_(False).double()
    patches = torch.rand(3, 1, *[16] * spatial_dims, dtype=torch.float64) * 2 - 1
    begin = torch.randn(3, 4, dtype=torch.float64)
    together = descend(system.generator, objective_for(system, patches), begin, steps=20)
    for i in range(3):
        one = slice(i, i + 1)
        alone = descend(system.generator, objective_for(system, patches[one]), begin[one], steps=20)
        torch.testing.assert_close(alone.latent, together.latent[one], atol=1e-6, rtol=0)


def test_the_best_point_met_is_kept_not_the_last():
    losses = iter([3.0, 1.0, 2.0, 5.0])

    def objective(image):
        return image.sum(1) * 0 + next(losses)

    match = descend(lambda z: z * 1.0, objective, torch.ones(2, 3), steps=3)
    assert match.loss.tolist() == [1.0, 1.0]


def test_no_steps_judge_the_start_alone():
    start = torch.randn(2, 3)
    match = descend(lambda z: z * 1.0, lambda image: image.square().sum(1), start, steps=0)
    assert torch.equal(match.latent, start)


def test_the_networks_are_left_as_they_were(system):
    before = {name: value.clone() for name, value in system.state_dict().items()}
    patches = torch.rand(2, 1, 16, 16)
    with torch.no_grad():
        descend(system.generator, objective_for(system, patches), torch.randn(2, 4), steps=5)
    assert all(torch.equal(before[name], value) for name, value in system.state_dict().items())
    assert all(parameter.grad is None for parameter in system.parameters())


def test_under_inference_mode_it_says_why_it_cannot_run():
    with torch.inference_mode(), pytest.raises(RuntimeError, match="inference_mode"):
        descend(lambda z: z * 1.0, lambda image: image.sum(1), torch.ones(1, 2), steps=1)


def test_better_of_chooses_for_each_patch_on_its_own():
    one = Match(torch.zeros(2, 1), torch.zeros(2, 1, 1, 1), torch.tensor([1.0, 5.0]))
    two = Match(torch.ones(2, 1), torch.ones(2, 1, 1, 1), torch.tensor([2.0, 4.0]))
    best = one.better_of(two)
    assert best.latent.flatten().tolist() == [0.0, 1.0]
    assert best.image.flatten().tolist() == [0.0, 1.0]
    assert best.loss.tolist() == [1.0, 4.0]


def test_the_prior_start_is_its_generators_and_nobody_elses(system):
    patches = torch.zeros(5, 1, 16, 16)
    system = FrozenSystem(system)
    draws = [PriorStart()(system, patches, torch.Generator().manual_seed(s)) for s in (3, 3, 4)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


@pytest.mark.slow
@pytest.mark.parametrize(("start", "far"), [(PriorStart(), 0.5), (EncoderStart(), 0.05)])
def test_the_shipped_model_finds_again_what_its_generator_made(start, far):
    network = shipped_system()
    shipped = FrozenSystem(network)
    with torch.no_grad():
        patches = shipped.generate(network.sample_latents(8, torch.Generator().manual_seed(3)))
    begin = start(shipped, patches, torch.Generator().manual_seed(4))
    objective = MatchingLoss(patches, shipped.features, weight=0.1)
    match = descend(shipped.generate, objective, begin, steps=500, lr=0.05)
    before, after = (
        (image - patches).abs().flatten(1).mean(1).median()
        for image in (shipped.generate(begin), match.image)
    )
    assert before > far
    assert after < 0.03  # of the 2 grey values from black to white


def test_a_fast_search_agrees_with_one_in_eager_float32():
    """Lowered, in the machine's best format: 1 % of the objective, 0.01 of 2 grey values."""
    network = shipped_system()
    eager, fast = EagerSystem(network), FrozenSystem(network)
    patches = eager.generate(network.sample_latents(4, torch.Generator().manual_seed(3)))
    patches = (patches + 0.3 * (patches > 0.5)).clamp(max=1)  # as G would not make them
    walk = {"steps": 15, "lr": 0.5, "betas": BETAS, "decay": True}
    basis = fit_basis(FrozenSystem(network, "float32"), EncoderStart())
    exact, near = (
        descend(
            one.generate,
            MatchingLoss(patches, one.features),
            one.encode(patches),
            basis=basis,
            **walk,
        )
        for one in (eager, fast)
    )
    judge = MatchingLoss(patches, eager.features)
    assert (
        judge(eager.generate(exact.latent)).sum()
        < 0.9 * judge(eager.generate(eager.encode(patches))).sum()
    )
    apart = judge(eager.generate(near.latent)).sum() / exact.loss.sum() - 1
    assert abs(apart) < 0.01
    assert (near.image - exact.image).abs().mean() < 0.01


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("precision", ["float32", "auto"])
def test_on_cuda_the_search_ends_where_it_ends_on_the_cpu(precision, compiled):
    network, patches = shipped_system(device="cpu"), None
    losses = []
    for device in ("cpu", "cuda"):
        system = network.to(device)
        on_cuda = device == "cuda"
        frozen = FrozenSystem(
            system, precision if on_cuda else "float32", compiled=compiled and on_cuda
        )
        if patches is None:
            rng = torch.Generator().manual_seed(3)
            patches = frozen.generate(network.sample_latents(8, rng))
        x = patches.to(device)
        begin = PriorStart()(frozen, x, torch.Generator().manual_seed(4))
        match = descend(frozen.generate, MatchingLoss(x, frozen.features), begin, steps=50, lr=0.2)
        losses.append(match.loss.cpu())
    assert (losses[1].sum() / losses[0].sum() - 1).abs() < 0.03


def test_a_basis_makes_the_gradients_white(system):
    """In new coordinates of the same model, the second moments of fresh gradients are alike."""
    with torch.no_grad():
        system.generator.project.weight.mul_(torch.tensor([0.5, 1, 2, 4]))
    frozen = FrozenSystem(system, "float32")
    basis = fit_basis(frozen, PriorStart(), samples=200, ridge=0.01)
    rng = torch.Generator().manual_seed(7)
    patches = frozen.generate(torch.randn(500, 4, generator=rng))
    z = torch.randn(500, 4, generator=rng).requires_grad_()
    loss = MatchingLoss(patches, frozen.features)(frozen.generate(z)).sum()
    (gradient,) = torch.autograd.grad(loss, z)

    def spread(g):
        moments = torch.linalg.eigvalsh(g.T @ g)
        return moments[-1] / moments[0]

    assert spread(gradient) > 5
    assert spread(gradient @ basis) < 2
    assert basis.norm() == pytest.approx(2.0, abs=1e-4)  # as the identity's, so lr keeps its sense


def test_cells_of_a_latent_grid_share_one_covariance_however_z_is_mixed():
    """A whitening mixes all cells in z; in the grid's own coordinates the basis is as without."""
    torch.manual_seed(0)
    system = FAnoGAN(2, 16, 32, width=8, grid=4).eval().requires_grad_(False)
    with torch.no_grad():
        system.generator.grow[0].weight[:, 0].mul_(3)  # the first channel says more
    mixing = torch.linalg.qr(torch.randn(32, 32))[0]
    metrics = []
    for to_grid in (torch.eye(32), mixing):
        system.generator.project.weight.data = to_grid
        basis = fit_basis(FrozenSystem(system, "float32"), PriorStart(), samples=5000, ridge=0.0)
        in_grid = to_grid @ basis
        metrics.append((in_grid @ in_grid.T).view(2, 16, 2, 16))  # channels and cells, twice
    one_cell = metrics[0][:, 0, :, 0]
    assert one_cell[0, 0] < one_cell[1, 1] / 4
    for cell in range(16):
        torch.testing.assert_close(metrics[0][:, cell, :, cell], one_cell)
    torch.testing.assert_close(metrics[1], metrics[0], atol=0.1, rtol=0)


def test_a_basis_shortens_the_search_of_the_shipped_model():
    """Nearer to patches of the prior in 10 steps than Adam along z's own axes, at its best rate."""
    network = shipped_system()
    shipped = FrozenSystem(network, "float32")
    with torch.no_grad():
        patches = shipped.generate(network.sample_latents(4, torch.Generator().manual_seed(3)))
    begin = shipped.encode(patches)
    objective = MatchingLoss(patches, shipped.features)
    basis = fit_basis(shipped, EncoderStart())
    walks = [(None, 0.025), (None, 0.05), (None, 0.1), (basis, 0.5)]
    *plain, ours = (
        descend(
            shipped.generate, objective, begin, steps=10, decay=True, lr=lr, basis=b, betas=BETAS
        ).loss.mean()
        for b, lr in walks
    )
    assert ours < 0.95 * min(plain)


def test_a_basis_shortens_a_badly_scaled_search():
    """Walking along the long axis of a valley takes Adam many steps unless it knows the axes."""
    turn = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(0)))[0]
    stretch = torch.tensor([30.0, 10.0, 3.0, 1.0])
    goal = torch.full((1, 4), 0.1)

    def objective(z):
        return ((z - goal) @ turn * stretch).abs().sum(1)

    basis = turn / stretch
    plain, knowing = (
        descend(lambda z: z, objective, torch.zeros(1, 4), steps=25, lr=0.4, decay=True, basis=b)
        for b in (None, basis)
    )
    assert knowing.loss < plain.loss / 4
    torch.testing.assert_close(objective(knowing.latent), knowing.loss)
