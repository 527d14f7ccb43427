"""The result of an evaluation as numbers for a program and as one table for a person."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["cohort_table", "write_cohort"]

Results = Mapping[str, Mapping[str, Mapping[str, float]]]

COLUMNS = (
    ("cases", "Cases", "{:.0f}"),
    ("voxel_auroc", "Voxel AUROC", "{:.3f}"),
    ("average_precision", "Voxel AP", "{:.3f}"),
    ("best_dice", "Best Dice", "{:.3f}"),
    ("case_auroc", "Case AUROC", "{:.3f}"),
)
UNKNOWN = "n/a"


def cohort_table(results: Results, *, note: str | None = None) -> str:
    """The table of a cohort in Markdown: one row for each method and kind, kinds together.

    Args:
        results: method -> kind -> metric -> value, with the metrics `cases`, `voxel_auroc`,
            `average_precision`, `best_dice` and `case_auroc`; a missing or NaN one reads "n/a".
        note: what a reader must know to read the numbers right, such as "The lesions are
            semi-synthetic: real shapes, painted intensities."; stands above the table.
    """
    kinds = list(dict.fromkeys(kind for by_kind in results.values() for kind in by_kind))
    lines = [
        "| Kind | Method | " + " | ".join(title for _, title, _ in COLUMNS) + " |",
        "|---|---|" + "---:|" * len(COLUMNS),
    ]
    for kind in kinds:
        for method, by_kind in results.items():
            if kind in by_kind:
                cells = [_cell(by_kind[kind], name, form) for name, _, form in COLUMNS]
                lines.append(f"| {kind} | {method} | " + " | ".join(cells) + " |")
    above = f"{note}\n\n" if note else ""
    return above + "\n".join(lines) + "\n"


def write_cohort(
    folder: str | Path,
    results: Results,
    *,
    note: str | None = None,
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Write `metrics.json` and `metrics.md` into a folder that exists.

    Args:
        folder: where they go.
        results: as for `cohort_table`; further metrics go to the JSON alone.
        note: as for `cohort_table`; the JSON carries it too.
        settings: what else belongs to the record, such as version, seed and mode.
    """
    record = {"note": note, "settings": dict(settings or {}), "results": results}
    text = json.dumps(_without_nan(record), indent=2, allow_nan=False)
    Path(folder, "metrics.json").write_text(text + "\n", encoding="utf-8")
    Path(folder, "metrics.md").write_text(cohort_table(results, note=note), encoding="utf-8")


def _cell(metrics: Mapping[str, float], name: str, form: str) -> str:
    value = metrics.get(name, math.nan)
    return form.format(value) if math.isfinite(value) else UNKNOWN


def _without_nan(value: Any) -> Any:
    """The same record with null where a number is not finite, as JSON demands."""
    if isinstance(value, Mapping):
        return {str(key): _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
