"""`anogan compare`: every system and the trivial yardsticks over the same data, in one report."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monai_anogan.commands.options import Out
from monai_anogan.errors import InputError
from monai_anogan.terminal import console, progress

if TYPE_CHECKING:
    from monai_anogan.compare import BrainData, Study

__all__ = ["compare"]


class Studies(StrEnum):
    """What can be compared on."""

    brain = "brain"
    volumes = "volumes"
    fashion = "fashion"
    mnist = "mnist"


def compare(
    study: Annotated[Studies, typer.Argument(help="The data, and what is asked of them.")],
    out: Out,
    data: Annotated[
        Path | None,
        typer.Option(
            help="brain, volumes: cohort with subjects.csv, t1/, mask/; fashion, mnist: folder of "
            "the IDX files (fashion: that of Debian's dataset-fashion-mnist if absent)."
        ),
    ] = None,
    lesions: Annotated[
        Path | None,
        typer.Option(help="brain, volumes: lesion cases with cases.csv, t1/, mask/."),
    ] = None,
    systems: Annotated[
        str | None,
        typer.Option(help="Names or overlay files, separated by commas; all if absent."),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(help="fashion, mnist: normal classes, separated by commas; all if absent."),
    ] = None,
    iterations: Annotated[int, typer.Option(help="Of training, every system's.", min=1)] = 1000,
    batch_size: Annotated[int, typer.Option(help="Patches an iteration.", min=2)] = 64,
    width: Annotated[int, typer.Option(help="Feature maps next to the patch.", min=8)] = 16,
    latent_size: Annotated[int, typer.Option(help="Latent numbers.", min=2)] = 64,
    search_steps: Annotated[int, typer.Option(help="Of the latent search.", min=1)] = 100,
    seed: Annotated[int, typer.Option(help="Seed of everything random but the data.")] = 0,
    test: Annotated[int, typer.Option(help="fashion, mnist: test pictures.", min=100)] = 2000,
    train_patches: Annotated[
        int, typer.Option(help="brain, volumes: patches to learn from.", min=64)
    ] = 8000,
    slices: Annotated[int, typer.Option(help="brain: of a scan with lesions.", min=1)] = 5,
    most_scans: Annotated[
        int | None, typer.Option(help="brain, volumes: judged, of each kind.", min=1)
    ] = None,
    weights: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="Earlier comparison whose weights serve where they were trained in the same way.",
        ),
    ] = None,
) -> None:
    """Compare systems and yardsticks on one STUDY: report.md, report.html and all runs into OUT.

    An interrupted comparison goes on where it stopped when the same command is given again.
    """
    from monai_anogan import compare as comparing

    budget = comparing.Budget(iterations, batch_size, width, latent_size, search_steps)
    brains = None
    if study in (Studies.brain, Studies.volumes):
        brains = _brains(data, lesions, train_patches, slices, most_scans)
    chosen = _study(study, brains, data, test, classes)
    comparison = comparing.Comparison(
        study=chosen,
        overlays=comparing.chosen_overlays(systems),
        source=comparing.overlay_named("anogan"),
        budget=budget,
        seed=seed,
        shelves=tuple(_runs(folder) for folder in weights or ()),
    )
    comparing.contenders(comparison)  # a broken overlay is refused before any work
    with comparing.open_folder(out, comparison):
        if study is Studies.volumes:
            assert brains is not None
            comparing.compare_volumes(out, comparison, brains, bar=progress, say=console.print)
        else:
            outcomes = comparing.run_comparison(out, comparison, bar=progress, say=console.print)
            comparing.write_comparison(out, comparison, outcomes)
    for name in ("report.md", "report.html"):
        console.print(f"  {out / name}")


def _brains(
    data: Path | None, lesions: Path | None, train_patches: int, slices: int, most: int | None
) -> BrainData:
    from monai_anogan.compare import BrainData

    if data is None or lesions is None:
        raise InputError("this study needs --data, the healthy cohort, and --lesions, the cases")
    for folder in (data, lesions):
        if not folder.is_dir():
            raise InputError(f"the brains must be in folders, {folder} is none")
    return BrainData(data, lesions, train_patches, slices, most)


def _study(
    study: Studies, brains: BrainData | None, data: Path | None, test: int, classes: str | None
) -> Study:
    from monai_anogan import compare as comparing

    if brains is not None:
        return comparing.brain_study(brains, volumes=study is Studies.volumes)
    if study is Studies.mnist and data is None:
        raise InputError("this study needs --data, the folder of MNIST's t10k-*.gz files")
    if study is Studies.mnist:
        assert data is not None
        whole = comparing.mnist_study(data, most_test=test)
    else:
        whole = comparing.fashion_study(data or comparing.FASHION_DIR, most_test=test)
    return whole if classes is None else whole.part([name.strip() for name in classes.split(",")])


def _runs(folder: Path) -> Path:
    if not (folder / "runs").is_dir():
        raise InputError(f"--weights must name an earlier comparison's folder, got {folder}")
    return folder / "runs"
