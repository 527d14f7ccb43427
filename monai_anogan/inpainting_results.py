"""What `anogan inpaint` leaves: the filled scan as NIfTI and DICOM, a picture, a summary."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai_anogan import __version__
from monai_anogan.inpainting import Filling
from monai_anogan.io import MaskFile, load_stored
from monai_anogan.outputs import (
    DISCLAIMER,
    case_name,
    holds_other_volumes,
    write_filled_nifti,
    write_filled_series,
    write_nifti,
)
from monai_anogan.pipeline import Pipeline
from monai_anogan.reports import write_filling_picture
from monai_anogan.result_pictures import describe_input

__all__ = ["write_filling"]

OTHERS = "no DICOM series written: the source's file holds frames of other volumes too"
HOW = ("mirror", "prior_weight", "reach", "anchor")


def write_filling(
    filling: Filling,
    folder: str | Path,
    pipeline: Pipeline,
    item: Mapping[str, str],
    mask: MaskFile,
) -> tuple[list[Path], list[str]]:
    """Write `filled.nii.gz`, `filled_mask.nii.gz`, for DICOM the series `filled`, and the rest.

    Args:
        filling: of the case.
        folder: an existing folder; `atomic_folder` makes the files appear together.
        pipeline: what made it.
        item: the case as it was given to the pipeline.
        mask: what was to be filled.

    Returns:
        What was written, `summary.json` last; and lines about what could not be.
    """
    place, model = Path(folder), f"{pipeline.metadata['name']} {pipeline.metadata['version']}"
    written = _write_nifti(filling, place)
    series, told = _write_series(filling, place, model)
    written += [*series, place / "filled.png", place / "summary.json"]
    write_filling_picture(
        place / "filled.png",
        before=filling.source[0].numpy(),
        hole=filling.hole[0].numpy(),
        after=filling.filled[0].numpy(),
        affine=filling.source.affine.numpy(),
        title=f"{case_name(item['image'])}   {filling.millilitres:.1f} ml filled",
        footer=f"{model}, mode {pipeline.settings['mode']}. The filling is made up: not this "
        "patient's own tissue",
    )
    summary = {
        "input": describe_input(item, filling.source),
        "mask": {
            "path": str(mask.path),
            "voxels": int(filling.hole.sum()),
            "millilitres": round(filling.millilitres, 3),
        },
        "warnings": [*filling.warnings, *told],
        "model": {"name": pipeline.metadata["name"], "version": pipeline.metadata["version"]},
        "software": {"name": "monai_anogan", "version": __version__},
        "settings": pipeline.settings | {name: pipeline[name] for name in HOW},
        "seconds": {name: round(seconds, 3) for name, seconds in filling.seconds.items()},
        "files": [path.name for path in written[:-1]],
        "disclaimer": DISCLAIMER,
    }
    written[-1].write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return written, told


def _write_nifti(filling: Filling, folder: Path) -> list[Path]:
    """The filled scan, in the type of the source where that is NIfTI, and what was filled."""
    source, hole = filling.source, filling.hole[0].numpy()
    paths = [folder / "filled.nii.gz", folder / "filled_mask.nii.gz"]
    affine, filled = source.affine.numpy(), filling.filled[0].numpy()
    if _is_dicom(filling):
        write_nifti(filled, paths[0], affine=affine)
        write_nifti(hole.astype("uint8"), paths[1], affine=affine)
    else:
        path = source.meta["filename_or_obj"]
        write_filled_nifti(filled, hole, path, paths[0], version=__version__)
        write_nifti(hole.astype("uint8"), paths[1], affine=affine, like=path)
    return paths


def _write_series(filling: Filling, folder: Path, model: str) -> tuple[list[Path], list[str]]:
    """The filled scan as a series, where it came as one."""
    if not _is_dicom(filling):
        return [], []
    meta: dict[str, Any] = filling.source.meta
    stored = load_stored(meta["dicom_files"], meta["dicom_frames"])
    if holds_other_volumes(stored):
        return [], [OTHERS]
    filled, hole = filling.filled[0].numpy(), filling.hole[0].numpy()
    target = folder / "filled"
    write_filled_series(filled, hole, stored, target, version=__version__, model=model)
    return [target], []


def _is_dicom(filling: Filling) -> bool:
    return bool(filling.source.meta.get("dicom_files"))
