"""The walk through latent space goes from end to end, on the sphere, and is drawn as it is."""

import matplotlib.image
import numpy as np
import pytest
import torch

from monai_anogan.reports import latent_walk, save_latent_walk
from monai_anogan.systems import AnoGAN


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_a_walk_joins_two_latents_of_the_prior_in_even_steps_at_their_distance(spatial_dims):
    torch.manual_seed(0)
    system = AnoGAN(spatial_dims, 8, 64, width=8).train()
    latents, patches = latent_walk(system, walks=3, steps=5, seed=4)
    rng = torch.Generator().manual_seed(4)
    first, last = (system.sample_latents(3, rng) for _ in range(2))
    torch.testing.assert_close(latents[:, 0], first)
    torch.testing.assert_close(latents[:, -1], last)
    lengths = latents.norm(dim=2)  # of a Gaussian of 64 dimensions: about 8, all along the way
    assert (lengths > 0.9 * lengths[:, [0, -1]].min(1, keepdim=True).values).all()
    along = torch.nn.functional.cosine_similarity(latents[:, 1:], latents[:, :-1], dim=2)
    assert (along > 0.8).all()
    assert system.training
    with torch.no_grad():
        made = system.eval().generator(latents[1])
    torch.testing.assert_close(patches[1], made)


@pytest.mark.parametrize("anatomical", [True, False])
def test_the_picture_holds_the_patches_row_by_row(tmp_path, anatomical):
    system = AnoGAN(2, 8, 4, width=8)
    save_latent_walk(tmp_path / "walk.png", system, anatomical=anatomical, walks=2, steps=3, seed=1)
    picture = matplotlib.image.imread(tmp_path / "walk.png")[..., 0]
    assert picture.shape == (2 * 8, 3 * 8)
    _, patches = latent_walk(system, walks=2, steps=3, seed=1)
    patch = patches[1, 2, 0].numpy()
    shown = np.flipud(patch.T) if anatomical else patch
    np.testing.assert_allclose(picture[8:, 16:], (shown + 1) / 2, atol=1 / 127)  # 8 bits


def test_a_walk_of_one_step_is_refused():
    with pytest.raises(ValueError, match=r"steps must be 2 or more, .* got 1"):
        latent_walk(AnoGAN(2, 8, 4, width=8), steps=1)
