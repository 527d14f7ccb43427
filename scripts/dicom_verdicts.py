"""Feed every file below some folders to the reader, and table what became of each.

    python scripts/dicom_verdicts.py NAME=FOLDER... > table.md

A row is a folder's files of one verdict: read (grid and spacing), refused (why, and the cure), or
not DICOM. Nothing else may happen; an error of any other kind ends the script.
"""

from __future__ import annotations

import argparse
import functools
import logging
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from monai_anogan.errors import InputError
from monai_anogan.io import DicomSeries, find_inputs, find_series, load_volume, opened

Verdict = tuple[str, str]


def verdict(path: Path) -> Verdict:
    """What becomes of one path: "read", "refused" or "NIfTI", and the message."""
    try:
        with opened(path) as place:
            (case,) = find_inputs(place)
            if case["image"].lower().endswith((".nii", ".nii.gz")):
                return "NIfTI", "left to MONAI's reader"
            series = find_series(case["image"])
            shape = shape_of(series)
    except InputError as error:
        return "refused", str(error).replace(str(path), path.name).replace(str(path.parent), ".")
    grid = " x ".join(map(str, shape))
    spacing = " x ".join(f"{mm:.4g}" for mm in series.spacing or ())
    return "read", f"{series.modality}, {series.orientation}, {grid} voxels of {spacing} mm"


@functools.cache  # each of a series' files stands for it
def shape_of(series: DicomSeries) -> tuple[int, ...]:
    """The grid of a series, its pixels read."""
    return load_volume(series)[0].shape


def rows(name: str, root: Path) -> Iterator[tuple[str, int, Verdict]]:
    """(files, how many, verdict), folder by folder."""
    folders: defaultdict[Path, list[Path]] = defaultdict(list)
    for path in sorted(root.rglob("*")):
        if path.is_file():
            folders[path.parent].append(path)
    for folder, files in folders.items():
        same: defaultdict[Verdict, list[str]] = defaultdict(list)
        for path in files:
            same[verdict(path)].append(path.name)
        for result, names in same.items():
            shown = names[0] if len(names) == 1 else f"{names[0]} … {names[-1]}"
            yield str(Path(name) / folder.relative_to(root) / shown), len(names), result


def table(places: dict[str, Path]) -> str:
    """The table as Markdown."""
    lines = ["| file | files | verdict | message |", "|---|---:|---|---|"]
    for name, root in places.items():
        for files, count, (what, message) in rows(name, root):
            lines.append(f"| `{files}` | {count} | {what} | {message.replace('|', '/')} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print the table of the folders named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("places", nargs="+", metavar="NAME=FOLDER")
    places = dict(place.split("=", 1) for place in parser.parse_args().places)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    sys.stdout.write(table({name: Path(folder) for name, folder in places.items()}))


if __name__ == "__main__":
    main()
