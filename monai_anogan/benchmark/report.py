"""The benchmark as numbers for a program, as tables and as a picture for a person."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai_anogan.benchmark.picture import draw_benchmark

__all__ = ["benchmark_tables", "write_ablation", "write_benchmark"]


def write_benchmark(folder: str | Path, record: dict[str, Any]) -> list[Path]:
    """Write `benchmark.json`, `benchmark.md` and `benchmark.png` into a folder that exists."""
    paths = [Path(folder, f"benchmark.{suffix}") for suffix in ("json", "md", "png")]
    paths[0].write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    paths[1].write_text(benchmark_tables(record), encoding="utf-8")
    draw_benchmark(record, paths[2])
    return paths


def write_ablation(folder: str | Path, rows: list[dict[str, Any]]) -> list[Path]:
    """Write `ablation.json` and `ablation.md` into a folder that exists."""
    paths = [Path(folder, f"ablation.{suffix}") for suffix in ("json", "md")]
    paths[0].write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    paths[1].write_text(ablation_table(rows) + "\n", encoding="utf-8")
    return paths


def ablation_table(rows: list[dict[str, Any]]) -> str:
    """Everything tried, in Markdown."""
    head = ("Search", "Steps", "Mean objective", "Median", "Median steps to the first row's")
    return _table(
        (*head, "Patches that get there", "s a patch", "s to fit"),
        [
            (
                row["name"],
                f"{row['steps']:.3g}",
                f"{row['mean_objective']:.1f}",
                f"{row['median_objective']:.1f}",
                _or(row["median_steps_to_reference"], "{:.0f}", "not reached"),
                f"{row['share_reaching_reference']:.0%}",
                f"{row['seconds_a_patch']:.3f}",
                f"{row['fit_seconds']:.1f}" if row["fit_seconds"] else "",
            )
            for row in rows
        ],
    )


def benchmark_tables(record: dict[str, Any]) -> str:
    """Everything measured, in Markdown."""
    machine, peak = record["machine"], record["peak_gflops"]
    gpu = f", {machine['gpu']}" if machine["gpu"] else ""
    parts = [
        "# Benchmark of the latent search",
        f"{machine['processor']}{gpu}; {machine['cores']} cores, {machine['threads']} threads; "
        f"torch {machine['torch']}, Python {machine['python']}, {machine['system']}. "
        f"Matrix peak of this run: float32 {peak['float32']:.0f}, bfloat16 "
        f"{peak['bfloat16']:.0f} GFLOP/s. Medians of {record['repeats']}.",
        "## What was to be reached",
        _goals(record["goals"]),
        _limit(record),
        "## A search",
        _searches(record),
        f"Reference: the objective that {record['searches'][1]['steps']} steps from the prior "
        "reach in the second row, for each patch on its own; the median of the steps that a "
        "patch needs to get there is taken over all patches.",
        "## A step of a wider network (base width 64, untrained)",
        _steps(record["wide"]),
        "## A whole volume",
        _volume(record),
        "## Growth with the number of windows, in a volume of one size",
        _growth(record["growth"]),
        "## Threads",
        _table(
            ("Threads", "ms a patch-step"),
            [(row["threads"], f"{row['ms_a_patch_step']:.3f}") for row in record["threads"]],
        ),
        "## Training (one D and one G step, 64 patches)",
        _training(record["training"]),
    ]
    if record["command"]:
        parts += ["## `anogan detect` in a fresh process", _command(record["command"])]
    return "\n\n".join(parts) + "\n"


def _goals(rows: list[dict[str, Any]]) -> str:
    words = {True: "yes", False: "**no**", None: ""}
    return _table(
        ("What", "Goal", "Measured", "Reached"),
        [
            (row["what"], row["goal"], row["measured"] or "not in this run", words[row["reached"]])
            for row in rows
        ],
    )


def _limit(record: dict[str, Any]) -> str:
    """What the first goal could be at most on this machine."""
    peak = record["peak_gflops"]
    share = record["searches"][1]["share_of_peak"]
    ours = record["searches"][-1]["precision"]
    return (
        f"The second row below runs at {share:.0%} of the float32 peak, and the {ours} peak is "
        f"{peak[ours] / peak['float32']:.2f} times as high: with the same operations, a step at "
        f"the whole peak would be {peak[ours] / peak['float32'] / share:.1f}x faster."
    )


def _searches(record: dict[str, Any]) -> str:
    head = (
        "Search",
        "Batch",
        "Precision",
        "ms a patch-step",
        "GFLOP/s",
        "Of peak",
        "Steps",
        "Steps to reference",
        "Median objective",
        "s a patch",
        "s a volume",
        "Times faster",
    )
    slowest = record["searches"][0]["seconds_a_patch"]
    rows = []
    for row in record["searches"]:
        steps, objective = row.get("median_steps_to_reference"), row.get("median_objective")
        reached = "as below" if objective is None else _or(steps, "{:.0f}", "not reached")
        rows.append(
            (
                row["name"],
                row["batch"],
                row["precision"],
                f"{row['ms_a_patch_step']:.3f}",
                f"{row['gflops']:.0f}",
                f"{row['share_of_peak']:.0%}",
                row["steps"],
                reached,
                _or(objective, "{:.1f}", "as below"),
                f"{row['seconds_a_patch']:.4f}",
                f"{row['seconds_a_volume']:.1f}",
                f"{slowest / row['seconds_a_patch']:.0f}",
            )
        )
    return _table(head, rows)


def _steps(rows: list[dict[str, Any]]) -> str:
    slowest = rows[0]["ms_a_patch_step"]
    return _table(
        ("Step", "Precision", "ms a patch-step", "GFLOP/s", "Of peak", "Times faster"),
        [
            (
                row["name"],
                row["precision"],
                f"{row['ms_a_patch_step']:.3f}",
                f"{row['gflops']:.0f}",
                f"{row['share_of_peak']:.0%}",
                f"{slowest / row['ms_a_patch_step']:.1f}",
            )
            for row in rows
        ],
    )


def _volume(record: dict[str, Any]) -> str:
    seconds, size = record["volume_seconds"], " x ".join(map(str, record["volume"]))
    return _table(
        ("Mode", "Voxels", "Windows", "Seconds"),
        [(mode, size, record["windows"], f"{taken:.2f}") for mode, taken in seconds.items()],
    )


def _growth(rows: list[dict[str, Any]]) -> str:
    return _table(
        ("Windows", "Seconds", "ms a window", "Peak memory above the start, MiB"),
        [
            (
                row["windows"],
                f"{row['seconds']:.2f}",
                f"{row['seconds'] / row['windows'] * 1e3:.1f}",
                f"{row['peak_mib']:.0f}",
            )
            for row in rows
        ],
    )


def _training(rows: list[dict[str, Any]]) -> str:
    slowest = rows[0]["ms_an_iteration"]
    return _table(
        ("Step", "ms", "Times faster"),
        [
            (
                row["name"],
                f"{row['ms_an_iteration']:.0f}",
                f"{slowest / row['ms_an_iteration']:.2f}",
            )
            for row in rows
        ],
    )


def _command(rows: list[dict[str, Any]]) -> str:
    stages = list(rows[0]["stages"])
    return _table(
        ("Mode", "Seconds", "Peak memory, GB", *(f"{stage}, s" for stage in stages)),
        [
            (
                row["mode"],
                f"{row['seconds']:.1f}",
                f"{row['peak_mib'] * 2**20 / 1e9:.2f}",
                *(f"{row['stages'][stage]:.1f}" for stage in stages),
            )
            for row in rows
        ],
    )


def _or(value: float | None, form: str, otherwise: str) -> str:
    return otherwise if value is None else form.format(value)


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
