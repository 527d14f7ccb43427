"""The options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "Alpha",
    "Bundle",
    "CalibrationPath",
    "Device",
    "Force",
    "Mode",
    "Modes",
    "Out",
    "Overlays",
    "Search",
    "Searches",
    "Seed",
    "Series",
    "Steps",
]


class Modes(StrEnum):
    """How a window's healthy patch is found."""

    search = "search"
    encoder = "encoder"


class Searches(StrEnum):
    """The ready-made settings of the latent search."""

    fast = "fast"
    paper = "paper"


Bundle = Annotated[
    Path | None, typer.Option(help="Bundle folder; the one that comes with the package if absent.")
]
Device = Annotated[
    str | None, typer.Option(help="cpu, cuda, cuda:1, ...; a GPU if there is one, if absent.")
]
Series = Annotated[str | None, typer.Option(help="DICOM series by UID, number or description.")]
Seed = Annotated[int | None, typer.Option(help="Seed of everything random.")]
Mode = Annotated[
    Modes | None,
    typer.Option(help="search: full latent search; encoder: the encoder's guess alone."),
]
Search = Annotated[
    Searches | None,
    typer.Option(
        help="fast: from the encoder's guess, on a healed scan; paper: 500 steps from the prior."
    ),
]
Steps = Annotated[int | None, typer.Option(help="Gradient steps of the search.", min=1)]
Alpha = Annotated[
    float | None,
    typer.Option(help="Share of healthy scans that may raise a finding; 0.1 if absent."),
]
CalibrationPath = Annotated[
    Path | None,
    typer.Option(help="File or folder of `anogan calibrate`; the bundle's own if absent."),
]
Overlays = Annotated[
    list[Path] | None,
    typer.Option(
        "--overlay",
        metavar="FILE",
        help="Config over the bundle's own, such as configs/residual_map.yaml; may be given again.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Go on with a scan unlike the healthy ones.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.")]
