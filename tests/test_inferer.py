"""The inferer: foreground windows alone are searched, and stitching changes nothing."""

import math

import pytest
import torch
from torch import nn

from monai_anogan.inferers import LatentSearchInferer, Stitcher, foreground_windows
from monai_anogan.systems import FAnoGAN
from monai_anogan.transforms import BACKGROUND

SHAPE = (20, 24, 18)


def volume_with_a_ball():
    grid = torch.stack(torch.meshgrid(*map(torch.arange, SHAPE), indexing="ij")).float()
    ball = (grid - torch.tensor([8.0, 12, 9])[:, None, None, None]).norm(dim=0) < 6
    return torch.where(ball, torch.rand(SHAPE, generator=torch.Generator().manual_seed(0)), -1.0)


class Seen(nn.Module):
    """Counts the patches that pass, those through copies of it included."""

    def __init__(self):
        super().__init__()
        self.counts = []

    def forward(self, patches):
        self.counts.append(len(patches))
        return patches

    def __deepcopy__(self, memo):
        return self


class Discriminator(nn.Module):
    def features(self, patches):
        return patches


class Identity(nn.Module):
    """A 'system' whose latent is the patch itself: whatever is shown is rebuilt."""

    def __init__(self, *roi_size):
        super().__init__()
        self.seen = Seen()
        self.encoder = nn.Sequential(self.seen, nn.Flatten())
        self.generator = nn.Unflatten(1, (1, *roi_size))
        self.generator.latent_size = math.prod(roi_size)
        self.discriminator = Discriminator()
        self.where = nn.Parameter(torch.zeros(1))  # a system is where its parameters are


def guessed(volume, network, **settings):
    """The encoder's guess at a volume, in exact arithmetic."""
    roi_size = network.generator.unflattened_size[1:]
    settings |= {"mode": "encoder", "precision": "float32"}
    return LatentSearchInferer(roi_size, **settings)(volume, network)


@pytest.mark.parametrize("roi_size", [(16, 16), (16, 16, 16)])
@pytest.mark.parametrize("slice_axis", [0, 1, 2])
def test_an_identity_network_gives_the_volume_back(roi_size, slice_axis):
    volume = volume_with_a_ball()[None, None]
    rebuilt = guessed(volume, Identity(*roi_size), slice_axis=slice_axis)
    torch.testing.assert_close(rebuilt, volume, atol=1e-6, rtol=0)


@pytest.mark.parametrize("window", [(8, 8, 1), (8, 8, 8)])
@pytest.mark.parametrize("overlap", [0.0, 0.5, 0.7])
def test_stitching_ones_gives_exactly_ones(window, overlap):
    foreground = torch.ones(SHAPE, dtype=torch.bool)
    stitcher = Stitcher(SHAPE, window, channels=1, fill=-1)
    for place in foreground_windows(foreground, window, overlap):
        stitcher.add(place, torch.ones(1, *window))
    assert (stitcher.result() == 1).all()


def test_every_foreground_voxel_is_in_a_window_and_no_window_is_empty():
    foreground = volume_with_a_ball() > BACKGROUND
    for window in ((8, 8, 1), (8, 8, 8), (20, 24, 18)):
        covered = torch.zeros(SHAPE, dtype=torch.bool)
        windows = foreground_windows(foreground, window, 0.5)
        for place in windows:
            assert foreground[place].any()
            assert foreground[place].shape == window
            covered[place] = True
        assert covered[foreground].all()


def test_background_is_never_searched():
    empty = torch.full((1, 1, *SHAPE), BACKGROUND)
    network = Identity(8, 8)
    rebuilt = guessed(empty, network)
    assert not network.seen.counts
    assert (rebuilt == BACKGROUND).all()
    one_voxel = empty.clone()
    one_voxel[0, 0, 10, 10, 5] = 0.5
    guessed(one_voxel, network)
    assert network.seen.counts == [1]


def test_a_volume_smaller_than_a_window_keeps_its_shape():
    volume = torch.rand(1, 1, 5, 30, 3)
    rebuilt = guessed(volume, Identity(16, 16))
    torch.testing.assert_close(rebuilt, volume, atol=1e-6, rtol=0)


def searched(network, volume, **settings):
    settings = {"steps": 5, "seed": 3, "batch_size": 7} | settings
    with torch.no_grad():
        return LatentSearchInferer([16] * network.spatial_dims, **settings)(volume, network)


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("start", ["prior", "encoder"])
def test_the_same_seed_gives_the_same_volume_bit_for_bit(spatial_dims, start):
    torch.manual_seed(0)
    network = FAnoGAN(spatial_dims, 16, 4, width=8)
    volume = volume_with_a_ball()[None, None]
    first = searched(network, volume, start=start)
    torch.rand(7)  # what others draw does not matter
    assert torch.equal(searched(network, volume, start=start), first)
    if start == "prior":
        assert not torch.equal(searched(network, volume, start=start, seed=4), first)


def test_more_steps_explain_the_volume_better():
    torch.manual_seed(0)
    network = FAnoGAN(2, 16, 8, width=8)
    volume = volume_with_a_ball()[None, None, :16, :16]  # one window a slice, so no blending
    errors = [
        (searched(network, volume, steps=steps, lr=0.1, weight=0.0) - volume).abs().sum()
        for steps in (1, 20, 200)
    ]
    assert errors[2] < errors[1] < errors[0]


def test_a_search_explains_the_healed_volume_and_never_sees_the_lesion():
    torch.manual_seed(0)
    network = FAnoGAN(2, 16, 8, width=8)
    healthy = volume_with_a_ball()[None, None]
    ill = healthy.clone()
    ill[..., 6:9, 10:13, 7:11] = 1.0
    lesion = ill != healthy
    shown, looks = [], torch.randn(2, *ill.shape[2:])

    def heal(volume, guess):
        shown.append((volume.clone(), guess))
        return torch.where(lesion[0], healthy[0], volume), looks

    found = searched(network, ill, heal=heal)
    assert torch.equal(found[:, :1], searched(network, healthy))
    assert not torch.equal(found[:, :1], searched(network, ill))
    assert torch.equal(found[0, 1:], looks)
    (volume, guess) = shown[0]
    assert torch.equal(volume, ill[0])
    assert torch.equal(guess, searched(network, ill, mode="encoder")[0])


def test_progress_counts_windows_up_to_all_of_them():
    calls = []
    volume = volume_with_a_ball()[None, None]
    network = Identity(16, 16)
    guessed(volume, network, batch_size=4, progress=lambda *c: calls.append(c))
    assert [done for done, _ in calls] == sorted({done for done, _ in calls})
    total = sum(network.seen.counts)
    assert calls[-1] == (total, total)


def test_batches_are_as_few_and_as_equal_as_can_be():
    network = Identity(16, 16)
    guessed(volume_with_a_ball()[None, None], network, batch_size=10)
    counts = network.seen.counts
    assert len(counts) == math.ceil(sum(counts) / 10)
    assert max(counts) - min(counts) <= 1


def test_sums_kept_on_disk_give_the_same_volume_and_leave_no_file(tmp_path):
    volume = volume_with_a_ball()[None, None]
    in_memory = guessed(volume, Identity(16, 16))
    assert torch.equal(guessed(volume, Identity(16, 16), spill=tmp_path), in_memory)
    assert not list(tmp_path.iterdir())


def test_a_volume_is_stitched_in_less_memory_than_it_takes(tmp_path, run_python):
    """800 MiB of sums on disk in a process that may not hold 600 MiB more than torch itself."""
    code = """
import resource, sys, torch
from monai_anogan.inferers import Stitcher
used = int(open("/proc/self/statm").read().split()[5]) * resource.getpagesize()  # data segment
resource.setrlimit(resource.RLIMIT_DATA, (used + 600 * 2**20,) * 2)
stitcher = Stitcher((512, 512, 400), (64, 64, 64), 1, -1.0, spill=sys.argv[1])
where = (slice(100, 164), slice(200, 264), slice(300, 364))
stitcher.add(where, torch.ones(1, 64, 64, 64))
result = stitcher.result()
assert result[0, 130, 230, 330] == 1 and result[0, 0, 0, 0] == -1
"""
    run_python(["-c", code, tmp_path])


def test_the_network_comes_back_as_it_went_in():
    network = FAnoGAN(2, 16, 4, width=8).train()
    network.encoder.eval()
    network.discriminator.requires_grad_(False)
    searched(network, volume_with_a_ball()[None, None], steps=1)
    assert network.generator.training
    assert not network.encoder.training
    assert all(p.requires_grad for p in network.generator.parameters())
    assert not any(p.requires_grad for p in network.discriminator.parameters())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mode": "guess"}, "mode must be"),
        ({"start": "middle"}, "start must be one of"),
    ],
)
def test_settings_that_do_not_exist_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        LatentSearchInferer((8, 8), **settings)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("spilled", [False, True])
def test_on_cuda_a_volume_comes_out_as_on_the_cpu(spilled, tmp_path):
    torch.manual_seed(0)
    network, volume = FAnoGAN(2, 16, 4, width=8), volume_with_a_ball()[None, None]
    settings = {"mode": "encoder", "precision": "float32"}
    expected = searched(network, volume, **settings)
    spill = tmp_path if spilled else None
    found = searched(network.cuda(), volume.cuda(), spill=spill, **settings)
    assert found.is_cuda
    torch.testing.assert_close(found.cpu(), expected, atol=2e-3, rtol=0)  # convolutions in TF32


def test_a_single_volume_without_a_batch_is_refused():
    with pytest.raises(ValueError, match="inputs must be"):
        LatentSearchInferer((8, 8))(torch.zeros(1, 8, 8, 8), Identity(8, 8))
