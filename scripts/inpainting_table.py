"""Measure how well holes in healthy scans are filled, against the truth and plain fills.

    python scripts/inpainting_table.py DATASET_DIR LESION_DIR OUT [--split val] [--most 15]

Every healthy scan gets two holes in the shape of real lesions, an infarct and ms foci, cut to its
brain: those that LESION_DIR has for this subject, else those of another one, moved so that the
middles of the two brains meet. Writes OUT/inpainting.md and .json: mean absolute error in the hole,
in percent of the brain's grey range, and contrast, the standard deviation in the hole as a share of
the truth's; means over scans. `--vary mirror=1` adds a row with another setting of the bundle,
`--detect 3` says what `anogan detect` finds in the first scans before and after.
"""

from __future__ import annotations

import csv
import json
import time
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import nibabel as nib
import numpy as np
import typer
import yaml
from nibabel.affines import apply_affine
from scipy import ndimage

from monai_anogan.inpainting import inpaint, overlay_of
from monai_anogan.io import read_cohort, read_mask
from monai_anogan.outputs import write_filled_nifti
from monai_anogan.pipeline import Pipeline
from monai_anogan.transforms import harmonic_fill

KINDS = ("infarct", "ms")


def main(
    dataset_dir: Path,
    lesion_dir: Path,
    out: Path,
    split: Annotated[str, typer.Option()] = "val",
    most: Annotated[int, typer.Option(help="scans")] = 15,
    vary: Annotated[list[str] | None, typer.Option(help="a row with ID=VALUE[,ID=VALUE]")] = None,
    detect: Annotated[int, typer.Option(help="scans to run `anogan detect` on")] = 0,
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    ways: dict[str, dict[str, Any]] = {"encoder's guess": {"mode": "encoder"}, "search": {}}
    for words in vary or ():
        pairs = (pair.split("=") for pair in words.split(","))
        ways[f"search, {words}"] = {name: yaml.safe_load(value) for name, value in pairs}
    fillers = {name: _pipeline(settings) for name, settings in ways.items()}
    errors, contrasts, seconds = defaultdict(list), defaultdict(list), defaultdict(list)
    found = []
    detector = Pipeline() if detect else None
    cases = list(csv.DictReader((lesion_dir / "cases.csv").open()))
    items = read_cohort(dataset_dir, split, with_label=True)[:most]
    for index, item in enumerate(items):
        image = nib.load(item["image"])
        truth = np.asarray(image.dataobj, dtype=np.float32)
        brain = np.asarray(nib.load(item["label"]).dataobj) > 0
        low, high = np.percentile(truth[brain], (0.5, 99.5))
        for kind in KINDS:
            hole = _hole(image, brain, _case(cases, kind, item, index), dataset_dir, lesion_dir)
            rows = _plain(truth, brain, hole)
            with TemporaryDirectory() as folder:
                mask = Path(folder, "mask.nii.gz")
                nib.save(nib.Nifti1Image(hole.astype(np.uint8), image.affine), mask)
                for name, pipeline in fillers.items():
                    begin = time.perf_counter()
                    rows[name] = inpaint(pipeline, item, read_mask(mask)).filled[0].numpy()
                    seconds[name, kind].append(time.perf_counter() - begin)
                if detector is not None and index < detect:
                    found.append(_detected(detector, item, kind, rows["search"], hole, folder))
            for name, filled in rows.items():
                error = np.abs(filled - truth)[hole].mean() / (high - low)
                errors[name, kind].append(100 * float(error))
                contrasts[name, kind].append(float(filled[hole].std() / truth[hole].std()))
        _write(out, _record(split, index + 1, errors, contrasts, seconds, found))
        print(item["image"], flush=True)
    print((out / "inpainting.md").read_text())


def _record(split, scans, errors, contrasts, seconds, found):
    """What was measured up to now."""
    rows = []
    for name in dict.fromkeys(name for name, _ in errors):
        row = {"fill": name}
        for kind in KINDS:
            row[f"error_{kind}"] = float(np.mean(errors[name, kind]))
            row[f"contrast_{kind}"] = float(np.mean(contrasts[name, kind]))
            row[f"seconds_{kind}"] = float(np.mean(seconds[name, kind] or [0]))
        rows.append(row)
    singly = {f"{name}, {kind}": values for (name, kind), values in errors.items()}
    return {"split": split, "scans": scans, "rows": rows, "errors": singly, "detect": found}


def _write(out, record):
    (out / "inpainting.json").write_text(json.dumps(record, indent=2) + "\n")
    (out / "inpainting.md").write_text(_table(record))


def _pipeline(settings: dict[str, Any]) -> Pipeline:
    return Pipeline(overlays=[overlay_of()], settings=settings)


def _case(cases, kind, item, index):
    """The subject's own lesion, or another subject's."""
    of_kind = [case for case in cases if case["kind"] == kind]
    own = [case for case in of_kind if case["subject"] in Path(item["image"]).name]
    return own[0] if own else of_kind[index % len(of_kind)]


def _hole(image, brain, case, dataset_dir, lesion_dir):
    """The lesion's shape on the scan's grid, its brain moved onto the scan's."""
    lesion = nib.load(lesion_dir / "mask" / f"{case['case']}.nii.gz")
    theirs = nib.load(dataset_dir / "mask" / f"{case['subject']}.nii.gz")
    middle = apply_affine(theirs.affine, np.argwhere(np.asarray(theirs.dataobj) > 0).mean(0))
    shift = np.eye(4)
    shift[:3, 3] = middle - apply_affine(image.affine, np.argwhere(brain).mean(0))
    to_lesion = np.linalg.inv(lesion.affine) @ shift @ image.affine
    marks = (np.asarray(lesion.dataobj) > 0).astype(np.uint8)
    moved = ndimage.affine_transform(
        marks, to_lesion[:3, :3], to_lesion[:3, 3], output_shape=brain.shape, order=0
    )
    return (moved > 0) & brain


def _plain(truth, brain, hole):
    """The plain fills: what they are told of the brain is the truth."""
    known = brain & ~hole
    nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    return {
        "mean of the brain": np.where(hole, truth[known].mean(), truth),
        "nearest voxel of the brain": np.where(hole, truth[tuple(nearest)], truth),
        "smooth (Laplace)": harmonic_fill(truth, hole, known=brain),
    }


def _detected(detector, item, kind, filled, hole, folder):
    """Findings and case score of a healthy scan, and of it with a hole filled."""
    path = Path(folder, "filled.nii.gz")
    write_filled_nifti(filled, hole, item["image"], path, version="benchmark")
    before, after = detector.run(item), detector.run({"image": str(path)})
    scores = {"case_score_before": before.case_score, "case_score_after": after.case_score}
    counts = {"findings_before": len(before.findings), "findings_after": len(after.findings)}
    return {"scan": Path(item["image"]).name, "hole": kind} | counts | scores


def _table(record):
    head = ["Fill", *(f"{word}, {kind}" for word in ("Error %", "Contrast") for kind in KINDS)]
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    for row in record["rows"]:
        cells = [row["fill"], *(f"{row[f'error_{kind}']:.2f}" for kind in KINDS)]
        cells += [f"{row[f'contrast_{kind}']:.2f}" for kind in KINDS]
        lines.append("| " + " | ".join(cells) + " |")
    lines.append(f"\n{record['scans']} healthy scans of `{record['split']}`.")
    for one in record["detect"]:
        lines.append(
            f"- {one['scan']}, {one['hole']}: findings {one['findings_before']} before, "
            f"{one['findings_after']} after; case score {one['case_score_before']:.3f}, "
            f"{one['case_score_after']:.3f}"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    typer.run(main)
