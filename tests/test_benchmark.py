"""The benchmark: what it counts is right, and what it writes is what it measured."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from monai_anogan.benchmark import Brain, run_benchmark, write_benchmark
from monai_anogan.benchmark.contenders import (
    EagerSystem,
    contenders,
    flops_of_a_step,
    paper_search,
)
from monai_anogan.benchmark.growth import peak_memory
from monai_anogan.errors import AnoganError
from monai_anogan.pipeline import Pipeline
from monai_anogan.systems import FAnoGAN, FrozenSystem

SMALL = {"patch_size": 16, "latent_size": 8, "overlap": 0.0}


@pytest.fixture(scope="module")
def brain(head_cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Brain:
    torch.manual_seed(0)
    checkpoint = tmp_path_factory.mktemp("small") / "model.pt"
    torch.save(FAnoGAN(2, 16, 8, width=32).state_dict(), checkpoint)
    pipeline = Pipeline(settings=SMALL | {"checkpoint": str(checkpoint)})
    return Brain(pipeline, {"image": str(head_cohort / "head0.nii.gz")})


@pytest.fixture(scope="module")
def record(brain: Brain) -> dict[str, Any]:
    return run_benchmark(brain, repeats=1)


def test_the_textbook_and_the_batch_walk_the_same_way(brain: Brain) -> None:
    """Batching and freezing change what a step costs, not where it leads."""
    textbook, batched, *_ = contenders(brain.system, brain.pipeline["searches"]["fast"])
    some = brain.patches[:3]
    one_by_one, together = textbook.search(some, 8), batched.search(some, 8)
    assert one_by_one.shape == (9, 3)
    torch.testing.assert_close(one_by_one, together, rtol=1e-3, atol=1e-2)
    assert (together[-1] < together[0]).all()


def test_ours_in_float32_walks_the_same_way_too(brain: Brain) -> None:
    eager, ours = EagerSystem(brain.system), FrozenSystem(brain.system, "float32")
    some = brain.patches[:3]
    torch.testing.assert_close(
        paper_search(ours)(some, 8), paper_search(eager)(some, 8), rtol=1e-3, atol=1e-2
    )


def test_operations_are_counted_as_by_hand() -> None:
    """Patch 8: one halving. G: Z x 16F products, then 16F kernels of 16; forward and back."""
    system = FAnoGAN(2, 8, 4, width=8, discriminator_norm=None)
    generator = 2 * (4 * 8 * 16) + 2 * (4 * 4 * 8 * 16)
    discriminator = 2 * (4 * 4 * 8 * 16)
    step = 2 * (generator + discriminator)
    assert flops_of_a_step(system, torch.zeros(1, 1, 8, 8)) == step  # f(x) is no part of it


def test_every_row_is_there_and_consistent(record: dict[str, Any], brain: Brain) -> None:
    names = [row["name"] for row in record["searches"]]
    assert names == ["textbook", "batched eager", "fast steps, 500 of them", "ours"]
    reference = record["searches"][1]
    assert reference["share_reaching_reference"] == 1.0
    assert record["windows"] == len(brain.windows)
    for row in record["searches"]:
        assert row["seconds_a_patch"] == row["ms_a_patch_step"] * row["steps"] / 1e3
        assert row["gflops"] > 0
    windows = [row["windows"] for row in record["growth"]]
    assert windows == sorted(windows)
    assert windows[-1] == len(brain.windows)


def test_json_tables_and_picture_hold_what_was_measured(
    record: dict[str, Any], tmp_path: Path
) -> None:
    numbers, tables, picture = write_benchmark(tmp_path, record)
    assert json.loads(numbers.read_text())["searches"] == record["searches"]
    text = tables.read_text()
    for row in record["searches"]:
        assert f"| {row['name']} | {row['batch']} |" in text
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_peak_memory_is_what_was_held_inside() -> None:
    with peak_memory() as memory:
        held = torch.ones(64 * 2**18)  # 64 MiB, touched
        assert held.sum() > 0
        time.sleep(0.05)
    assert 60 < memory["mib"] < 120


def test_a_scan_with_too_few_windows_is_refused(head_cohort: Path) -> None:
    pipeline = Pipeline(settings={"overlap": 0.0})
    pipeline.inferer.window = [64, 64, 90]  # one slab, so a handful of windows
    with pytest.raises(AnoganError, match="64 windows or more, got"):
        Brain(pipeline, {"image": str(head_cohort / "head0.nii.gz")})
