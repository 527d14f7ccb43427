"""The comparisons on brains, in small: the same table from the same seed, maps that are kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from small_brains import write_brains

from monai_anogan.compare import (
    BrainData,
    Budget,
    Comparison,
    brain_study,
    compare_volumes,
    open_folder,
    overlay_named,
    run_comparison,
    write_comparison,
)
from monai_anogan.errors import InputError

BUDGET = Budget(iterations=2, batch_size=4, width=8, latent_size=8, search_steps=1)


@pytest.fixture(scope="module")
def brains(tmp_path_factory: pytest.TempPathFactory) -> BrainData:
    return write_brains(tmp_path_factory.mktemp("brains"))


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar that nobody looks at."""
    yield lambda done, total: None


def comparison(brains: BrainData, *, volumes: bool = False, **given) -> Comparison:
    return Comparison(
        study=brain_study(brains, volumes=volumes),
        overlays=[overlay_named("ganomaly")],
        source=overlay_named("anogan"),
        budget=BUDGET,
        **given,
    )


@pytest.fixture(scope="module")
def done(brains: BrainData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compared(brains, tmp_path_factory.mktemp("done") / "out")


def compared(brains: BrainData, out: Path) -> Path:
    asked = comparison(brains)
    with open_folder(out, asked):
        write_comparison(out, asked, run_comparison(out, asked, bar=bar, say=print))
    return out


def test_same_seed_gives_the_same_table(brains: BrainData, done: Path, tmp_path: Path) -> None:
    again = compared(brains, tmp_path / "again")
    assert (again / "results.json").read_bytes() == (done / "results.json").read_bytes()


def test_both_levels_are_judged_and_a_dark_lesion_is_dark(done: Path) -> None:
    records = json.loads((done / "results.json").read_text())
    assert {r["level"] for r in records} == {"patch", "image"}
    dark = [r for r in records if (r["contender"], r["score"]) == ("intensity", "dark")]
    assert [r["ranking"]["auroc"] for r in dark] == [1.0, 1.0]
    assert [r["chosen_on_test"]["f1"] for r in dark] == [1.0, 1.0]


def test_volumes_take_weights_keep_maps_and_know_a_dark_lesion(
    brains: BrainData, done: Path, tmp_path: Path
) -> None:
    out = tmp_path / "volumes"
    asked = comparison(brains, volumes=True, shelves=(done / "runs",))
    with open_folder(out, asked):
        compare_volumes(out, asked, brains, bar=bar, say=print)
    runs = out / "runs" / "volumes"
    assert json.loads((runs / "ganomaly" / "shared.json").read_text())["from"] == "ganomaly"
    kept = {path: path.stat().st_mtime_ns for path in runs.glob("*/case.npz")}
    compare_volumes(out, asked, brains, bar=bar, say=print)
    assert kept == {path: path.stat().st_mtime_ns for path in runs.glob("*/case.npz")}
    found = json.loads((out / "metrics.json").read_text())["results"]
    assert found["intensity alone"]["infarct"]["voxel_auroc"] > 0.9
    assert found["GANomaly"]["infarct"]["cases"] == 1
    text = (out / "report.md").read_text("utf-8")
    assert "1 healthy, 1 infarct" in text
    assert (out / "figures" / "maps_infarct.png").is_file()


def test_two_processes_do_not_compare_in_one_folder(brains: BrainData, tmp_path: Path) -> None:
    asked = comparison(brains)
    with (  # a lock is of one opening of the folder: the second is as another process's
        open_folder(tmp_path / "out", asked),
        pytest.raises(InputError, match="one process's at a time"),
        open_folder(tmp_path / "out", asked),
    ):
        pass
    with open_folder(tmp_path / "out", asked):
        pass  # free again
