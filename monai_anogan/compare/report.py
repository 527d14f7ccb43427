"""The one report of a comparison of patches: numbers, tables, curves and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path

from monai_anogan import __version__
from monai_anogan.compare.comparison import Comparison, Outcome
from monai_anogan.compare.curves import draw_curves, draw_histograms
from monai_anogan.compare.document import Block, Figure, Heading, Table, Text, write_document
from monai_anogan.compare.embedding import draw_embeddings
from monai_anogan.compare.published import published
from monai_anogan.compare.results import Result, results
from monai_anogan.compare.rows_of_pictures import draw_pictures
from monai_anogan.compare.tables import (
    by_kind,
    by_task,
    cost_table,
    means_over_tasks,
    optima,
    rankings,
)
from monai_anogan.engines.whole_file import write_json

__all__ = ["write_comparison"]

BUDGET = (
    "Every system: {iterations} iterations of {batch_size} patches in all phases together, width "
    "{width}, {latent_size} latent numbers, a search of {search_steps} steps where it searches; "
    "seed {seed}. An iteration is a step of the discriminator, or of the encoder where it is "
    "trained alone, and of the generator when its turn is due, which is every fifth time for "
    "f-AnoGAN, as WGAN-GP asks. PCA has as many components as the systems have latent numbers."
)
ON_VAL = "The optimum by Youden's index, chosen on the validation set and judged on the test set."
ON_TEST = (
    "The same chosen on the test set itself, as the papers do. It flatters every method and is "
    "here to be held beside published numbers, not to be believed."
)
STANDARD = (
    "Main scores of the test set, normal and abnormal, in standard deviations from the mean of the "
    "normal validation scores; what lies beyond the axis is in its last bar."
)
PICTURES = (
    "Input, reconstruction, map (for systems the residual |x - reconstruction|), map at or above "
    "the 99th percentile of normal validation patches, truth."
)


def write_comparison(
    folder: Path, comparison: Comparison, outcomes: Sequence[Outcome]
) -> list[Result]:
    """Write `results.json`, `report.md`, `report.html` and `figures/` into a folder.

    Args:
        folder: of the comparison.
        comparison: what was compared.
        outcomes: what came of each task.

    Returns:
        The numbers of the tables; they hold nothing that depends on the clock.
    """
    study = comparison.study
    outcomes = [outcome for outcome in outcomes if outcome.runs]
    found = results(outcomes, study.levels, seed=comparison.seed)
    write_json(folder / "results.json", [result.record() for result in found])
    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    blocks: list[Block] = [
        Text(study.about),
        Text(BUDGET.format(**comparison.budget.as_dict(), seed=comparison.seed)),
        *_failures(outcomes),
    ]
    for level in study.levels:
        blocks += _level(found, outcomes, level, figures, study.unit if level == "patch" else level)
    blocks += _pictures(outcomes[0], figures) + _embedding(outcomes[0], figures, comparison.seed)
    blocks += [Heading("Size, time, and what is missing"), cost_table(outcomes)]
    blocks += [Text("Times are of this machine and of one process, and no part of the results.")]
    blocks += published(study.name)
    write_document(folder, f"Comparison: {study.title}", blocks, version=__version__)
    return found


def _failures(outcomes: Sequence[Outcome]) -> list[Block]:
    rows = [
        (outcome.task.name, name, why)
        for outcome in outcomes
        for name, why in outcome.failures.items()
    ]
    if not rows:
        return []
    words = "These runs failed and are missing below; running the command again tries them again."
    return [Text(words), Table(("Task", "Contender", "Why"), rows)]


def _level(
    found: Sequence[Result], outcomes: Sequence[Outcome], level: str, figures: Path, unit: str
) -> list[Block]:
    test = outcomes[0].task.test.level(level)
    units = "patches" if unit == "patch" else f"{unit}s"
    counted = f"{len(test.abnormal)} {units}, {int(test.abnormal.sum())} of them abnormal."
    if len(outcomes) > 1:
        blocks = _over_tasks(found, level, unit, counted)
    else:
        blocks = _one_task(found, level, unit, counted)
    curves = draw_curves(outcomes, level, figures / f"curves_{level}.png")
    bars = draw_histograms(outcomes, level, figures / f"scores_{level}.png")
    mean = ", mean over the classes" if len(outcomes) > 1 else ""
    return [
        *blocks,
        Figure(curves, f"ROC and precision-recall curves of the main scores{mean}, {unit} level."),
        Figure(bars, STANDARD),
    ]


def _one_task(found: Sequence[Result], level: str, unit: str, counted: str) -> list[Block]:
    blocks: list[Block] = [
        Heading(f"{unit.capitalize()} level"),
        Text(f"{counted} The first score of each contender is its main one."),
        rankings(found, level),
        Text("AUROC of the main scores by kind of lesion."),
        by_kind(found, level),
        Text(ON_VAL),
        optima(found, level, attrgetter("chosen_on_val")),
        Text(ON_TEST),
        optima(found, level, attrgetter("chosen_on_test")),
    ]
    return blocks


def _over_tasks(found: Sequence[Result], level: str, unit: str, counted: str) -> list[Block]:
    return [
        Heading("Mean over the classes"),
        Text(
            f"For each class {counted.split(',')[0]}, about a tenth of them normal. Mean and "
            "standard deviation over the classes; the first score of each contender is its main "
            f"one. {ON_VAL}"
        ),
        means_over_tasks(found, level),
        Heading("AUROC by class"),
        by_task(found, level, "auroc"),
        Heading("AUPRC by class"),
        Text("What is abnormal is the rule here, nine tenths, so that chance is 0.9."),
        by_task(found, level, "auprc"),
    ]


def _pictures(outcome: Outcome, figures: Path) -> list[Block]:
    drawn = []
    for name, run in outcome.runs.items():
        path = draw_pictures(outcome, name, figures / f"pictures_{name}.png")
        if path is not None:
            drawn.append(Figure(path, f"{run.title}."))
    words = f"The same test patches of the task {outcome.task.name!r} for everyone. {PICTURES}"
    return [Heading("Pictures"), Text(words), *drawn]


def _embedding(outcome: Outcome, figures: Path, seed: int) -> list[Block]:
    path = draw_embeddings(outcome, figures / "tsne.png", seed=seed)
    if path is None:
        return []
    words = (
        f"t-SNE of test patches of the task {outcome.task.name!r} in the latents of each system "
        "(the memory: D's features; PCA: the components), coloured by label."
    )
    return [Heading("Latents"), Figure(path, words)]
