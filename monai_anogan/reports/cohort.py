"""The result of an evaluation as numbers for a program and as one table for a person."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["cohort_table", "write_cohort"]

Results = Mapping[str, Mapping[str, Mapping[str, float]]]
Alarms = Mapping[str, Mapping[str, float]]

COLUMNS = (  # title, metrics, form
    ("Cases", ("cases",), "{:.0f}"),
    ("Voxel AUROC", ("voxel_auroc",), "{:.3f}"),
    ("Voxel AP", ("average_precision",), "{:.3f}"),
    ("Best Dice", ("best_dice",), "{:.3f}"),
    (
        "Case AUROC (95 %)",
        ("case_auroc", "case_auroc_low", "case_auroc_high"),
        "{:.3f} ({:.2f} to {:.2f})",
    ),
    (
        "Lesions found at 0.5 / 1 / 2 / 4 false findings a scan",
        tuple(f"sensitivity_at_{most}" for most in ("0.5", "1", "2", "4")),
        "{:.2f} / {:.2f} / {:.2f} / {:.2f}",
    ),
)
UNKNOWN = "n/a"


def cohort_table(results: Results, *, alarms: Alarms | None = None, note: str | None = None) -> str:
    """The table of a cohort in Markdown: one row for each method and kind, kinds together.

    Args:
        results: method -> kind -> metric -> value; a column that misses one reads "n/a".
        alarms: kind -> how many of its scans raise a finding; said below the table.
        note: what a reader must know to read the numbers right, such as "The lesions are
            semi-synthetic: real shapes, painted intensities."; stands above the table.
    """
    kinds = list(dict.fromkeys(kind for by_kind in results.values() for kind in by_kind))
    lines = [
        "| Kind | Method | " + " | ".join(title for title, _, _ in COLUMNS) + " |",
        "|---|---|" + "---:|" * len(COLUMNS),
    ]
    for kind in kinds:
        for method, by_kind in results.items():
            if kind in by_kind:
                cells = [_cell(by_kind[kind], names, form) for _, names, form in COLUMNS]
                lines.append(f"| {kind} | {method} | " + " | ".join(cells) + " |")
    above = f"{note}\n\n" if note else ""
    below = "".join(f"\n{_alarm(kind, alarm)}\n" for kind, alarm in (alarms or {}).items())
    return above + "\n".join(lines) + "\n" + below


def write_cohort(
    folder: str | Path,
    results: Results,
    *,
    alarms: Alarms | None = None,
    note: str | None = None,
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Write `metrics.json` and `metrics.md` into a folder that exists.

    Args:
        folder: where they go.
        results: as for `cohort_table`; further metrics go to the JSON alone.
        alarms: as for `cohort_table`.
        note: as for `cohort_table`; the JSON carries it too.
        settings: what else belongs to the record, such as version, seed and mode.
    """
    record = {"note": note, "settings": dict(settings or {}), "results": results}
    record["alarms"] = dict(alarms or {})
    text = json.dumps(_without_nan(record), indent=2, allow_nan=False)
    Path(folder, "metrics.json").write_text(text + "\n", encoding="utf-8")
    table = cohort_table(results, alarms=alarms, note=note)
    Path(folder, "metrics.md").write_text(table, encoding="utf-8")


def _cell(metrics: Mapping[str, float], names: Sequence[str], form: str) -> str:
    values = [metrics.get(name, math.nan) for name in names]
    return form.format(*values) if all(map(math.isfinite, values)) else UNKNOWN


def _alarm(kind: str, alarm: Mapping[str, float]) -> str:
    unlike = alarm["unlike_healthy"]
    more = f"; {unlike:.0f} unlike the healthy scans of the calibration" if unlike else ""
    return (
        f"{kind}: {alarm['raised']:.0f} of {alarm['cases']:.0f} scans raise a finding at alpha "
        f"{alarm['alpha']:g} (95 %: {alarm['low']:.2f} to {alarm['high']:.2f}){more}"
    )


def _without_nan(value: Any) -> Any:
    """The same record with null where a number is not finite, as JSON demands."""
    if isinstance(value, Mapping):
        return {str(key): _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
