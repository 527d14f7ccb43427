"""The `anogan` command: detect, series, calibrate, evaluate, benchmark, info, demo."""

from __future__ import annotations

import json
import logging
import warnings
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from monai_anogan import __version__
from monai_anogan.errors import AnoganError, InputError
from monai_anogan.terminal import complain, console, fail, progress, telling, warn

__all__ = ["app", "main"]

CALIBRATION = "calibration.json"

app = typer.Typer(
    help="Show what is not normal in a scan. Research software, not a medical device.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class Modes(StrEnum):
    """How a window's healthy patch is found."""

    search = "search"
    encoder = "encoder"


class Searches(StrEnum):
    """The ready-made settings of the latent search."""

    fast = "fast"
    paper = "paper"


class FrameOrders(StrEnum):
    """Which end of the volume the frames of the Parametric Map begin at."""

    descending = "descending"
    ascending = "ascending"


Bundle = Annotated[
    Path | None, typer.Option(help="Bundle folder; the one that comes with the package if absent.")
]
Device = Annotated[
    str | None, typer.Option(help="cpu, cuda, cuda:1, ...; a GPU if there is one, if absent.")
]
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


def main() -> None:
    """Run the command; whatever a user can mend becomes one line and exit status 1."""
    try:
        app()
    except AnoganError as error:
        fail(str(error))
    except OSError as error:  # a full disk, a vanished file, a read-only folder
        where = f" ({error.filename})" if error.filename else ""
        fail(f"{error.strerror or error}{where}; nothing was left half-written")
    except KeyboardInterrupt:
        fail("interrupted; nothing was left half-written", status=130)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show logs and warnings.")] = False,
) -> None:
    if version:
        console.print(f"monai_anogan {__version__}")
        raise typer.Exit
    if not verbose:
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)


@app.command()
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
    series: Annotated[
        str | None, typer.Option(help="DICOM series by UID, number or description.")
    ] = None,
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
    from monai_anogan.io import find_inputs, opened
    from monai_anogan.outputs import FrameOrder, dicom_objects
    from monai_anogan.pipeline import Pipeline

    dicom_objects(dicom)  # a misspelt one is refused before any work
    with opened(source) as place:
        items = find_inputs(place)
        if place != source:  # the folder unpacked to is gone when the results are looked at
            items = [item | {"path": _within(source, place, item)} for item in items]
        _check_names(items)
        _say_which_series(Path(items[0]["image"]), series)
        pipeline = Pipeline(
            bundle,
            overlays=overlay or (),
            settings=_given(
                series=series,
                mode=mode,
                search=search,
                steps=steps,
                seed=seed,
                device=_device(device),
                alpha=alpha,
                force=force or None,
                calibration_file=_calibration_file(calibration),
            ),
        )
        _check_calibration(pipeline, calibration)
        how = {
            "dicom": dicom_objects(dicom, calibrated=pipeline.calibration is not None),
            "frame_order": FrameOrder(frame_order),
            "anonymous": anonymous,
        }
        failed = []
        for item in items:
            target = out if len(items) == 1 else out / _case_name(item)
            try:
                _detect_one(pipeline, item, target, **how)
            except AnoganError as error:
                if len(items) == 1:
                    raise
                failed.append(_case_name(item))
                complain(str(error))
        if failed:
            raise AnoganError(f"{len(failed)} of {len(items)} cases failed: {', '.join(failed)}")


@app.command()
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


@app.command()
def calibrate(
    healthy: Annotated[
        Path, typer.Option(help="Folder of healthy scans of your scanner: NIfTI or DICOM folders.")
    ],
    out: Out,
    bundle: Bundle = None,
    overlay: Overlays = None,
    mode: Mode = None,
    search: Search = None,
    steps: Steps = None,
    device: Device = None,
    seed: Seed = None,
    split: Annotated[str, typer.Option(help="Of a cohort with subjects.csv.")] = "val",
    voxel_rate: Annotated[
        float, typer.Option(help="Share of healthy voxels above the threshold.", min=1e-5, max=0.1)
    ] = 1e-3,
) -> None:
    """Learn from healthy scans what a score means: OUT/calibration.json, without retraining."""
    from monai_anogan.engines import CalibrationFit
    from monai_anogan.io import find_healthy
    from monai_anogan.outputs import atomic_folder
    from monai_anogan.pipeline import Pipeline

    items = find_healthy(healthy, split)
    pipeline = Pipeline(
        bundle,
        overlays=overlay or (),
        settings=_given(mode=mode, search=search, steps=steps, seed=seed, device=_device(device)),
    )
    fit = CalibrationFit(pipeline["weights"], pipeline["map_settings"], voxel_rate=voxel_rate)
    with atomic_folder(out) as folder:
        with progress("healthy scans") as report:
            for done, item in enumerate(items, start=1):
                fit.add(pipeline.raw_map(item))
                report(done, len(items))
        result = fit.result()
        result.save(folder / CALIBRATION)
    for position, reason in fit.outliers().items():
        warn(f"{_case_name(items[position])} is unlike the other scans: {reason}")
    count = len(items)
    console.print(result.calibration.statement(max(0.1, 1 / (count + 1))))
    console.print(f"  {out / CALIBRATION}")
    same = "".join(f" --overlay {path}" for path in overlay or ())
    console.print(f"Use it: anogan detect INPUT -o OUT --calibration {out / CALIBRATION}{same}")


@app.command()
def evaluate(
    cases: Annotated[
        Path, typer.Argument(help="CSV with columns image, mask (empty: healthy) and kind.")
    ],
    out: Out,
    bundle: Bundle = None,
    overlay: Overlays = None,
    mode: Mode = None,
    search: Search = None,
    steps: Steps = None,
    device: Device = None,
    seed: Seed = None,
    alpha: Alpha = None,
    calibration: CalibrationPath = None,
    note: Annotated[str | None, typer.Option(help="Said above the table.")] = None,
) -> None:
    """Score a cohort against its lesion masks, beside the plain intensity yardstick."""
    from monai_anogan.engines import CohortEvaluation
    from monai_anogan.io import read_cases
    from monai_anogan.outputs import atomic_folder
    from monai_anogan.pipeline import Pipeline
    from monai_anogan.reports import cohort_table, write_cohort

    pipeline = Pipeline(
        bundle,
        overlays=overlay or (),
        settings=_given(
            mode=mode,
            search=search,
            steps=steps,
            seed=seed,
            device=_device(device),
            alpha=alpha,
            force=True,  # a cohort is judged whole; the table says how many are unlike
            calibration_file=_calibration_file(calibration),
        ),
    )
    _check_calibration(pipeline, calibration)
    items, cohort = read_cases(cases), CohortEvaluation()
    with atomic_folder(out) as folder:
        with progress("cases") as report:
            for done, item in enumerate(items, start=1):
                cohort.add(item, **pipeline.run(item).judged())
                report(done, len(items))
        results, alarms = cohort.results(), cohort.alarms()
        write_cohort(folder, results, alarms=alarms, note=note, settings=pipeline.settings)
    console.print(cohort_table(results, alarms=alarms, note=note))


@app.command()
def benchmark(
    out: Out,
    source: Annotated[
        Path | None,
        typer.Argument(metavar="[INPUT]", help="Scan to search; the demonstration's if absent."),
    ] = None,
    bundle: Bundle = None,
    repeats: Annotated[int, typer.Option(help="Of every timing.", min=1)] = 5,
    compiled: Annotated[bool, typer.Option("--compile", help="Try torch.compile as well.")] = False,
    command: Annotated[
        Path | None,
        typer.Option("--detect", metavar="SCAN", help="Time `anogan detect SCAN` as well."),
    ] = None,
    ablation: Annotated[
        bool,
        typer.Option("--ablation", help="Compare ways to search on INPUT's scans, nothing else."),
    ] = False,
    device: Device = None,
) -> None:
    """Time the search against its alternatives, side by side: table, numbers and plot into OUT."""
    from monai_anogan import benchmark as bench
    from monai_anogan.demonstration import make_demonstration
    from monai_anogan.io import find_inputs
    from monai_anogan.outputs import atomic_folder
    from monai_anogan.pipeline import Pipeline

    pipeline = Pipeline(bundle, settings=_given(device=_device(device)))
    if command is not None:
        find_inputs(command)  # refused now, not after minutes
    with atomic_folder(out) as folder:
        if source is None:
            source = folder / "icbm152_painted_lesion"
            make_demonstration(source)
        items = find_inputs(source)
        with telling() as say:
            brain = bench.Brain(pipeline, items[0])
            if ablation:
                brains = [brain, *(bench.Brain(pipeline, item) for item in items[1:])]
                bench.write_ablation(folder, bench.ablation_rows(brains, say=say))
            else:
                record = bench.run_benchmark(
                    brain, repeats=repeats, compiled=compiled, command=command, say=say
                )
                bench.write_benchmark(folder, record)
    told = "ablation.md" if ablation else "benchmark.md"
    console.print((out / told).read_text(encoding="utf-8"))


@app.command()
def info(bundle: Bundle = None) -> None:
    """Say what is installed and which model would be used."""
    import monai
    import torch

    from monai_anogan.pipeline import default_bundle, read_metadata

    root = bundle or default_bundle()
    metadata = read_metadata(root)
    rows = {
        "monai_anogan": __version__,
        "monai": monai.__version__,
        "torch": torch.__version__,
        "device": "cuda"
        if torch.cuda.is_available()
        else f"cpu, {torch.get_num_threads()} threads",
        "bundle": str(root),
        "model": f"{metadata['name']} {metadata['version']}",
        "task": metadata["task"],
        "intended use": metadata["intended_use"],
    }
    for name, value in rows.items():
        console.print(f"{name:13s} {value}")


@app.command()
def demo(out: Out = Path("anogan_demo"), mode: Mode = None) -> None:
    """Make a demonstration DICOM series with a painted lesion and detect what is wrong with it."""
    from monai_anogan.demonstration import make_demonstration

    source = out / "icbm152_painted_lesion"
    console.print("Demonstration: the ICBM152 template with a painted lesion, as a DICOM MR series")
    make_demonstration(source)
    detect(source, out / "result", mode=mode)
    console.print(f"The scan itself: {source}")


def _detect_one(pipeline: Any, item: dict[str, str], target: Path, **how: Any) -> None:
    from monai_anogan.outputs import atomic_folder
    from monai_anogan.results import (
        dicom_in_words,
        findings_in_words,
        in_short,
        write_detection,
    )

    with atomic_folder(target) as folder:
        with progress(f"windows of {_case_name(item)}") as report:
            detection = pipeline.run(item, report)
        written, results = write_detection(detection, folder, pipeline, item, **how)
    for line in in_short(detection.warnings):
        warn(line)
    for line in findings_in_words(detection.findings):
        console.print(line)
    for line in dicom_in_words(results):
        console.print(line)
    seconds = sum(detection.seconds.values())
    console.print(
        f"case score {detection.case_score:.3f} (higher is more abnormal), {seconds:.0f} s"
    )
    for path in written:
        console.print(f"  {target / path.name}")
    console.print("Open report.html first. Research use only, not a medical device.")


def _calibration_file(path: Path | None) -> str | None:
    if path is None:
        return None
    file = path / CALIBRATION if path.is_dir() else path
    if not file.is_file():
        raise InputError(
            f"the calibration must be a file, {file} does not exist; "
            "make one with: anogan calibrate --healthy DIR -o OUT"
        )
    return str(file)


def _check_calibration(pipeline: Any, given: Path | None) -> None:
    """Refuse before any work what a calibration asked for by name or alpha cannot give."""
    if given is not None and pipeline.calibration is None:
        raise InputError(f"{given} must fit this model: {pipeline['calibration'].caveat}")
    if pipeline.calibration is not None:
        pipeline.calibration.calibration.check_alpha(pipeline["alpha"])


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


def _files(count: int) -> str:
    return f"{count} file" if count == 1 else f"{count} files"


def _within(archive: Path, unpacked: Path, item: dict[str, str]) -> str:
    return str(archive / Path(item["image"]).relative_to(unpacked))


def _given(**settings: Any) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value is not None}


def _device(name: str | None) -> Any:
    if name is None:
        return None
    import torch

    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise AnoganError(f"device must be usable, got {name!r}: {reason}") from error
    return device


def _case_name(item: dict[str, str]) -> str:
    from monai_anogan.outputs import case_name

    return case_name(item["image"])
