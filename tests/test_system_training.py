"""The one trainer: every system learns by it, repeats, resumes, and refuses what it cannot do."""

import pytest
import torch
from sklearn.metrics import roc_auc_score

from monai_anogan.engines import SystemTrainer, optimizers_of, train_system
from monai_anogan.errors import InputError
from monai_anogan.inferers import PatchScorer
from monai_anogan.systems import AdversarialCAE, AnoGAN, BiGAN, FAnoGAN, GANomaly, SearchPlan

KINDS = [AnoGAN, FAnoGAN, AdversarialCAE, BiGAN, GANomaly]


def discs(count, spatial_dims, *, seed):
    """Healthy patches: a bright disc of varying radius and grey value in the middle."""
    rng = torch.Generator().manual_seed(seed)
    axes = torch.meshgrid(*[torch.arange(16.0)] * spatial_dims, indexing="ij")
    distance = (torch.stack(axes) - 7.5).norm(dim=0)
    radius = 4 + 2 * torch.rand(count, *[1] * spatial_dims, generator=rng)
    grey = 120 + 80 * torch.rand(count, *[1] * spatial_dims, generator=rng)
    return ((distance < radius) * grey).to(torch.uint8)[:, None]


def with_corners(patches):
    """The same with a bright square where there never is anything."""
    ill = patches.clone()
    ill[(slice(None), 0, *[slice(4)] * (patches.ndim - 2))] = 220
    return ill


def made(kind, spatial_dims=2, **settings):
    torch.manual_seed(0)
    return kind(spatial_dims, 16, 8, width=8, **settings)


def weights(system):
    return torch.cat([value.flatten().float() for value in system.state_dict().values()])


@pytest.mark.parametrize("kind", KINDS)
def test_every_system_learns_what_is_healthy_and_ranks_what_is_not_above_it(kind):
    quick = {"learning_rate": 1e-3} | ({"critic_steps": 2} if kind is FAnoGAN else {})
    system, healthy = made(kind, **quick), discs(256, 2, seed=1)
    held_back = discs(48, 2, seed=2)
    scorer = PatchScorer(SearchPlan(steps=60) if kind is AnoGAN else None, seed=0)

    def residual():
        rebuilt = scorer(system, held_back).reconstruction
        return (rebuilt - (held_back / 127.5 - 1)).abs().mean().item()

    before = residual()
    train_system(system, healthy, iterations=600, batch_size=32, seed=3)
    assert residual() < before / 2
    scores = scorer(system, torch.cat([held_back, with_corners(held_back)])).scores
    main = next(iter(scores.values()))
    assert roc_auc_score([0] * 48 + [1] * 48, main) > 0.9


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_an_interrupted_run_ends_as_an_uninterrupted_one_bit_for_bit(kind, spatial_dims, tmp_path):
    patches = discs(40, spatial_dims, seed=1)
    plan = {"iterations": 12, "batch_size": 4, "seed": 7, "checkpoint_every": 4}
    straight = made(kind, spatial_dims)
    losses = train_system(straight, patches, **plan, output_dir=tmp_path / "straight")

    def interrupt(done, _):
        if done == 10:  # in the third epoch; for f-AnoGAN, in its second phase
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_system(
            made(kind, spatial_dims),
            patches,
            **plan,
            output_dir=tmp_path / "cut",
            progress=interrupt,
        )
    assert not (tmp_path / "cut/model.pt").exists()
    torch.rand(5)  # what others draw does not matter
    calls = []
    resumed = made(kind, spatial_dims)
    again = train_system(
        resumed,
        patches,
        **plan,
        output_dir=tmp_path / "cut",
        progress=lambda *call: calls.append(call),
    )
    assert calls == [(done, 12) for done in range(9, 13)]
    assert torch.equal(weights(straight), weights(resumed))
    assert again == losses
    assert len(losses) == 3
    kept = torch.load(tmp_path / "cut/model.pt", weights_only=True)
    assert all(torch.equal(kept[name], value) for name, value in straight.state_dict().items())


def test_another_seed_gives_other_weights_and_a_completed_run_is_not_run_again(tmp_path):
    patches, plan = discs(40, 2, seed=1), {"iterations": 3, "batch_size": 4}
    first, other, again = (made(AdversarialCAE) for _ in range(3))
    losses = train_system(first, patches, **plan, seed=1, output_dir=tmp_path)
    train_system(other, patches, **plan, seed=2)
    assert not torch.equal(weights(first), weights(other))
    calls = []
    told = train_system(
        again, patches, **plan, seed=1, output_dir=tmp_path, progress=lambda *c: calls.append(c)
    )
    assert told == losses
    assert not calls
    assert torch.equal(weights(first), weights(again))


@pytest.mark.parametrize("kind", KINDS)
def test_each_turn_moves_its_own_parts_and_no_others(kind):
    moved = []
    for turn in [turn for phase in made(kind).phases() for turn in phase.turns]:
        system = made(kind)
        optimizers = optimizers_of(system)
        for name, optimizer in optimizers.items():
            if not name.endswith(f"_{turn.name}"):
                optimizer.param_groups[0]["lr"] = 0.0
        before = {name: weights_of(part) for name, part in system.named_children()}
        batches = [{"image": torch.rand(4, 1, 16, 16) * 2 - 1}] * 8
        SystemTrainer(torch.device("cpu"), 1, batches, system, optimizers=optimizers).run()
        parts = dict(system.named_children())
        moved.append({n for n in parts if not torch.equal(before[n], weights_of(parts[n]))})
        assert moved[-1] == set(turn.parts)
    assert set().union(*moved) == {name for name, _ in made(kind).named_children()}


def weights_of(part):
    return torch.cat([p.detach().flatten() for p in part.parameters()])


def test_uint8_and_float_patches_are_the_same_to_a_trainer():
    patches, plan = discs(20, 2, seed=1), {"iterations": 2, "batch_size": 4}
    of_bytes, of_floats = made(GANomaly), made(GANomaly)
    train_system(of_bytes, patches, **plan)
    train_system(of_floats, patches.float() / 127.5 - 1, **plan)
    assert torch.equal(weights(of_bytes), weights(of_floats))


def test_patches_are_mirrored_only_when_asked():
    shown = []

    def spy(patches, rng):
        shown.append(patches.clone())
        return patches

    patches = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    upright, turned = patches / 127.5 - 1, (patches / 127.5 - 1).flip(2)
    for mirrored in (False, True):
        train_system(
            made(AdversarialCAE),
            patches,
            iterations=1,
            batch_size=16,
            augment=spy,
            mirrored=mirrored,
        )
    assert all(torch.equal(patch, upright[0]) for patch in shown[0])
    kinds = {torch.equal(patch, turned[0]) for patch in shown[1]}
    assert kinds == {True, False}


def test_runs_that_cannot_be_are_refused_in_one_line(tmp_path):
    patches = discs(8, 2, seed=1)
    with pytest.raises(InputError, match=r"patches must be \(N, 1, 16, 16\), got \(8, 1, 8, 8\)"):
        train_system(made(AnoGAN), patches[..., :8, :8], iterations=1)
    with pytest.raises(InputError, match="must be 1 or more, got 0 and 64"):
        train_system(made(AnoGAN), patches, iterations=0)
    train_system(made(GANomaly), patches, iterations=1, batch_size=2, output_dir=tmp_path)
    with pytest.raises(InputError, match=r"own settings \{'iterations': 1.* got \{'iterations': 2"):
        train_system(made(GANomaly), patches, iterations=2, batch_size=2, output_dir=tmp_path)
    with pytest.raises(InputError, match=r"own settings \{'parameters'"):
        train_system(
            GANomaly(2, 16, 9, width=8), patches, iterations=1, batch_size=2, output_dir=tmp_path
        )
