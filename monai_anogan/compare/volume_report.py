"""The report of a comparison of whole brains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure as Canvas
from numpy.typing import NDArray

from monai_anogan import __version__
from monai_anogan.compare.brain_scans import Scan
from monai_anogan.compare.comparison import Comparison
from monai_anogan.compare.document import Block, Figure, Heading, Table, Text, write_document
from monai_anogan.compare.published import published
from monai_anogan.compare.rows_of_pictures import marked
from monai_anogan.compare.small_png import save_small
from monai_anogan.compare.task import HEALTHY
from monai_anogan.reports import cohort_table, write_cohort

__all__ = ["write_volumes"]

WORDS = (
    "Maps: |x - reconstruction| stitched from overlapping windows, then the bundle's median filter "
    "over 5 voxels; the intensity and the patch memory give their own map. Voxels of the brain "
    "mask or of the truth are pooled over the cases of a kind; a case's score is the mean of the "
    "highest 1 % of its map. No threshold is chosen: the table holds areas and the best Dice that "
    "one threshold for all cases of a kind reaches."
)
LARGEST = 150_000  # bytes of a figure: grey and colours side by side need many
FULL = 99.5  # percentile of a contender's maps in the brain that is shown in full colour


def write_volumes(
    folder: Path,
    comparison: Comparison,
    cases: Sequence[Scan],
    results: Mapping[str, Mapping[str, Mapping[str, float]]],
) -> None:
    """Write `report.md`, `report.html`, `metrics.json`, `metrics.md` and `figures/`.

    Args:
        folder: of the comparison.
        comparison: what was compared.
        cases: the scans that were judged.
        results: title -> kind -> metric -> value.
    """
    write_cohort(folder, results, settings=comparison.budget.as_dict() | {"seed": comparison.seed})
    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    lines = [line.strip("| ").split(" | ") for line in cohort_table(results).splitlines() if line]
    kinds = dict.fromkeys(scan.kind for scan in cases)
    counted = ", ".join(f"{sum(s.kind == kind for s in cases)} {kind}" for kind in kinds)
    budget = comparison.budget
    blocks: list[Block] = [
        Text(comparison.study.about),
        Text(
            f"Cases: {counted}. Every system: {budget.iterations} iterations of "
            f"{budget.batch_size} patches, width {budget.width}, {budget.latent_size} latent "
            f"numbers, a search of {budget.search_steps} steps where it searches; seed "
            f"{comparison.seed}."
        ),
        Heading("Voxel and case level"),
        Text(WORDS),
        Table(lines[0], lines[2:]),
        Heading("Maps"),
        *_pictures(folder, cases, figures),
        *published("volumes"),
    ]
    write_document(folder, f"Comparison: {comparison.study.title}", blocks, version=__version__)


def _pictures(folder: Path, cases: Sequence[Scan], figures: Path) -> list[Block]:
    """The first case of each kind of lesion in the slice with most of it, map by map."""
    kinds = dict.fromkeys(scan.kind for scan in cases if scan.kind != HEALTHY)
    drawn: list[Block] = []
    for kind in kinds:
        scan = next(s for s in cases if s.kind == kind)
        path = _draw(scan, sorted((folder / "runs" / "volumes").iterdir()), figures, kind)
        words = (
            f"{kind}: an axial slice, where the lesion is, and every contender's map, each on the "
            f"scale of its own {FULL}th percentile in this brain."
        )
        drawn.append(Figure(path, words))
    return drawn


def _draw(scan: Scan, runs: Sequence[Path], figures: Path, kind: str) -> Path:
    level = int(scan.lesion[0].sum((0, 1)).argmax())
    case = f"{scan.name}.npz"
    image, lesion = _slice(scan.image[0].numpy(), level), _slice(scan.lesion[0].numpy(), level)
    panels: list[tuple[str, NDArray]] = [("input", image), ("truth", marked(image, lesion))]
    for run in runs:
        if (run / case).is_file():
            with np.load(run / case) as file:
                heat = file["map"][0].astype(np.float32)
            full = float(np.percentile(heat[scan.mask[0].numpy()], FULL))
            panels.append((run.name, _slice(heat, level) / max(full, 1e-6)))
    columns = 6
    rows = -(-len(panels) // columns)
    figure = Canvas(figsize=(1.6 * columns, 2.3 * rows), layout="constrained")
    for axes in figure.subplots(rows, columns, squeeze=False).flat:
        axes.set_axis_off()
    for axes, (title, picture) in zip(figure.axes, panels, strict=False):
        grey = title in ("input", "truth")
        axes.imshow(
            picture,
            cmap="gray" if grey else mpl.colormaps["inferno"],
            vmin=-1 if grey else 0,
            vmax=1,
        )
        axes.set_title(title, fontsize=8)
    return save_small(figure, figures / f"maps_{kind}.png", largest=LARGEST)


def _slice(volume: NDArray, level: int) -> NDArray:
    """An axial slice of a RAS volume: front on top, the patient's left on the viewer's right."""
    return volume[..., level].T[::-1, ::-1]
