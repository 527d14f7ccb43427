"""The healthy scans of a cohort, by split: what training, validation and calibration read."""

from __future__ import annotations

import csv
from pathlib import Path

from monai_anogan.errors import InputError

__all__ = ["read_cohort"]

NIFTI = (".nii", ".nii.gz")
FOLDERS = {"image": "t1", "label": "mask"}


def read_cohort(
    dataset_dir: str | Path, split: str, *, with_label: bool = False, most: int | None = None
) -> list[dict[str, str]]:
    """List the scans of one split.

    Two layouts are understood: a folder with `subjects.csv` (columns `subject` and `split`), the
    scans in `t1/SUBJECT.nii.gz` and, where there are any, masks in `mask/SUBJECT.nii.gz`; or a
    plain folder of NIfTI files, of which every tenth in the order of names is `val`, the rest
    `train`.

    Args:
        dataset_dir: the folder.
        split: `train`, `val` or `test`.
        with_label: give the organ's mask as well, as `label`.
        most: at most so many scans.

    Returns:
        One `{"image": path}` or `{"image": path, "label": path}` a scan.

    Raises:
        InputError: The folder, the split, a scan or a mask is missing.
    """
    folder = Path(dataset_dir)
    if not folder.is_dir():
        raise InputError(f"dataset_dir must be a folder of healthy scans, got {folder}")
    table = folder / "subjects.csv"
    items = _from_table(table, split) if table.is_file() else _from_files(folder, split)
    if not with_label:
        items = [{"image": item["image"]} for item in items]
    missing = [path for item in items for path in item.values() if not Path(path).is_file()]
    if missing:
        raise InputError(f"every scan of the cohort must exist, {missing[0]} does not")
    if not items:
        raise InputError(f"{folder} must hold scans of split {split!r}, found none")
    return items[:most]


def _from_table(table: Path, split: str) -> list[dict[str, str]]:
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    if rows and not {"subject", "split"} <= rows[0].keys():
        raise InputError(f"{table} must have the columns subject and split, got {list(rows[0])}")
    root = table.parent
    return [
        {kind: str(root / folder / f"{row['subject']}.nii.gz") for kind, folder in FOLDERS.items()}
        for row in rows
        if row["split"] == split
    ]


def _from_files(folder: Path, split: str) -> list[dict[str, str]]:
    files = sorted(f for f in folder.iterdir() if f.name.endswith(NIFTI))
    val = files[9::10] or files[-1:]
    chosen = (
        val if split == "val" else [f for f in files if f not in val] if split == "train" else []
    )
    return [{"image": str(f)} for f in chosen]
