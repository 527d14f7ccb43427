"""From scores to numbers: one record a task, level, contender and score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from monai_anogan.compare.comparison import Outcome
from monai_anogan.compare.run import Run
from monai_anogan.compare.task import HEALTHY, Level
from monai_anogan.metrics import OperatingPoint, Ranking, operating_point, ranking, youden_threshold

__all__ = ["ALL", "Result", "main_results", "results"]

ALL = "all"  # kinds of lesion together


@dataclass(frozen=True)
class Result:
    """How one score did on one task, at one level, against one kind of lesion or all."""

    task: str
    level: str
    kind: str
    contender: str
    title: str
    score: str
    main: bool  # the first score of its contender
    ranking: Ranking
    chosen_on_val: OperatingPoint | None = None  # None for single kinds
    chosen_on_test: OperatingPoint | None = None

    def record(self) -> dict[str, Any]:
        """For a JSON file: no number that depends on the clock, null where one is not finite."""
        record = asdict(self)
        for point in (record["chosen_on_val"], record["chosen_on_test"]):
            if point is not None and not np.isfinite(point["threshold"]):
                point["threshold"] = None
        return record


def results(outcomes: Sequence[Outcome], levels: Sequence[str], *, seed: int) -> list[Result]:
    """Every number of the report, in the order of its tables.

    Args:
        outcomes: of every task.
        levels: `patch`, `image`.
        seed: of the bootstrap.
    """
    return [
        result
        for outcome in outcomes
        for level in levels
        for run in outcome.runs.values()
        for score in run.test
        for result in _of_score(outcome, level, run, score, seed)
    ]


def main_results(found: Sequence[Result], *, level: str, kind: str = ALL) -> list[Result]:
    """The main score of each contender at one level, all tasks after another."""
    return [r for r in found if r.main and r.level == level and r.kind == kind]


def _of_score(outcome: Outcome, name: str, run: Run, score: str, seed: int) -> list[Result]:
    val, test = outcome.task.val.level(name), outcome.task.test.level(name)
    on_val, on_test = val.scores(run.val[score]), test.scores(run.test[score])
    common: dict[str, Any] = {
        "task": outcome.task.name,
        "level": name,
        "contender": run.name,
        "title": run.title,
        "score": score,
        "main": score == next(iter(run.test)),
    }
    whole = Result(
        kind=ALL,
        ranking=ranking(on_test, test.abnormal, test.subject, seed=seed),
        chosen_on_val=operating_point(
            on_test, test.abnormal, youden_threshold(on_val, val.abnormal)
        ),
        chosen_on_test=operating_point(
            on_test, test.abnormal, youden_threshold(on_test, test.abnormal)
        ),
        **common,
    )
    kinds = _kinds(test)
    parts = [_of_kind(test, on_test, kind, seed, common) for kind in kinds]
    return [whole, *parts]


def _kinds(level: Level) -> list[str]:
    """Kinds of lesion that are told apart: not the many classes of a set of pictures."""
    kinds = [str(kind) for kind in np.unique(level.kind[level.abnormal])]
    return kinds if 1 < len(kinds) < 5 else []


def _of_kind(
    level: Level, scores: np.ndarray, kind: str, seed: int, common: dict[str, Any]
) -> Result:
    where = (level.kind == kind) & level.abnormal | (level.kind == HEALTHY)
    found = ranking(scores[where], level.abnormal[where], level.subject[where], seed=seed)
    return Result(kind=kind, ranking=found, **common)
