"""`anogan benchmark`: time the search against its alternatives, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monai_anogan.commands.loading import load_pipeline
from monai_anogan.commands.options import Bundle, Device, Out
from monai_anogan.terminal import console, telling

__all__ = ["benchmark"]


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

    pipeline = load_pipeline(bundle, device=device)
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
