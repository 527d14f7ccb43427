"""Networks: one class for 2D and 3D, paper's shapes, and refusal of what cannot be built."""

import pytest
import torch

from monai_anogan.networks import Discriminator, Encoder, Generator
from monai_anogan.systems import FAnoGAN


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("patch_size", [16, 32])
def test_a_latent_becomes_a_patch_in_range_and_back(spatial_dims, patch_size):
    shape = (3, 2, *[patch_size] * spatial_dims)
    patch = Generator(spatial_dims, patch_size, 5, channels=2, width=4)(torch.randn(3, 5) * 50)
    assert patch.shape == shape
    assert patch.abs().max() <= 1
    assert Encoder(spatial_dims, patch_size, 5, channels=2, width=4)(patch).shape == (3, 5)
    judge = Discriminator(
        spatial_dims, patch_size, channels=2, width=4, norm=("group", {"num_groups": 2})
    )
    assert judge(patch).shape == (3,)


def test_dcgan_of_the_paper_halves_to_four_voxels_and_doubles_its_width():
    strided = [stage[0] for stage in Discriminator(2, 64, width=64).stages]
    assert [layer.out_channels for layer in strided] == [64, 128, 256, 512]
    assert {layer.kernel_size for layer in strided} == {(4, 4)}


def test_the_tap_is_the_very_activation_the_logit_is_computed_from():
    torch.manual_seed(0)
    judge = Discriminator(2, 32, width=8).eval()
    patches = torch.rand(4, 1, 32, 32)
    torch.testing.assert_close(
        judge.judge(judge.features(patches).flatten(1))[:, 0], judge(patches)
    )
    first = Discriminator(2, 32, width=8, tap=0)
    assert first.features(patches).shape == (4, 8, 16, 16)


@pytest.mark.parametrize(("spatial_dims", "latent_size"), [(2, 128), (3, 1024)])
def test_a_latent_grid_describes_each_neighbourhood_by_its_own_numbers(spatial_dims, latent_size):
    torch.manual_seed(0)
    system = FAnoGAN(spatial_dims, 32, latent_size, width=8, grid=8, depth=2).eval()
    patches = torch.rand(2, 1, *[32] * spatial_dims) * 2 - 1
    assert system(patches).shape == patches.shape
    z = torch.zeros(2, latent_size)
    grid = z.view(2, 2, *[8] * spatial_dims)
    grid[(1, slice(None), *[0] * spatial_dims)] = 3.0  # one corner of the second patch
    with torch.no_grad():
        moved = system.generator(z)[1] - system.generator(z)[0]
    assert moved[(0, *[slice(8)] * spatial_dims)].abs().max() > 1e-4
    assert not moved[..., 16:].any()


def test_a_latent_grid_whose_numbers_do_not_come_out_even_is_refused():
    with pytest.raises(ValueError, match=r"latent_size must be a multiple of 16, .* got 40"):
        Generator(2, 32, 40, grid=4)
    with pytest.raises(ValueError, match=r"patch_size must be 16, 32, 64, 128, .* got 8"):
        Encoder(2, 8, 64, grid=8)


def test_a_system_whose_networks_differ_in_width():
    system = FAnoGAN(2, 32, 16, width=8, generator_width=12)
    assert system.generator.grow[-2].in_channels == 12
    assert system.encoder.stages[0][0].out_channels == 8


@pytest.mark.parametrize("patch_size", [4, 20, 63])
def test_a_patch_that_cannot_be_halved_is_refused(patch_size):
    with pytest.raises(ValueError, match=f"patch_size must be 8, 16, 32, .* got {patch_size}"):
        Generator(2, patch_size)


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_whitening_makes_latents_standard_and_leaves_reconstructions_alone(spatial_dims):
    torch.manual_seed(0)
    system = FAnoGAN(spatial_dims, 16, 6, width=8).eval()
    patches = torch.rand(64, 1, *[16] * spatial_dims) * 2 - 1
    with torch.no_grad():
        for weight in (system.encoder.project.weight, system.generator.project.weight):
            weight.mul_(20)  # latents far from white, a generator that depends on them
        before, latents = system(patches), system.encoder(patches)
        system.whiten(latents)
        after, white = system(patches), system.encoder(patches)
    assert (before[0] - before[1]).abs().max() > 1e-3
    torch.testing.assert_close(after, before, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(white.mean(0), torch.zeros(6), atol=1e-3, rtol=0)
    torch.testing.assert_close(torch.cov(white.T), torch.eye(6), atol=0.02, rtol=0)


def test_whitening_from_too_few_latents_is_refused():
    with pytest.raises(ValueError, match="needs 12 latents or more, got 3"):
        FAnoGAN(2, 16, 6, width=8).whiten(torch.randn(3, 6))
