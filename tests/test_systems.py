"""Systems: every loss and every score against a case computed by hand from its paper."""

import math

import pytest
import torch
from torch import nn

from monai_anogan.errors import InputError
from monai_anogan.inferers import LatentSearchInferer, PatchScorer
from monai_anogan.losses import MatchingLoss, ReferenceLoss
from monai_anogan.systems import (
    AdversarialCAE,
    AnoGAN,
    BiGAN,
    FAnoGAN,
    FrozenSystem,
    GANomaly,
    SearchPlan,
    Step,
    active_phase,
)

EVERY = [AnoGAN, FAnoGAN, AdversarialCAE, BiGAN, GANomaly]
dimensions = pytest.mark.parametrize("spatial_dims", [2, 3])


def softplus(value):
    return math.log1p(math.exp(value))


class Constant(nn.Module):
    """A network that answers every patch, or latent, with the same."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, x):
        return self.answer.expand(len(x), *self.answer.shape)


class Judge(nn.Module):
    """D(x) = twice the mean of x, plus the sum of z where it is given one; f(x) = 10 x."""

    def __init__(self):
        super().__init__()
        self.where = nn.Parameter(torch.zeros(1))  # a system is where its parameters are

    def forward(self, x, z=None):
        return 2 * x.flatten(1).mean(1) + (0 if z is None else z.sum(1))

    def features(self, x, z=None):
        return 10 * x


def by_hand(kind, spatial_dims, **settings):
    """A system that rebuilds whatever it is shown as 0.5, from E(x) = (1, 2); D is `Judge`."""
    system = kind(spatial_dims, 8, 2, width=8, **settings)
    made = torch.full((1, *[8] * spatial_dims), 0.5)
    rebuilding = Constant(made)
    rebuilding.latent_size = 2
    system.generator, system.discriminator = rebuilding, Judge()
    system.encoder = Constant(torch.tensor([1.0, 2.0]))
    return system, torch.ones(3, *made.shape), made.expand(3, *made.shape), made.numel()


def told(system, patches, rebuilt):
    """Scores, one patch's, and that all patches have the same."""
    scores = system.scores(patches, rebuilt, system.encoder(patches))
    assert all(torch.equal(s, s[:1].expand(3)) for s in scores.values())
    return {name: s[0].item() for name, s in scores.items()}


def turn_losses(system, patches, rebuilt, made, iteration=1, phase=0):
    """The loss of every turn of a phase, and that its forward makes what is expected."""
    step = Step(patches, torch.Generator().manual_seed(0), iteration)
    chosen = system.phases()[phase]
    assert torch.equal(made(chosen.forward(step)), rebuilt)
    return {turn.name: turn.loss(step, chosen.forward(step)).item() for turn in chosen.turns}


@dimensions
def test_anogan_scores_are_a_r_d_and_what_d_says_of_the_patch(spatial_dims):
    system, x, rebuilt, n = by_hand(AnoGAN, spatial_dims)
    wanted = {"A": 0.9 * 0.5 * n + 0.1 * 5 * n, "R": 0.5 * n, "D": 5 * n, "P_D": -2.0}
    assert told(system, x, rebuilt) == pytest.approx(wanted)
    assert next(iter(told(system, x, rebuilt))) == "A"


@dimensions
def test_gan_r_scores_by_the_likelihood_of_the_reconstruction_under_d(spatial_dims):
    system, x, rebuilt, n = by_hand(AnoGAN, spatial_dims, matching="reference", weight=0.2)
    entropy = softplus(-1.0)  # D(0.5) = 1
    wanted = {"A^": 0.8 * 0.5 * n + 0.2 * entropy, "R": 0.5 * n, "D^": entropy, "P_D": -2.0}
    assert told(system, x, rebuilt) == pytest.approx(wanted)


@dimensions
def test_anogan_plays_the_non_saturating_game_with_r1_every_eighth_time(spatial_dims):
    system, x, rebuilt, n = by_hand(AnoGAN, spatial_dims, r1_gamma=3.0)
    game = {"discriminator": softplus(-2.0) + softplus(1.0), "generator": softplus(-1.0)}
    assert turn_losses(system, x, rebuilt, lambda m: m) == pytest.approx(game)
    slope = (2 / n) ** 2 * n  # squared, of D
    game["discriminator"] += 3.0 / 2 * 8 * slope
    assert turn_losses(system, x, rebuilt, lambda m: m, iteration=8) == pytest.approx(game)


@dimensions
def test_ganomaly_scores_how_far_the_second_latent_is_from_the_first(spatial_dims):
    system, x, rebuilt, n = by_hand(GANomaly, spatial_dims)
    system.second_encoder = Constant(torch.tensor([0.0, 0.5]))
    wanted = {"A": 1 + 1.5, "A_squared": (1 + 1.5**2) / 2, "R": 0.5 * n}
    assert told(system, x, rebuilt) == pytest.approx(wanted)


@dimensions
def test_ganomaly_weighs_feature_matching_patch_and_latent_1_50_1(spatial_dims):
    system, x, rebuilt, _ = by_hand(GANomaly, spatial_dims)
    system.second_encoder = Constant(torch.tensor([0.0, 0.5]))
    generator = 1 * 5.0**2 + 50 * 0.5 + 1 * (1 + 1.5**2) / 2
    game = {"discriminator": softplus(-2.0) + softplus(1.0), "generator": generator}
    assert turn_losses(system, x, rebuilt, lambda m: m[1]) == pytest.approx(game)


@dimensions
def test_bigan_scores_by_feature_matching_and_by_cross_entropy(spatial_dims):
    system, x, rebuilt, n = by_hand(BiGAN, spatial_dims)
    matching, entropy = 5 * n, softplus(-(2.0 + 3.0))  # D(x, E(x)) = 2 + 1 + 2
    wanted = {
        "A_fm": 0.9 * 0.5 * n + 0.1 * matching,
        "A_ce": 0.9 * 0.5 * n + 0.1 * entropy,
        "R": 0.5 * n,
        "D_fm": matching,
        "D_ce": entropy,
    }
    assert told(system, x, rebuilt) == pytest.approx(wanted)


@dimensions
def test_bigan_plays_for_pairs_of_patch_and_latent(spatial_dims):
    system, x, rebuilt, n = by_hand(BiGAN, spatial_dims, r1_gamma=3.0)
    z = system.sample_latents(3, torch.Generator().manual_seed(0))
    on_real, on_fake = 2.0 + 3.0, 1.0 + z.sum(1)
    game = {
        "discriminator": softplus(-on_real) + sum(softplus(f.item()) for f in on_fake) / 3,
        "generator": softplus(on_real) + sum(softplus(-f.item()) for f in on_fake) / 3,
    }

    def losses(iteration):
        rng = torch.Generator().manual_seed(0)
        (phase,) = system.phases()
        step = Step(x, rng, iteration)
        made = phase.forward(step)
        assert torch.equal(made[1], z)
        assert torch.equal(made[2], rebuilt)
        return {turn.name: turn.loss(step, made).item() for turn in phase.turns}

    assert losses(1) == pytest.approx(game)
    game["discriminator"] += 3.0 / 2 * 8 * (2 / n) ** 2 * n
    assert losses(8) == pytest.approx(game)


@dimensions
def test_acae_scores_as_anogan_does_and_hardly_heeds_d_in_training(spatial_dims):
    system, x, rebuilt, n = by_hand(AdversarialCAE, spatial_dims)
    wanted = {"A": 0.9 * 0.5 * n + 0.1 * 5 * n, "R": 0.5 * n, "D": 5 * n}
    assert told(system, x, rebuilt) == pytest.approx(wanted)
    generator = 0.999 * 0.5**2 + 0.001 * softplus(-1.0)
    game = {"discriminator": softplus(-2.0) + softplus(1.0), "generator": generator}
    assert turn_losses(system, x, rebuilt, lambda m: m) == pytest.approx(game)


@dimensions
def test_fanogan_plays_wgan_gp_then_trains_e_by_izi_f_which_is_also_its_score(spatial_dims):
    system, x, rebuilt, n = by_hand(FAnoGAN, spatial_dims, kappa=0.5)
    izi_f = 0.5**2 + 0.5 * 5.0**2
    wanted = {"A": izi_f, "A_R": 0.5**2, "A_D": 5.0**2}
    assert told(system, x, rebuilt) == pytest.approx(wanted)
    penalty = 10 * (2 / math.sqrt(n) - 1) ** 2  # D is linear, its slope 2 / n in each voxel
    game = {"discriminator": 1.0 - 2.0 + penalty, "generator": -1.0}
    assert turn_losses(system, x, rebuilt, lambda m: m) == pytest.approx(game)
    assert turn_losses(system, x, rebuilt, lambda m: m, phase=1) == pytest.approx(
        {"encoder": izi_f}
    )


def test_fanogans_generator_steps_once_for_five_of_its_critic():
    critic, generator = FAnoGAN(2, 8, 2, width=8).phases()[0].turns
    assert (critic.every, generator.every) == (1, 5)


def test_iterations_are_split_over_phases_by_their_shares():
    phases = FAnoGAN(2, 8, 2, width=8, encoder_share=0.25).phases()
    assert [active_phase(phases, done, 8) for done in range(8)] == [0] * 6 + [1] * 2


def test_the_reference_loss_is_the_cross_entropy_of_being_real():
    x, generated = torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2)
    loss = ReferenceLoss(x, lambda p: p.flatten(1).sum(1) + 3, weight=0.25)
    assert loss.residual(generated).item() == 4
    assert loss.discrimination(generated).item() == pytest.approx(softplus(-3))
    assert loss(generated).item() == pytest.approx(0.75 * 4 + 0.25 * softplus(-3))
    with pytest.raises(ValueError, match=r"must be in \[0, 1\], got 2"):
        ReferenceLoss(x, loss.judge, weight=2)


@dimensions
@pytest.mark.parametrize("kind", EVERY)
def test_every_system_exports_and_its_export_rebuilds_as_it_does(kind, spatial_dims):
    torch.manual_seed(0)
    system = kind(spatial_dims, 8, 4, width=8).eval()
    patches = torch.rand(2, 1, *[8] * spatial_dims) * 2 - 1
    with torch.no_grad():
        rebuilt = system(patches)
        assert rebuilt.shape == patches.shape
        torch.testing.assert_close(torch.jit.script(system)(patches), rebuilt)


@dimensions
@pytest.mark.parametrize("kind", EVERY)
def test_scores_of_a_perfect_reconstruction_are_below_those_of_another(kind, spatial_dims):
    torch.manual_seed(0)
    system = kind(spatial_dims, 8, 4, width=8).eval()
    z = torch.randn(4, 4)
    with torch.no_grad():
        patches = system.generator(z)
        worse = (patches + 0.5).clamp(-1, 1)
        good, bad = (system.scores(patches, r, z) for r in (patches, worse))
    residuals = [name for name in good if name in ("A", "R", "A_R", "A_D", "D", "A_fm", "D_fm")]
    if kind is GANomaly:  # its A compares latents, and the two encoders are untrained
        residuals.remove("A")
    for name in residuals:
        assert (good[name] < bad[name]).all(), name


def test_anogan_without_a_search_gives_the_middle_of_the_prior():
    system = AnoGAN(2, 8, 4, width=8).eval()
    with torch.no_grad():
        assert torch.equal(
            system(torch.rand(3, 1, 8, 8))[1], system.generator(torch.zeros(1, 4))[0]
        )


def test_a_matching_of_another_name_is_refused():
    with pytest.raises(ValueError, match="matching must be features or reference, got 'pixels'"):
        AnoGAN(matching="pixels")


@dimensions
def test_the_scorer_finds_the_latents_that_made_the_patches(spatial_dims):
    torch.manual_seed(0)
    system = AnoGAN(spatial_dims, 8, 2, width=8).train()
    patches = system.eval().generator(torch.randn(6, 2)).detach()
    system.train()
    before = {name: value.clone() for name, value in system.state_dict().items()}
    plan = SearchPlan(steps=400, lr=0.05)
    found = PatchScorer(plan, precision="float32", batch_size=4, seed=1)(system, patches)
    assert system.training
    assert all(torch.equal(before[name], value) for name, value in system.state_dict().items())
    scale = (patches - patches.mean(0)).abs().mean()
    assert (found.reconstruction - patches).abs().mean() < 0.25 * scale
    with torch.no_grad():
        again = system.eval().generator(found.latents)
        scores = system.scores(patches, found.reconstruction, found.latents)
    torch.testing.assert_close(again, found.reconstruction, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(scores, found.scores, atol=1e-3, rtol=1e-3)


def test_the_scorer_repeats_itself_by_its_seed_alone_and_tells_of_its_progress():
    torch.manual_seed(0)
    system, calls = AnoGAN(2, 8, 4, width=8), []
    patches = torch.randint(0, 256, (5, 1, 8, 8), dtype=torch.uint8)
    plan = SearchPlan(steps=3)
    first = PatchScorer(plan, seed=1, batch_size=2, progress=lambda *c: calls.append(c))
    once = first(system, patches)
    torch.rand(3)
    assert torch.equal(once.latents, first(system, patches).latents)
    assert not torch.equal(
        once.latents, PatchScorer(plan, seed=2, batch_size=2)(system, patches).latents
    )
    assert calls[:3] == [(2, 5), (4, 5), (5, 5)]
    as_floats = PatchScorer(plan, seed=1, batch_size=2)(system, patches / 127.5 - 1)
    assert torch.equal(as_floats.reconstruction, once.reconstruction)


def test_systems_with_an_encoder_are_not_searched():
    torch.manual_seed(0)
    patches = torch.rand(3, 1, 8, 8) * 2 - 1
    for kind in (FAnoGAN, AdversarialCAE, BiGAN, GANomaly):
        system = kind(2, 8, 4, width=8).eval()
        found = PatchScorer(precision="float32")(system, patches)
        torch.testing.assert_close(found.reconstruction, system(patches), atol=1e-5, rtol=1e-4)


def test_gan_r_is_searched_by_its_own_loss_and_anogan_by_the_papers():
    patches = torch.zeros(1, 1, 8, 8)
    kinds = {
        m: FrozenSystem(AnoGAN(2, 8, 4, width=8, matching=m)) for m in ("features", "reference")
    }
    assert isinstance(kinds["features"].objective(patches, 0.1), MatchingLoss)
    reference = kinds["reference"].objective(patches, 0.1)
    assert isinstance(reference, ReferenceLoss)
    assert torch.equal(
        reference.discrimination(patches),
        nn.functional.softplus(-kinds["reference"].judge(patches)),
    )


def test_bigan_whose_d_judges_pairs_is_searched_by_the_residual_alone():
    torch.manual_seed(0)
    frozen, x = FrozenSystem(BiGAN(2, 8, 4, width=8)), torch.ones(1, 1, 8, 8)
    assert frozen.objective(x, 0.25)(torch.zeros(1, 1, 8, 8)).item() == pytest.approx(0.75 * 64)
    plan = SearchPlan("encoder", steps=2)
    assert PatchScorer(plan)(BiGAN(2, 8, 4, width=8), x).reconstruction.shape == x.shape


def test_a_volume_is_searched_by_a_system_without_an_encoder_from_the_prior_alone():
    torch.manual_seed(0)
    system, volume = AnoGAN(2, 8, 4, width=8), torch.rand(1, 1, 8, 8, 3)
    rebuilt = LatentSearchInferer((8, 8), start="prior", steps=2)(volume, system)
    assert rebuilt.shape == volume.shape
    for settings in ({"mode": "encoder"}, {"start": "encoder", "steps": 2}):
        with pytest.raises(InputError, match=r"must start from the prior .* AnoGAN has none"):
            LatentSearchInferer((8, 8), **settings)(volume, system)


def test_no_patches_are_refused():
    with pytest.raises(InputError, match="patches must be one or more, got none"):
        PatchScorer()(AnoGAN(2, 8, 4, width=8), torch.zeros(0, 1, 8, 8))
