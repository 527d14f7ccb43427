"""The cases of an evaluation: a CSV of scans, their lesion masks and kinds."""

from __future__ import annotations

import csv
from pathlib import Path

from monai_anogan.errors import InputError

__all__ = ["HEALTHY", "read_cases"]

HEALTHY = "healthy"
COLUMNS = {"image", "mask", "kind"}


def read_cases(path: str | Path) -> list[dict[str, str]]:
    """Read a CSV with the columns `image`, `mask` and `kind`.

    Args:
        path: the CSV; paths in it are absolute or relative to its folder. An empty mask means that
            the scan is healthy.

    Returns:
        One `{"image": path, "label": path or "", "kind": kind}` a case.

    Raises:
        InputError: The CSV or a column is missing, a file named in it does not exist, a healthy
            scan has a mask, or an abnormal one has none.
    """
    table = Path(path)
    if not table.is_file():
        raise InputError(f"the cases must be a CSV file, {table} does not exist")
    try:
        with table.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except UnicodeDecodeError as error:
        raise InputError(f"the cases must be a CSV file in UTF-8, {table} is not") from error
    if not rows or not rows[0].keys() >= COLUMNS:
        got = ", ".join(rows[0].keys()) if rows else "no row"
        raise InputError(f"{table} must have the columns image, mask and kind, got {got}")
    return [_case(table, line, row) for line, row in enumerate(rows, start=2)]


def _case(table: Path, line: int, row: dict[str, str]) -> dict[str, str]:
    cells = {name: (row[name] or "").strip() for name in COLUMNS}
    kind = cells["kind"] or HEALTHY
    if bool(cells["mask"]) == (kind == HEALTHY):
        raise InputError(
            f"{table}, line {line}: a healthy case must have no mask and any other kind one, "
            f"got kind {kind!r} and mask {cells['mask']!r}"
        )
    places = {"image": table.parent / cells["image"]}
    if cells["mask"]:
        places["label"] = table.parent / cells["mask"]
    for place in places.values():
        if not place.exists():
            raise InputError(f"{table}, line {line}: {place} does not exist")
    return {"label": "", **{name: str(place) for name, place in places.items()}, "kind": kind}
