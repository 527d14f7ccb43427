"""List healthy test scans and lesion cases as the CSV that `anogan evaluate` reads.

    python scripts/list_cases.py HEALTHY_DIR LESION_DIR OUT.csv

HEALTHY_DIR holds subjects.csv (columns subject, split) and t1/SUBJECT.nii.gz, of which the split
`test` is taken; LESION_DIR holds cases.csv (columns case, kind), t1/CASE.nii.gz and
mask/CASE.nii.gz.
"""

from __future__ import annotations

import csv
from pathlib import Path

import typer

from monai_anogan.io import HEALTHY, read_cohort


def main(healthy_dir: Path, lesion_dir: Path, out: Path) -> None:
    rows = [
        {"image": Path(item["image"]).resolve(), "mask": "", "kind": HEALTHY}
        for item in read_cohort(healthy_dir, "test")
    ]
    lesions = lesion_dir.resolve()
    with (lesions / "cases.csv").open(newline="") as file:
        for case in csv.DictReader(file):
            name = f"{case['case']}.nii.gz"
            places = {"image": lesions / "t1" / name, "mask": lesions / "mask" / name}
            rows.append(places | {"kind": case["kind"]})
    with out.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["image", "mask", "kind"])
        writer.writeheader()
        writer.writerows(rows)
    print(f"{len(rows)} cases in {out}")


if __name__ == "__main__":
    typer.run(main)
