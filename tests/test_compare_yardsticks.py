"""The yardsticks of a comparison against what they must say of patches that were made for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from monai_anogan.compare import Budget
from monai_anogan.compare.overlays import overlay_named
from monai_anogan.compare.patch_memory import PatchMemory, farthest
from monai_anogan.compare.system_contender import SystemContender
from monai_anogan.compare.yardsticks import Intensity, MeanImage, PcaReconstruction


def silent(done: int, total: int) -> None:
    """Nobody looks."""


def judge(contender, train: torch.Tensor, patches: torch.Tensor, folder: Path):
    contender.fit(train, seed=0, directory=folder, progress=silent)
    return contender.judge(patches, seed=0, progress=silent)


def test_mean_image_scores_the_distance_from_the_mean(tmp_path: Path) -> None:
    train = torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 1, 8, 8)
    patches = torch.stack([torch.full((1, 8, 8), v) for v in (0.0, 0.5, -1.0)])
    said = judge(MeanImage(), train.contiguous(), patches, tmp_path)
    assert said.scores["R"].tolist() == pytest.approx([0, 32, 64])
    assert said.maps is not None
    assert said.maps[1].unique().tolist() == [0.5]


def test_pca_rebuilds_what_training_spans_and_nothing_else(tmp_path: Path) -> None:
    rng = torch.Generator().manual_seed(0)
    basis = torch.zeros(3, 1, 8, 8)
    for index in range(3):
        basis[index, 0, index] = 1.0
    shares = torch.rand(200, 3, generator=rng)
    train = (torch.einsum("nk,kchw->nchw", shares, basis) * 255).round().to(torch.uint8)
    inside = train[:5].float() / 127.5 - 1
    outside = inside.clone()
    outside[:, 0, 7, 0] += 1.0
    said = judge(PcaReconstruction(3), train, torch.cat([inside, outside]), tmp_path)
    assert said.scores["R"][:5].max() < 1e-2
    assert said.scores["R"][5:].tolist() == pytest.approx([1.0] * 5, abs=2e-2)


def test_intensity_finds_the_dark_and_the_bright_in_the_foreground(tmp_path: Path) -> None:
    train = torch.full((4, 1, 32, 32), 128, dtype=torch.uint8)
    plain = torch.zeros(1, 32, 32)
    dark, bright, background = plain.clone(), plain.clone(), plain.clone()
    dark[:, 8:20, 8:20], bright[:, 8:20, 8:20], background[:, :, :16] = -0.9, 0.9, -1.0
    patches = torch.stack([plain, dark, bright, background])
    scores = judge(Intensity(), train, patches, tmp_path).scores
    assert scores["dark"].argmax() == 1
    assert scores["dark"][1] == pytest.approx(0.95, abs=1e-3)
    assert scores["bright"].argmax() == 2
    assert scores["dark"][3] <= scores["dark"][0]  # the background is not dark tissue


def test_farthest_points_leave_none_far_away() -> None:
    clusters = torch.tensor([[0.0, 0], [10, 0], [0, 10], [10, 10]])
    rng = torch.Generator().manual_seed(1)
    points = clusters.repeat(50, 1) + 0.1 * torch.rand(200, 2, generator=rng)
    kept = farthest(points, 4, rng)
    assert torch.cdist(points, kept).amin(1).max() < 0.2
    assert torch.equal(farthest(points, 500, rng), points)


def test_memory_knows_what_it_has_seen(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    train = torch.from_numpy(rng.integers(100, 156, (16, 1, 32, 32)).astype(np.uint8))
    source = SystemContender(overlay_named("anogan"), Budget(2, 8, 8, 8, 1), patch_size=32)
    seen, strange = train.float() / 127.5 - 1, torch.ones(4, 1, 32, 32)
    memory = PatchMemory(source, size=100_000)
    said = judge(memory, train, torch.cat([seen, strange]), tmp_path)
    scores = said.scores["farthest place"]
    assert scores[:16].max() < 1e-2
    assert scores[16:].min() > 10 * scores[:16].max()
    assert said.maps is not None
    assert said.maps.shape == (20, 1, 32, 32)
