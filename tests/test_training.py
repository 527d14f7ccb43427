"""Training: it learns, resumes exactly, keeps the best, and stops when it has gone wrong."""

import math

import pytest
import torch
from ignite.engine import Engine, Events
from ignite.handlers import EMAHandler
from torch.utils.data import DataLoader, Dataset

from monai_anogan.engines import (
    AnoGANTrainer,
    CheckpointKeeper,
    CollapseAlarm,
    EncoderTrainer,
    FidelityMonitor,
    ProgressLog,
    ReconstructionMonitor,
    WhitenLatents,
    draw_patches,
    patch_grid,
    save_state_dict,
)
from monai_anogan.errors import TrainingError
from monai_anogan.losses import NonSaturatingR1, WassersteinGP
from monai_anogan.metrics import diversity, sliced_wasserstein
from monai_anogan.systems import FAnoGAN
from monai_anogan.transforms import Corrupt, RandPatchesd, concatenate_patches


class Blobs(Dataset):
    """Volumes with a bright ball each, cut into patches as training volumes are."""

    def __init__(self, spatial_dims):
        grid = torch.stack(torch.meshgrid(*[torch.arange(24.0)] * 3, indexing="ij"))
        self.volumes = [
            ((grid - 12).norm(dim=0) < 7 + i).to(torch.uint8)[None] * (120 + 20 * i)
            for i in range(4)
        ]
        self.transform = RandPatchesd("image", [16] * spatial_dims, samples=4, jitter=4)

    def __len__(self):
        return len(self.volumes)

    def __getitem__(self, index):
        return self.transform({"image": self.volumes[index]})


def loader_of(spatial_dims):
    return DataLoader(
        Blobs(spatial_dims), batch_size=2, shuffle=True, collate_fn=concatenate_patches
    )


def make_system(spatial_dims=2, **settings):
    torch.manual_seed(0)
    return FAnoGAN(spatial_dims, 16, 8, width=8, **settings)


def adversarial(system, epochs, handlers=(), loss=None, **settings):
    return AnoGANTrainer(
        torch.device("cpu"),
        epochs,
        loader_of(system.spatial_dims),
        system,
        torch.optim.Adam(system.generator.parameters(), lr=1e-3),
        torch.optim.Adam(system.discriminator.parameters(), lr=1e-3),
        loss or NonSaturatingR1(penalty_every=2),
        train_handlers=handlers,
        seed=5,
        **settings,
    )


def encoder_training(system, epochs, handlers=(), **settings):
    parts = settings.get("learning", ("encoder",))
    learning = [p for name in parts for p in system.get_submodule(name).parameters()]
    return EncoderTrainer(
        torch.device("cpu"),
        epochs,
        loader_of(system.spatial_dims),
        system,
        torch.optim.Adam(learning, lr=3e-3),
        train_handlers=handlers,
        seed=5,
        **settings,
    )


def weights_of(module):
    return torch.cat([p.detach().flatten() for p in module.parameters()])


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("amp", [False, True])
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(tmp_path, spatial_dims, amp):
    def run(folder, epochs):
        system = make_system(spatial_dims)
        trainer = adversarial(system, epochs, amp=amp, reconstruction_weight=1.0)
        ema = EMAHandler(system, momentum=0.1, handle_buffers="update")
        ema.attach(trainer)
        state = {
            "network": system,
            "ema": ema.ema_model,
            "g": trainer.g_optimizer,
            "d": trainer.d_optimizer,
        }
        CheckpointKeeper(tmp_path / folder, state, ema.ema_model).attach(trainer)
        trainer.run()
        return torch.load(tmp_path / folder / "model.pt", weights_only=True)

    straight = run("straight", 4)
    run("resumed", 2)
    resumed = run("resumed", 4)
    assert straight.keys() == resumed.keys()
    assert all(torch.equal(straight[name], resumed[name]) for name in straight)


@pytest.mark.parametrize(
    ("loss", "settings"),
    [
        (NonSaturatingR1(penalty_every=2), {}),
        (WassersteinGP(), {"critic_steps": 2}),
        (NonSaturatingR1(), {"reconstruction_weight": 5.0}),
    ],
)
def test_adversarial_training_moves_g_and_d_and_leaves_e_alone(loss, settings):
    system = make_system(discriminator_norm=None)
    before = {name: weights_of(part) for name, part in system.named_children()}
    trainer = adversarial(system, 2, loss=loss, **settings)
    trainer.run()
    output = trainer.state.output
    moved = {
        name: not torch.equal(before[name], weights_of(p)) for name, p in system.named_children()
    }
    assert moved == {"generator": True, "discriminator": True, "encoder": False}
    assert all(math.isfinite(value) for value in output.values())
    assert (output["reconstruction_loss"] > 0) == ("reconstruction_weight" in settings)


def test_samples_come_to_resemble_the_real_patches():
    system = make_system()
    real = draw_patches(Blobs(2), 64, seed=1)

    def distance():
        rng = torch.Generator().manual_seed(0)
        with torch.no_grad():
            samples = system.eval().generator(system.sample_latents(64, rng))
        return sliced_wasserstein(samples, real, scales=1)

    before = distance()
    adversarial(system, 150, amp=False, reconstruction_weight=2.0).run()
    assert distance() < 0.7 * before


def test_an_encoder_learns_to_see_through_corruption():
    system = make_system()
    clean = draw_patches(Blobs(2), 32, seed=2)
    seen = Corrupt()(clean, torch.Generator().manual_seed(0))

    def error():
        with torch.no_grad():
            return (system.eval()(seen) - clean).abs().mean().item()

    before, discriminator = error(), weights_of(system.discriminator)
    parts = ("encoder", "generator")
    encoder_training(system, 30, corrupt=Corrupt(), learning=parts, amp=False).run()
    assert error() < before / 2
    assert torch.equal(weights_of(system.discriminator), discriminator)


def test_encoder_training_alone_leaves_g_with_its_statistics_as_it_was():
    system = make_system()
    before = {k: v.clone() for k, v in system.generator.state_dict().items()}
    encoder = weights_of(system.encoder)
    encoder_training(system, 1).run()
    assert all(torch.equal(before[k], v) for k, v in system.generator.state_dict().items())
    assert not torch.equal(weights_of(system.encoder), encoder)


def test_latents_are_white_when_the_warm_start_is_over():
    system = make_system()
    patches = draw_patches(Blobs(2), 64, seed=3)
    encoder_training(
        system, 3, [WhitenLatents(system, patches)], learning=("encoder", "generator")
    ).run()
    with torch.no_grad():
        latents = system.eval().encoder(patches)
    torch.testing.assert_close(latents.mean(0), torch.zeros(8), atol=1e-3, rtol=0)
    assert torch.cov(latents.T).diag().mean().item() == pytest.approx(1, abs=0.15)


def test_monitors_write_pictures_and_numbers(tmp_path):
    system = make_system()
    real = draw_patches(Blobs(2), 32, seed=4)
    monitors = [
        FidelityMonitor(system, real, tmp_path),
        ReconstructionMonitor(system, real, real, tmp_path),
        ProgressLog(tmp_path / "tensorboard"),
    ]
    trainer = encoder_training(system, 2, monitors)
    trainer.run()
    assert {"swd", "diversity", "residual"} <= trainer.state.metrics.keys()
    names = sorted(path.name for path in tmp_path.glob("*.png"))
    assert names == [f"{n}_00{e}.png" for n in ("reconstructions", "samples") for e in (1, 2)]
    assert list((tmp_path / "tensorboard").glob("events.*"))


def engine_with(output, metrics, epochs=5, grace=0):
    engine = Engine(lambda *_: output)
    engine.add_event_handler(Events.EPOCH_STARTED, lambda e: e.state.metrics.update(metrics))
    CollapseAlarm(lowest_diversity=0.3, patience=3, grace=grace).attach(engine)
    return lambda: engine.run([0], max_epochs=epochs)


def test_the_alarm_stops_a_collapsed_generator_after_its_patience():
    with pytest.raises(TrainingError, match=r"collapsed: its samples differ 0\.05 times"):
        engine_with({"loss": 1.0}, {"diversity": 0.05})()
    engine_with({"loss": 1.0}, {"diversity": 0.05}, epochs=2)()
    engine_with({"loss": 1.0}, {"diversity": 0.9})()
    engine_with({"loss": 1.0}, {"diversity": 0.05}, grace=3)()
    with pytest.raises(TrainingError, match="collapsed"):
        engine_with({"loss": 1.0}, {"diversity": 0.05}, grace=2)()


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_the_alarm_stops_a_loss_that_is_not_finite(value):
    with pytest.raises(TrainingError, match="d_loss must be finite"):
        engine_with({"g_loss": 1.0, "d_loss": value}, {})()


def test_the_best_model_is_kept_and_survives_a_resume(tmp_path):
    model = torch.nn.Linear(1, 1, bias=False)
    values = iter([3.0, 1.0, 2.0, 1.5])

    def step(engine, _):
        engine.state.metrics["error"] = next(values)
        torch.nn.init.constant_(model.weight, engine.state.metrics["error"])

    for epochs in (2, 4):
        engine = Engine(step)
        CheckpointKeeper(tmp_path, {"model": model}, model, metric="error").attach(engine)
        engine.run([0], max_epochs=epochs)
    assert torch.load(tmp_path / "model.pt", weights_only=True)["weight"].item() == 1.0
    assert not list(tmp_path.glob(".*"))


def test_float16_on_disk_halves_the_file_and_loads_as_float32(tmp_path):
    system = make_system()
    save_state_dict(system, tmp_path / "half.pt", torch.float16)
    save_state_dict(system, tmp_path / "full.pt")
    sizes = [(tmp_path / f"{name}.pt").stat().st_size for name in ("half", "full")]
    assert sizes[0] < 0.6 * sizes[1]
    other = make_system()
    other.load_state_dict(torch.load(tmp_path / "half.pt", weights_only=True))
    assert {p.dtype for p in other.parameters()} == {torch.float32}
    torch.testing.assert_close(weights_of(other), weights_of(system), atol=1e-3, rtol=1e-3)


def test_validation_patches_are_the_same_for_the_same_seed():
    draws = [draw_patches(Blobs(2), 10, seed=seed) for seed in (1, 1, 2)]
    assert draws[0].shape == (10, 1, 16, 16)
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


@pytest.mark.parametrize("shape", [(40, 1, 16, 16), (40, 1, 16, 16, 16)])
def test_sample_quality_knows_equal_shifted_and_collapsed_samples(shape):
    real = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    other = torch.rand(shape, generator=torch.Generator().manual_seed(1))
    assert sliced_wasserstein(real, real) == 0
    assert sliced_wasserstein(other, real) < sliced_wasserstein(other + 0.5, real) / 5
    assert diversity(other, real) == pytest.approx(1, abs=0.05)
    assert diversity(other[:1].expand(shape), real) == 0
    with pytest.raises(ValueError, match="both sets must have one shape"):
        sliced_wasserstein(real[:3], real)


def test_a_grid_shows_patches_upright_row_by_row():
    patches = torch.full((3, 1, 4, 6), -1.0)
    patches[1] = 1.0
    patches[0, 0, 0, -1] = 1.0  # most left, most anterior
    grid = patch_grid(patches, columns=2)
    assert grid.shape == (12, 8)
    assert grid[0, 0] == 1  # anterior is up
    assert grid[:6, 4:].min() == 1
    assert grid[6:].max() == 0
