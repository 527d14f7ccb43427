"""One contender on one task, in a directory of its own: what is done stays done.

config.json   contender, settings, budget, seed, data: a run never goes on with others
log.txt       what happened when
weights.*     what was learned
val.npz, test.npz   scores, and of some test patches what the contender makes of them
seconds.json  time spent on each step
result.json   written last: the run is complete
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from monai_anogan.compare.contender import Budget, Contender, Judgement, Progress
from monai_anogan.compare.task import Patches, Task
from monai_anogan.engines.whole_file import write_bytes, write_json
from monai_anogan.errors import InputError, TrainingError
from monai_anogan.transforms import BACKGROUND

__all__ = ["Bar", "Run", "RunPlan", "read_run", "run_contender"]

Bar = Callable[[str], AbstractContextManager[Progress]]
EMBEDDED = 500  # test patches whose embedding is kept
QUANTILE = 0.99  # of a map on normal `val` patches: where a picture of it is cut in two


@dataclass(frozen=True)
class RunPlan:
    """What all runs of a comparison share."""

    budget: Budget
    seed: int
    pictured: list[int]  # test patches whose reconstruction and map are kept
    bar: Bar = field(repr=False)  # a progress bar for a step


@dataclass(frozen=True)
class Run:
    """A complete run, as the report reads it."""

    name: str
    title: str
    val: dict[str, NDArray[np.float64]]  # score -> (N,), the main one first
    test: dict[str, NDArray[np.float64]]
    extra: dict[str, NDArray[Any]]  # of test.npz: embedding, sample, reconstruction, maps, ...
    parameters: int
    seconds: dict[str, float]
    notes: list[str]


def run_contender(contender: Contender, task: Task, directory: Path, plan: RunPlan) -> None:
    """Bring a run to its end, from wherever it was left.

    Raises:
        InputError: The directory holds a run with another config.
        TrainingError: A score is not finite.
    """
    resumed = not _begin(contender, task, directory, plan)
    if (directory / "result.json").is_file():
        return
    with _timed(directory, "training"), plan.bar(f"{contender.name}: learning") as report:
        contender.fit(task.train, seed=plan.seed, directory=directory, progress=report)
    for name, patches in (("val", task.val), ("test", task.test)):
        if not (directory / f"{name}.npz").is_file():
            with _timed(directory, name), plan.bar(f"{contender.name}: judging {name}") as report:
                judged = contender.judge(patches.patches, seed=plan.seed, progress=report)
            _keep(directory, name, judged, patches, plan)
            _log(directory, f"{name} judged")
    result = {"parameters": contender.parameters, "resumed": resumed}
    write_json(directory / "result.json", result)
    _log(directory, "complete")


def read_run(directory: Path) -> Run | None:
    """A run, if it is complete."""
    if not (directory / "result.json").is_file():
        return None
    config = json.loads((directory / "config.json").read_text())
    result = json.loads((directory / "result.json").read_text())
    kept = {}
    for name in ("val", "test"):
        with np.load(directory / f"{name}.npz") as file:
            kept[name] = {key: file[key] for key in file.files}
    names = [str(n) for n in kept["test"]["names"]]
    shared, notes = directory / "shared.json", []
    seconds = json.loads((directory / "seconds.json").read_text())
    if shared.is_file():
        source = json.loads(shared.read_text())
        seconds["training"] += source["training"]  # taking them took no time
        notes.append(f"trained as {source['from']}: the same weights")
    if result["resumed"]:
        notes.append("interrupted and resumed: training time is that of the last attempt")
    return Run(
        name=config["contender"],
        title=config["title"],
        val={n: kept["val"][f"score {n}"] for n in names},
        test={n: kept["test"][f"score {n}"] for n in names},
        extra=kept["test"] | {"cut": kept["val"].get("cut", np.array(np.nan))},
        parameters=result["parameters"],
        seconds=seconds,
        notes=notes,
    )


def _begin(contender: Contender, task: Task, directory: Path, plan: RunPlan) -> bool:
    """Write the config, or hold it against the one that is there; whether the run is new."""
    directory.mkdir(parents=True, exist_ok=True)
    config = {
        "contender": contender.name,
        "title": contender.title,
        "settings": contender.settings,
        "budget": plan.budget.as_dict(),
        "seed": plan.seed,
        "task": task.name,
        "data": task.fingerprint,
    }
    path = directory / "config.json"
    if path.is_file():
        was = json.loads(path.read_text())
        changed = [key for key in config if was.get(key) != json.loads(json.dumps(config[key]))]
        if changed:
            raise InputError(
                f"{directory} must be gone on with as it was begun, got another "
                f"{', '.join(changed)}; give another folder, or remove this run"
            )
        return False
    write_json(path, config)
    _log(directory, f"begun with torch {torch.__version__}")
    return True


def _keep(directory: Path, name: str, judged: Judgement, patches: Patches, plan: RunPlan) -> None:
    """Write what a contender says of a set."""
    kept: dict[str, Any] = {"names": np.array(list(judged.scores))}
    for score, values in judged.scores.items():
        if not torch.isfinite(values).all():
            raise TrainingError(f"the score {score} must be finite, got NaN or infinity")
        kept[f"score {score}"] = values.double().numpy()
    if name == "val" and judged.maps is not None:
        normal = torch.from_numpy(~patches.abnormal)
        inside = patches.patches[normal].amax(1, keepdim=True) > BACKGROUND
        kept["cut"] = np.quantile(judged.maps[normal][inside].numpy(), QUANTILE)
    if name == "test":
        order = np.random.default_rng(0).permutation(len(patches))[:EMBEDDED]
        for key, value, where in (
            ("embedding", judged.embedding, order),
            ("reconstruction", judged.reconstruction, plan.pictured),
            ("maps", judged.maps, plan.pictured),
        ):
            if value is not None:
                kept[key] = value[torch.as_tensor(where)].float().numpy()
        kept |= {"sample": order, "pictured": np.array(plan.pictured)}
    write_bytes(directory / f"{name}.npz", lambda file: np.savez(file, **kept))


@contextmanager
def _timed(directory: Path, step: str) -> Iterator[None]:
    """Add the time of a block to that of earlier attempts; one that is killed leaves none."""
    path = directory / "seconds.json"
    spent = json.loads(path.read_text()) if path.is_file() else {}
    begin = time.perf_counter()
    try:
        yield
    finally:
        spent[step] = spent.get(step, 0.0) + time.perf_counter() - begin
        write_json(path, spent)


def _log(directory: Path, line: str) -> None:
    with (directory / "log.txt").open("a", encoding="utf-8") as file:
        file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n")
