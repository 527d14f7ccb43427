"""`anogan inpaint`: fill what a mask marks with healthy anatomy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monai_anogan.commands.loading import load_pipeline
from monai_anogan.commands.options import Bundle, Device, Mode, Out, Overlays, Seed, Series, Steps
from monai_anogan.errors import InputError
from monai_anogan.terminal import console, progress, warn

__all__ = ["inpaint"]


def inpaint(
    source: Annotated[
        Path,
        typer.Argument(metavar="INPUT", help="One scan: DICOM folder, zip file or NIfTI file."),
    ],
    mask: Annotated[
        Path,
        typer.Option(help="What to fill: NIfTI, not 0 there, or a DICOM Segmentation."),
    ],
    out: Out,
    bundle: Bundle = None,
    overlay: Overlays = None,
    series: Series = None,
    mode: Mode = None,
    steps: Steps = None,
    device: Device = None,
    seed: Seed = None,
) -> None:
    """Fill a marked region of a scan with healthy anatomy; all other voxels stay as they are."""
    from monai_anogan.inpainting import inpaint as fill
    from monai_anogan.inpainting import overlay_of
    from monai_anogan.inpainting_results import write_filling
    from monai_anogan.io import find_inputs, opened, read_mask
    from monai_anogan.outputs import atomic_folder

    marked, own = read_mask(mask), overlay_of(bundle)  # refused before any work
    with opened(source) as place:
        items = find_inputs(place)
        if len(items) != 1:
            raise InputError(
                f"one mask must go with one scan, {source} holds {len(items)}; give one of them"
            )
        pipeline = load_pipeline(
            bundle,
            overlays=[own, *(overlay or ())],
            device=device,
            series=series,
            mode=mode,
            steps=steps,
            seed=seed,
        )
        with atomic_folder(out) as folder:
            with progress("windows") as report:
                filling = fill(pipeline, items[0], marked, report)
            item = items[0] | ({"path": str(source)} if place != source else {})
            written, told = write_filling(filling, folder, pipeline, item, marked)
    for line in (*filling.warnings, *told):
        warn(line)
    seconds = sum(filling.seconds.values())
    console.print(f"{filling.millilitres:.1f} ml filled, {seconds:.0f} s")
    for path in written:
        console.print(f"  {out / path.name}")
    console.print("Look at filled.png first. Research use only, not a medical device.")
