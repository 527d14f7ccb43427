"""The benchmark: what it counts is right, and what it writes is what it measured."""

from __future__ import annotations

import json
import mmap
from pathlib import Path
from typing import Any

import pytest
import torch

from monai_anogan.benchmark import (
    Brain,
    ablation_rows,
    run_benchmark,
    write_ablation,
    write_benchmark,
)
from monai_anogan.benchmark.ablation import exit_row
from monai_anogan.benchmark.command import command_row
from monai_anogan.benchmark.contenders import (
    EagerSystem,
    contenders,
    flops_of_a_step,
    paper_search,
)
from monai_anogan.benchmark.goals import goal_rows
from monai_anogan.benchmark.lbfgs import lbfgs_losses
from monai_anogan.benchmark.memory import peak_memory
from monai_anogan.errors import AnoganError
from monai_anogan.pipeline import Pipeline
from monai_anogan.systems import FAnoGAN, FrozenSystem

pytestmark = pytest.mark.slow  # search and training are timed

NETWORK = {"patch_size": 16, "latent_size": 32, "width": 16, "grid": 4, "generator_width": 16}
RESIDUAL = Path(__file__).parents[1] / "configs" / "residual_map.yaml"
SMALL = NETWORK | {"depth": 1, "overlap": 0.0}


@pytest.fixture(scope="module")
def brain(head_cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Brain:
    torch.manual_seed(0)
    checkpoint = tmp_path_factory.mktemp("small") / "model.pt"
    torch.save(FAnoGAN(2, **NETWORK, depth=1).state_dict(), checkpoint)
    own = SMALL | {"checkpoint": str(checkpoint)}
    pipeline = Pipeline(overlays=[RESIDUAL], settings=own)  # no comparison knows this model
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
    assert names == [
        "textbook",
        "batched eager",
        "fast steps, 500 of them",
        "ours",
        "ours, 25 steps",
    ]
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
    with mmap.mmap(-1, 64 * 2**20) as untouched, peak_memory() as memory:
        for page in range(0, len(untouched), mmap.PAGESIZE):
            untouched[page] = 1
    assert 60 < memory["mib"] < 120


def test_a_scan_with_too_few_windows_is_refused(head_cohort: Path) -> None:
    pipeline = Pipeline(overlays=[RESIDUAL], settings={"overlap": 0.0})
    pipeline.inferer.window = [64, 64, 90]  # one slab, so a handful of windows
    with pytest.raises(AnoganError, match="64 windows or more, got"):
        Brain(pipeline, {"image": str(head_cohort / "head0.nii.gz")})


def test_goals_are_judged_by_what_was_measured(record: dict[str, Any]) -> None:
    rows = {row["what"]: row for row in goal_rows(record)}
    what = "median steps to the objective of 500 Adam steps from the prior, rate 0.1"
    told = {25: ("25", True), 26: ("26", False), None: ("more than 25", False)}
    for steps, expected in told.items():
        searches = [row | {"median_steps_to_reference": steps} for row in record["searches"]]
        judged = {row["what"]: row for row in goal_rows(record | {"searches": searches})}
        assert (judged[what]["measured"], judged[what]["reached"]) == expected
    assert rows["peak memory of that process"]["measured"] is None  # no --detect in this run
    slow = [row | {"ms_an_iteration": 1.0} for row in record["training"]]
    fast = [row | {"ms_an_iteration": 0.1 if row["name"] == "ours" else 1.0} for row in slow]
    what = "training step, ours against plain eager float32"
    for rows_of_training, measured, reached in ((slow, "1.00x", False), (fast, "10.00x", True)):
        judged = {row["what"]: row for row in goal_rows(record | {"training": rows_of_training})}
        assert (judged[what]["measured"], judged[what]["reached"]) == (measured, reached)


def test_the_command_is_timed_from_its_start_to_its_last_file(head_cohort: Path) -> None:
    row = command_row(head_cohort / "head0.nii.gz", Pipeline().root, "encoder", 1)
    assert {"anomaly_map.nii.gz", "summary.json"} <= set(row["files"])
    assert row["seconds"] > sum(row["stages"].values())
    assert row["peak_mib"] > 200  # torch alone takes that


def test_a_command_that_fails_is_told_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(AnoganError, match=r"must go through .*nothing.*got: error: "):
        command_row(tmp_path / "nothing", Pipeline().root, "encoder", 1)


def test_lbfgs_finds_the_floor_of_a_valley_that_is_long_and_narrow() -> None:
    stretch = torch.tensor([100.0, 10.0, 1.0])
    met = lbfgs_losses(
        lambda z: ((z - 1) * stretch).square().sum(1), torch.zeros(2, 3), steps=40, first=0.1
    )
    assert met.shape == (41, 2)
    assert met.cummin(0).values[-1].max() < 1e-3 * met[0].min()


def test_a_patch_that_gains_no_more_leaves_and_the_others_go_on() -> None:
    met = torch.tensor([[8.0, 8.0], [4.0, 4.0], [4.0, 2.0], [4.0, 1.0], [4.0, 0.5], [3.0, 0.2]])
    whole = {"name": "ours", "seconds_a_patch": 1.0}
    row = exit_row(torch.tensor([9.0, 9.0]), met, whole, 0.01)
    assert row["steps"] == (4 + 5) / 2
    assert row["mean_objective"] == pytest.approx((4.0 + 0.2) / 2)
    assert row["seconds_a_patch"] == pytest.approx(4.5 / 5)


def test_the_ablation_measures_every_trial_on_the_same_windows(
    brain: Brain, tmp_path: Path
) -> None:
    rows = ablation_rows([brain, brain], say=lambda _: None)
    paper, ours = rows[0], next(row for row in rows if row["name"] == "ours, 8 steps")
    assert paper["share_reaching_reference"] == 1.0
    assert paper["steps"] == 500
    assert ours["steps"] == 8
    assert len({row["name"] for row in rows}) == len(rows)
    _, table = write_ablation(tmp_path, rows)
    assert all(f"| {row['name']} |" in table.read_text() for row in rows)


def test_neighbours_are_the_same_place_one_slice_on(brain: Brain) -> None:
    axis = brain.pipeline["slice_axis"]
    index = next(
        i for i, w in enumerate(brain.chosen) if w[axis].stop < brain.volume.shape[1 + axis]
    )
    rows, columns, depth = brain.chosen[index]
    expected = brain.volume[:, rows, columns, depth.start + 1]
    assert torch.equal(brain.neighbours()[index], expected)
