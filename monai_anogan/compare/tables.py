"""The tables of a comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean, pstdev

from monai_anogan.compare.comparison import Outcome
from monai_anogan.compare.document import Table
from monai_anogan.compare.results import ALL, Result
from monai_anogan.metrics import OperatingPoint

__all__ = ["by_kind", "by_task", "cost_table", "means_over_tasks", "optima", "rankings"]

NONE = "n/a"
POINT = ("Precision", "Recall = sensitivity", "Specificity", "F1")


def rankings(found: Sequence[Result], level: str) -> Table:
    """Both areas of every score of one task, with intervals."""
    rows = [
        (
            r.title,
            r.score,
            f"{r.ranking.auroc:.3f} ({r.ranking.auroc_low:.3f} to {r.ranking.auroc_high:.3f})",
            f"{r.ranking.auprc:.3f} ({r.ranking.auprc_low:.3f} to {r.ranking.auprc_high:.3f})",
        )
        for r in _whole(found, level)
    ]
    return Table(("Contender", "Score", "AUROC (95 %)", "AUPRC (95 %)"), _marked(rows, 2))


def optima(
    found: Sequence[Result], level: str, chosen: Callable[[Result], OperatingPoint]
) -> Table:
    """What the optimum by Youden's index is worth, for every score of one task."""
    rows = [(r.title, r.score, *_point(chosen(r))) for r in _whole(found, level)]
    return Table(("Contender", "Score", *POINT), rows)


def by_kind(found: Sequence[Result], level: str) -> Table:
    """AUROC of the main scores for each kind of lesion against the healthy."""
    mine = [r for r in found if r.level == level and r.main]
    kinds = list(dict.fromkeys(r.kind for r in mine))
    rows = [
        (
            title,
            *(
                next(f"{r.ranking.auroc:.3f}" for r in mine if r.kind == k and r.title == title)
                for k in kinds
            ),
        )
        for title in dict.fromkeys(r.title for r in mine)
    ]
    return Table(("Contender, main score", *kinds), rows)


def means_over_tasks(found: Sequence[Result], level: str) -> Table:
    """Mean and standard deviation over the tasks, for every score."""
    whole = _whole(found, level)
    rows = []
    for title, score in dict.fromkeys((r.title, r.score) for r in whole):
        mine = [r for r in whole if (r.title, r.score) == (title, score)]
        points = [r.chosen_on_val for r in mine if r.chosen_on_val is not None]
        means = [
            f"{fmean(values):.3f}"
            for values in zip(
                *((p.precision, p.recall, p.specificity, p.f1) for p in points), strict=True
            )
        ]
        areas = (
            f"{fmean(v):.3f} ± {pstdev(v):.3f}"
            for v in ([r.ranking.auroc for r in mine], [r.ranking.auprc for r in mine])
        )
        rows.append((title, score, *areas, *means, str(len(mine))))
    head = ("Contender", "Score", "AUROC", "AUPRC", *POINT, "Classes")
    return Table(head, _marked(rows, 2))


def by_task(found: Sequence[Result], level: str, area: str) -> Table:
    """One area of every contender's main score, a column a task.

    Args:
        found: all results.
        level: which.
        area: `auroc` or `auprc`.
    """
    mine = [r for r in _whole(found, level) if r.main]
    tasks = list(dict.fromkeys(r.task for r in mine))
    rows = []
    for title in dict.fromkeys(r.title for r in mine):
        values = {r.task: getattr(r.ranking, area) for r in mine if r.title == title}
        cells = [f"{values[t]:.3f}" if t in values else NONE for t in tasks]
        rows.append((title, *cells, f"{fmean(values.values()):.3f}"))
    return Table(("Contender, main score", *tasks, "Mean"), _marked(rows, len(tasks) + 1))


def cost_table(outcomes: Sequence[Outcome]) -> Table:
    """Size, time, and what a contender cannot do; times are means over the tasks."""
    rows = []
    names = dict.fromkeys(name for outcome in outcomes for name in outcome.runs)
    for name in names:
        runs = [outcome.runs[name] for outcome in outcomes if name in outcome.runs]
        judged = [len(outcome.task.test) for outcome in outcomes if name in outcome.runs]
        each = fmean(r.seconds["test"] / n * 1e3 for r, n in zip(runs, judged, strict=True))
        lacks = [
            words
            for key, words in (
                ("reconstruction", "no reconstruction"),
                ("maps", "no map"),
                ("embedding", "no latent"),
            )
            if key not in runs[0].extra
        ]
        remarks = dict.fromkeys([*lacks, *(note for run in runs for note in run.notes)])
        rows.append(
            (
                runs[0].title,
                f"{runs[0].parameters:,}",
                f"{fmean(r.seconds['training'] for r in runs):.1f}",
                f"{each:.2f}",
                "; ".join(remarks),
            )
        )
    head = ("Contender", "Parameters", "Training, s", "Judging, ms a patch", "Remarks")
    return Table(head, rows)


def _whole(found: Sequence[Result], level: str) -> list[Result]:
    return [r for r in found if r.level == level and r.kind == ALL]


def _point(point: OperatingPoint) -> tuple[str, ...]:
    values = (point.precision, point.recall, point.specificity, point.f1)
    return tuple(f"{value:.3f}" for value in values)


def _marked(rows: Sequence[tuple[str, ...]], column: int) -> list[tuple[str, ...]]:
    """The rows, with the highest value of a column in bold."""
    best = max((float(row[column].split()[0]) for row in rows), default=0.0)
    return [
        tuple(
            f"**{cell}**" if i == column and float(cell.split()[0]) == best else cell
            for i, cell in enumerate(row)
        )
        for row in rows
    ]
