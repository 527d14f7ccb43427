"""A day's load in small: many series through one `anogan serve`, throughput and memory watched.

    python scripts/serve_day.py OUT [--series 200]

writes OUT/day.csv (a line every two seconds), OUT/day.json (the numbers) and OUT/day.png.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
import yaml
from matplotlib.figure import Figure
from nibabel.processing import resample_to_output
from nilearn.datasets import load_mni152_template
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE

from monai_anogan.outputs import write_mr_series

START = [sys.executable, "-c", "from monai_anogan.cli import main; main()", "serve"]
BACKLOG = 4  # series under way; a router sends as they come, not all at once
EVERY_S = 2.0
WARM = 20  # series after which memory must be flat


def make_series(folder: Path, number: int) -> list[Path]:
    """The template's head on coarse voxels, a little noise, UIDs of its own; 48 slices."""
    packaged = load_mni152_template(resolution=2)
    head = resample_to_output(packaged, (4, 4, 4), order=1)
    volume = np.asarray(head.dataobj, dtype=np.float32)
    volume *= 1000 / volume.max()
    noise = np.random.default_rng(number).normal(1, 0.01, volume.shape)
    image = nib.Nifti1Image(volume * noise.astype(np.float32), head.affine)
    return write_mr_series(
        image.dataobj, image.affine, folder, description="T1", seed=f"day {number}"
    )


def send(port: int, files: list[Path]) -> None:
    """One association, one series."""
    sender = AE(ae_title="ROUTER")
    sender.add_requested_context("1.2.840.10008.5.1.4.1.1.4", ExplicitVRLittleEndian)
    association = sender.associate("127.0.0.1", port, ae_title="ANOGAN")
    for path in files:
        status = association.send_c_store(pydicom.dcmread(path))
        assert status.Status == 0, status
    association.release()


def health(port: int) -> dict[str, Any] | None:
    """What the node says of itself; None as long as it is not there."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)
    except (urllib.error.URLError, TimeoutError):  # a machine under load
        return None


def watch(ports: tuple[int, int], folder: Path, series: int) -> Iterator[tuple[float, ...]]:
    """Sends all series, few at a time; seconds, series done, memory of node and worker in MiB."""
    begin, sent, done = None, 0, 0
    while done < series:
        told = health(ports[1])
        if told is None or told["problems"]:
            time.sleep(0.5)
            continue
        begin = begin or time.monotonic()
        done = told["series"]["done"]
        assert not told["set_aside"], told["set_aside"]
        memory = [told["memory_bytes"].get(name, 0) / 2**20 for name in ("node", "worker")]
        yield time.monotonic() - begin, done, *memory
        while sent < min(series, done + BACKLOG):
            with tempfile.TemporaryDirectory() as place:
                send(ports[0], make_series(Path(place), sent))
            sent += 1
        for results in (folder / "share").glob("[0-9]*"):
            shutil.rmtree(results, ignore_errors=True)
        time.sleep(EVERY_S)


def run(folder: Path, series: int) -> list[tuple[float, ...]]:
    """A node from its start to its end, and what was seen of it, also when interrupted."""
    ports = free_port(), free_port()
    peers = [{"ae_title": "ROUTER", "addresses": ["127.0.0.1"]}]
    settings = {
        "folder": str(folder / "node"),
        "receive": {"port": ports[0], "peers": peers},
        "health": {"port": ports[1]},
        "quiet_s": 2,
        "work": {"mode": "encoder"},
        "send": [{"kind": "folder", "name": "share", "path": str(folder / "share")}],
    }
    (folder / "serve.yaml").write_text(yaml.safe_dump(settings))
    rows: list[tuple[float, ...]] = []
    with (folder / "log").open("wb") as log:
        node = subprocess.Popen([*START, str(folder / "serve.yaml")], stderr=log)
        try:
            for row in watch(ports, folder, series):
                rows.append(row)
        except KeyboardInterrupt:
            print(f"interrupted after {rows[-1][1] if rows else 0} series")
        finally:
            node.send_signal(signal.SIGTERM)
            node.wait(60)
    return rows


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def summarise(rows: list[tuple[float, ...]]) -> dict[str, Any]:
    """Throughput, and memory at the beginning (after some series) against the end."""
    series = int(rows[-1][1])
    told: dict[str, Any] = {"series": series, "minutes": round(rows[-1][0] / 60, 1)}
    told["series_an_hour"] = round(series / rows[-1][0] * 3600)
    warm = [row for row in rows if row[1] >= min(WARM, series // 2)]
    quarter = max(1, len(warm) // 4)
    for column, name in ((2, "node"), (3, "worker")):
        values = [row[column] for row in warm if row[column]]
        told[f"{name}_mib"] = {
            "first_quarter": round(statistics.median(values[:quarter])),
            "last_quarter": round(statistics.median(values[-quarter:])),
            "most": round(max(values)),
        }
    return told


def draw(rows: list[tuple[float, ...]], path: Path) -> None:
    """Series done, and memory, over time."""
    minutes = [row[0] / 60 for row in rows]
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(minutes, [row[1] for row in rows], color="#4c72b0")
    left.set(xlabel="minutes", ylabel="series done, results delivered", ylim=(0, None))
    for column, name, colour in ((2, "node", "#4c72b0"), (3, "worker", "#c44e52")):
        right.plot(minutes, [row[column] or np.nan for row in rows], color=colour, label=name)
    right.set(xlabel="minutes", ylabel="resident memory, MiB", ylim=(0, None))
    right.legend(frameon=False, loc="lower right")
    for axis in (left, right):
        axis.spines[["top", "right"]].set_visible(False)
        axis.set_xlim(0, None)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--series", type=int, default=200)
    wanted = parser.parse_args()
    wanted.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        rows = run(Path(folder), wanted.series)
    with (wanted.out / "day.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("seconds", "series_done", "node_mib", "worker_mib"))
        writer.writerows(tuple(round(value, 1) for value in row) for row in rows)
    told = summarise(rows)
    (wanted.out / "day.json").write_text(json.dumps(told, indent=2) + "\n")
    draw(rows, wanted.out / "day.png")
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
