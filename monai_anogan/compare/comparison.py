"""Any set of systems, and always the yardsticks, over the tasks of a study.

Each run is in OUT/runs/TASK/CONTENDER. What is complete is read, what was interrupted goes on, and
what fails is told in the report and tried again next time; the others do not suffer from it.
"""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from monai_anogan import __version__
from monai_anogan.compare.contender import Budget, Contender
from monai_anogan.compare.patch_memory import PatchMemory
from monai_anogan.compare.pictured import pictured
from monai_anogan.compare.run import Bar, Run, RunPlan, read_run, run_contender
from monai_anogan.compare.system_contender import SystemContender
from monai_anogan.compare.task import Study, Task
from monai_anogan.compare.yardsticks import Intensity, MeanImage, PcaReconstruction
from monai_anogan.engines.whole_file import write_json
from monai_anogan.errors import InputError
from monai_anogan.outputs import lock_folder

__all__ = ["Comparison", "Outcome", "contenders", "open_folder", "run_comparison"]

Say = Callable[[str], None]


@dataclass(frozen=True)
class Comparison:
    """What is compared, and with which means."""

    study: Study
    overlays: Sequence[Path]  # of the systems
    source: Path  # overlay of the system whose D the patch memory looks through
    budget: Budget
    seed: int = 0
    shelves: tuple[Path, ...] = ()  # runs of earlier comparisons, whose weights may serve


@dataclass(frozen=True)
class Outcome:
    """What came of a task."""

    task: Task
    runs: dict[str, Run]  # by contender, in the order of the table
    failures: dict[str, str]  # by contender, in a line


def contenders(comparison: Comparison) -> list[Contender]:
    """The yardsticks, then the systems, all fresh."""

    def system(overlay: Path) -> SystemContender:
        return SystemContender(
            overlay,
            comparison.budget,
            patch_size=comparison.study.patch_size,
            shelves=comparison.shelves,
        )

    systems = [system(overlay) for overlay in comparison.overlays]
    memory = PatchMemory(system(comparison.source))
    simple: list[Contender] = [
        Intensity(),
        MeanImage(),
        PcaReconstruction(comparison.budget.latent_size),
    ]
    return [*simple, *systems, memory]


@contextmanager
def open_folder(out: Path, comparison: Comparison) -> Iterator[None]:
    """Write what is compared into OUT, or hold it against what is there; a block works there alone.

    Raises:
        InputError: OUT holds another comparison, or another process works in it.
    """
    _begin(out, comparison)
    lock = lock_folder(out)
    try:
        yield
    finally:
        os.close(lock)


def _begin(out: Path, comparison: Comparison) -> None:
    record = {
        "study": comparison.study.name,
        "about": comparison.study.about,
        "budget": comparison.budget.as_dict(),
        "seed": comparison.seed,
    }
    path = out / "comparison.json"
    if path.is_file():
        was = json.loads(path.read_text())
        changed = [key for key in record if was.get(key) != record[key]]
        if changed:
            raise InputError(
                f"{out} must be gone on with as it was begun, got another {', '.join(changed)}; "
                "give another folder"
            )
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} must be a comparison's folder or a new one, got something else")
    out.mkdir(parents=True, exist_ok=True)
    write_json(path, record | {"version": __version__})


def run_comparison(out: Path, comparison: Comparison, *, bar: Bar, say: Say) -> list[Outcome]:
    """Bring every run to its end.

    Args:
        out: the folder of `open_folder`.
        comparison: what is compared.
        bar: makes a progress bar for a step of a run.
        say: told of every run that is done, in a line.

    Returns:
        One outcome a task.
    """
    outcomes = []
    for name in comparison.study.tasks:
        task = comparison.study.make(name)
        plan = RunPlan(comparison.budget, comparison.seed, pictured(task.test), bar)
        runs, failures = {}, {}
        for contender in contenders(comparison):
            directory = out / "runs" / name.replace(" ", "_") / contender.name
            done = _attempt(contender, task, directory, plan)
            if isinstance(done, Run):
                runs[contender.name] = done
            else:
                failures[contender.name] = done
            told = "done" if isinstance(done, Run) else f"FAILED: {done}"
            say(f"{name}: {contender.title} {told}")
        outcomes.append(Outcome(task, runs, failures))
    return outcomes


def _attempt(contender: Contender, task: Task, directory: Path, plan: RunPlan) -> Run | str:
    """The run, or in a line why there is none."""
    try:
        run_contender(contender, task, directory, plan)
    except InputError:
        raise  # the user's to mend, and the same for all
    except Exception as error:  # whatever one system fails with, the others go on
        with (directory / "log.txt").open("a", encoding="utf-8") as file:
            traceback.print_exc(file=file)
        return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
    done = read_run(directory)
    assert done is not None
    return done
