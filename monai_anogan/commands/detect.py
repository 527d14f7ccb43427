"""`anogan detect`: map what is not normal in a scan, or in each scan of a folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monai_anogan.commands.loading import load_pipeline
from monai_anogan.commands.options import (
    Alpha,
    Bundle,
    CalibrationPath,
    Device,
    Force,
    Mode,
    Out,
    Overlays,
    Search,
    Seed,
    Series,
    Steps,
)
from monai_anogan.errors import AnoganError, InputError
from monai_anogan.terminal import complain, console, progress, warn

if TYPE_CHECKING:
    from monai_anogan.pipeline import Pipeline

__all__ = ["detect"]


class FrameOrders(StrEnum):
    """Which end of the volume the frames of the Parametric Map begin at."""

    descending = "descending"
    ascending = "ascending"


Dicom = Annotated[
    str | None,
    typer.Option(
        help="DICOM results of DICOM input, of pm (Parametric Map), seg (Segmentation), sr "
        "(Structured Report), sc (colour overlay), or none; pm,seg,sr if absent."
    ),
]
Order = Annotated[
    FrameOrders,
    typer.Option(help="Of the Parametric Map: descending for OHIF, ascending for dcmqi."),
]
Anonymous = Annotated[
    bool, typer.Option("--anonymous", help="Results without the patient, and without the input.")
]


def detect(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT", help="DICOM folder, zip file, NIfTI file or folder of these."
        ),
    ],
    out: Out,
    bundle: Bundle = None,
    overlay: Overlays = None,
    series: Series = None,
    mode: Mode = None,
    search: Search = None,
    steps: Steps = None,
    device: Device = None,
    seed: Seed = None,
    dicom: Dicom = None,
    frame_order: Order = FrameOrders.descending,
    anonymous: Anonymous = False,
    alpha: Alpha = None,
    calibration: CalibrationPath = None,
    force: Force = False,
) -> None:
    """Map what is not normal in a scan: map, findings, pictures and report into OUT."""
    from monai_anogan.io import opened
    from monai_anogan.outputs import FrameOrder, dicom_objects

    dicom_objects(dicom)  # a misspelt one is refused before any work
    with opened(source) as place:
        items = _cases(source, place, series)
        pipeline = load_pipeline(
            bundle,
            overlays=overlay,
            device=device,
            calibration=calibration,
            series=series,
            mode=mode,
            search=search,
            steps=steps,
            seed=seed,
            alpha=alpha,
            force=force or None,
        )
        how = {
            "dicom": dicom_objects(dicom, calibrated=pipeline.calibration is not None),
            "frame_order": FrameOrder(frame_order),
            "anonymous": anonymous,
        }
        if len(items) == 1:
            _detect_one(pipeline, items[0], out, how)
        else:
            _detect_each(pipeline, items, out, how)


def _cases(source: Path, place: Path, series: str | None) -> list[dict[str, str]]:
    """What there is to look at in `place`, which is `source` or what that was unpacked to."""
    from monai_anogan.io import find_inputs

    items = find_inputs(place)
    if place != source:  # the folder unpacked to is gone when the results are looked at
        items = [item | {"path": _within(source, place, item)} for item in items]
    _check_names(items)
    _say_which_series(Path(items[0]["image"]), series)
    return items


def _detect_each(
    pipeline: Pipeline, items: Sequence[dict[str, str]], out: Path, how: Mapping[str, Any]
) -> None:
    """Go on after a case that fails, and say at the end which did."""
    failed = []
    for item in items:
        try:
            _detect_one(pipeline, item, out / _case_name(item), how)
        except AnoganError as error:
            failed.append(_case_name(item))
            complain(str(error))
    if failed:
        raise AnoganError(f"{len(failed)} of {len(items)} cases failed: {', '.join(failed)}")


def _detect_one(
    pipeline: Pipeline, item: dict[str, str], target: Path, how: Mapping[str, Any]
) -> None:
    from monai_anogan.outputs import atomic_folder
    from monai_anogan.results import write_detection
    from monai_anogan.results_in_words import dicom_in_words, findings_in_words, in_short

    with atomic_folder(target) as folder:
        with progress(f"windows of {_case_name(item)}") as report:
            detection = pipeline.run(item, report)
        written, results = write_detection(detection, folder, pipeline, item, **how)
    for line in in_short(detection.warnings):
        warn(line)
    for line in (*findings_in_words(detection.findings), *dicom_in_words(results)):
        console.print(line)
    seconds = sum(detection.seconds.values())
    console.print(
        f"case score {detection.case_score:.3f} (higher is more abnormal), {seconds:.0f} s"
    )
    for path in written:
        console.print(f"  {target / path.name}")
    console.print("Open report.html first. Research use only, not a medical device.")


def _check_names(items: Sequence[dict[str, str]]) -> None:
    twice = [name for name, count in Counter(map(_case_name, items)).items() if count > 1]
    if twice:
        raise InputError(
            f"the results of each case need a name of their own, got two cases {twice[0]!r}; "
            "rename one file"
        )


def _say_which_series(path: Path, wanted: str | None) -> None:
    from monai_anogan.io import choose_series, describe, list_series

    if path.name.lower().endswith((".nii", ".nii.gz")):
        if wanted is not None:
            raise InputError(f"--series must go with a DICOM folder, got the file {path}")
        return
    found = list_series(path)
    chosen = choose_series(found, wanted)
    if path.is_dir():
        console.print(describe(found, chosen))


def _within(archive: Path, unpacked: Path, item: dict[str, str]) -> str:
    return str(archive / Path(item["image"]).relative_to(unpacked))


def _case_name(item: dict[str, str]) -> str:
    from monai_anogan.outputs import case_name

    return case_name(item["image"])
