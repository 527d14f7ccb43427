"""Series tables: what `anogan series` shows of a place, to a person and to a program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from monai_anogan.errors import InputError
from monai_anogan.io.dicom_scan import DicomSeries
from monai_anogan.io.series_choice import choose_series, series_key

__all__ = ["series_records", "series_table"]


def series_table(found: Sequence[DicomSeries]) -> Table:
    """A table of the series found, one row each, that folds to the width of the terminal."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("series", overflow="fold", justify="right")
    table.add_column("type")
    table.add_column("description", overflow="fold", ratio=4, min_width=11)
    table.add_column("slices", justify="right")
    table.add_column("grid")
    table.add_column("mm")
    table.add_column("plane")
    table.add_column("usable", overflow="fold", ratio=5, min_width=14)
    chosen = _default(found)
    for series in found:
        table.add_row(*map(_plain, _cells(series, series == chosen)))
    return table


def series_records(found: Sequence[DicomSeries]) -> list[dict[str, Any]]:
    """The same for a program: one JSON-ready record a series."""
    chosen = _default(found)
    return [
        {
            "name": series_key(series),
            "series_uid": series.uid,
            "study_uid": series.study_uid,
            "number": series.number,
            "part": series.part or None,
            "part_name": series.part_name or None,
            "modality": series.modality,
            "description": series.description,
            "derived": series.derived,
            "files": len(series.files),
            "slices": series.slices,
            "shape": series.shape,
            "spacing_mm": series.spacing,
            "orientation": series.orientation or None,
            "usable": series.problem is None,
            "problem": series.problem,
            "cure": series.cure or None,
            "default": series == chosen,
        }
        for series in found
    ]


def _default(found: Sequence[DicomSeries]) -> DicomSeries | None:
    try:
        return choose_series(found)
    except InputError:  # nothing usable, or a choice that is the user's
        return None


def _cells(series: DicomSeries, chosen: bool) -> tuple[str, ...]:
    usable = "yes, the default" if chosen else "yes"
    if series.problem is None and series.part:
        usable = "yes, when asked for"
    described = ", ".join(filter(None, (series.description, series.part_name)))
    columns, rows = series.shape[:2] if series.shape else (0, 0)
    return (
        series_key(series) if series.number is not None else "?",
        series.modality,
        f"{described} (derived)" if series.derived else described,
        str(series.slices),
        f"{columns}x{rows}" if series.shape else "",
        " ".join(f"{mm:.3g}" for mm in series.spacing) if series.spacing else "",
        series.orientation,
        usable if series.problem is None else f"no: {series.problem}",
    )


def _plain(text: str) -> str:
    """Without what would move the cursor of a terminal: descriptions come from strangers."""
    return "".join(c if c.isprintable() else "?" for c in text)
