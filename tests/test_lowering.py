"""Frozen networks run another way and mean the same."""

import pytest
import torch
from torch import nn

from monai_anogan.networks import Discriminator, Encoder, Generator, lowered, resolve_precision
from monai_anogan.networks.subpixel import ShuffledConvTranspose, UnshuffledConv
from monai_anogan.systems import FAnoGAN, FrozenSystem


def lived_in(network):
    """BatchNorm as after a training: no mean 0, no variance 1."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
    return network.eval()


@pytest.fixture(params=[2, 3])
def system(request):
    torch.manual_seed(0)
    return lived_in(FAnoGAN(request.param, 16, 4, width=8))


def patches_for(system, count=3):
    rng = torch.Generator().manual_seed(1)
    return torch.rand(count, 1, *[16] * system.spatial_dims, generator=rng) * 2 - 1


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("bias", [True, False])
def test_layers_next_to_the_image_are_the_same_sums_rearranged(dims, bias):
    torch.manual_seed(0)
    conv = {2: nn.Conv2d, 3: nn.Conv3d}[dims](2, 5, 4, stride=2, padding=1, bias=bias).double()
    back = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}[dims](
        5, 2, 4, stride=2, padding=1, bias=bias
    ).double()
    image = torch.randn(2, 2, *(6, 8, 10)[:dims], dtype=torch.double)
    small = conv(image)
    torch.testing.assert_close(UnshuffledConv(conv)(image), small)
    torch.testing.assert_close(ShuffledConvTranspose(back)(small), back(small))


def test_in_float32_a_lowered_system_computes_what_the_system_does(system):
    patches, z = patches_for(system), torch.randn(3, 4)
    frozen = FrozenSystem(system, "float32")
    close = {"atol": 2e-5, "rtol": 1e-4}
    torch.testing.assert_close(frozen.generate(z), system.generator(z), **close)
    torch.testing.assert_close(frozen.encode(patches), system.encoder(patches), **close)
    torch.testing.assert_close(
        frozen.features(patches), system.discriminator.features(patches), **close
    )


def test_in_bfloat16_it_stays_within_the_digits_of_the_format(system):
    z = torch.randn(3, 4)
    exact, near = system.generator(z), FrozenSystem(system, "bfloat16").generate(z)
    assert near.dtype == torch.float32
    assert 0 < (exact - near).abs().max() < 0.06
    assert (exact - near).abs().mean() < 0.01


def test_the_original_is_left_as_it_was(system):
    system.train()
    before = {name: value.clone() for name, value in system.state_dict().items()}
    frozen = FrozenSystem(system, "bfloat16")
    frozen.generate(torch.randn(2, 4))
    frozen.encode(patches_for(system))
    assert all(torch.equal(before[name], value) for name, value in system.state_dict().items())
    assert all(module.training for module in system.modules())
    assert all(parameter.requires_grad for parameter in system.parameters())


def test_no_batch_norm_is_left_behind_a_convolution(system):
    folded = lowered(system.encoder, torch.float32)
    assert not any(isinstance(m, nn.BatchNorm2d | nn.BatchNorm3d) for m in folded.modules())


@pytest.mark.parametrize("network", [Generator(2, 16, 4), Discriminator(2, 16), Encoder(3, 16, 4)])
def test_a_lowered_network_learns_nothing(network):
    assert not any(
        parameter.requires_grad for parameter in lowered(network, torch.float32).parameters()
    )


def test_a_precision_without_a_meaning_is_refused():
    with pytest.raises(ValueError, match="precision must be one of"):
        resolve_precision("half", torch.device("cpu"))
