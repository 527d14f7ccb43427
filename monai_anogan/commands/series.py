"""`anogan series`: which DICOM series a folder holds, and which of them can be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from monai_anogan.errors import InputError
from monai_anogan.terminal import console

__all__ = ["series"]


def series(
    source: Annotated[
        Path, typer.Argument(metavar="INPUT", help="DICOM folder, file, DICOMDIR or zip file.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="The same for a program.")] = False,
) -> None:
    """List the DICOM series in INPUT: what each is, and whether it is usable or why not."""
    from monai_anogan.io import count_others, list_series, opened, series_records, series_table

    with opened(source) as place:
        found = list_series(place)
        if as_json:
            console.print(json.dumps(series_records(found), indent=2))
            return
        if not found:
            raise InputError(f"{source} must hold DICOM images, got none; give another folder")
        console.print(series_table(found), soft_wrap=False)
        foreign, broken = count_others(place) if place.is_dir() else (0, [])
    usable = sum(one.problem is None for one in found)
    console.print(
        f"{usable} of {len(found)} usable. Choose with: anogan detect INPUT --series NAME"
    )
    if broken:
        console.print(f"Skipped: {_files(len(broken))} of broken DICOM, first {broken[0].name}")
    if foreign:
        console.print(f"Skipped: {_files(foreign)} without DICOM images")


def _files(count: int) -> str:
    return f"{count} file" if count == 1 else f"{count} files"
