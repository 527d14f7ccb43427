"""The image files of one case: maps on the scan's own grid, as NIfTI and, from DICOM, as DICOM."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from pathlib import Path
from typing import Any

import torch
from monai.data import MetaTensor
from monai.transforms import Transform

from monai_anogan.outputs.atomic import atomic_folder
from monai_anogan.outputs.deidentify import deidentify
from monai_anogan.outputs.findings import write_findings
from monai_anogan.outputs.nifti import write_nifti
from monai_anogan.outputs.overlay_series import write_overlay_series
from monai_anogan.outputs.parametric_map import write_parametric_map

__all__ = ["DICOM_OBJECTS", "SaveCased", "case_name", "write_maps"]

DICOM_OBJECTS = {"pm": "Parametric Map", "sc": "Secondary Capture overlay"}


def write_maps(
    folder: str | Path,
    *,
    source: MetaTensor,
    anomaly_map: torch.Tensor,
    reconstruction: torch.Tensor,
    version: str,
    model: str = "",
    dicom: Collection[str] = ("pm",),
    map_max: float = 1.0,
    anonymous: bool = False,
) -> list[Path]:
    """Write `anomaly_map.nii.gz`, `reconstruction.nii.gz` and, from DICOM, DICOM objects.

    Args:
        folder: an existing folder.
        source: the scan, (1, I, J, K), with the meta data it was loaded with.
        anomaly_map: (1, I, J, K) on the same grid.
        reconstruction: (1, I, J, K) on the same grid.
        version: of this software.
        model: name and version of the model.
        dicom: which objects: "pm", the Parametric Map `anomaly_map.dcm`; "sc", the colour overlay
            as Secondary Capture images in the folder `overlay`.
        map_max: the score that gets the brightest colour of the overlay.
        anonymous: leave out of the DICOM objects who the patient is.

    Returns:
        The files written; a folder for those of a series.
    """
    out = Path(folder)
    dicom_files = source.meta.get("dicom_files")
    like = None if dicom_files else source.meta.get("filename_or_obj")
    affine = source.affine.numpy()
    volumes = {"anomaly_map": anomaly_map, "reconstruction": reconstruction}
    written = []
    for name, volume in volumes.items():
        written.append(out / f"{name}.nii.gz")
        write_nifti(torch.as_tensor(volume)[0].numpy(), written[-1], affine=affine, like=like)
    if dicom_files:
        how = {"dicom_frames": source.meta.get("dicom_frames"), "version": version, "model": model}
        scores = torch.as_tensor(anomaly_map)[0].numpy()
        if "pm" in dicom:
            written.append(out / "anomaly_map.dcm")
            write_parametric_map(scores, dicom_files, written[-1], **how)
        if "sc" in dicom:
            written.append(out / "overlay")
            scan = source[0].numpy()
            write_overlay_series(scores, scan, dicom_files, written[-1], top=map_max, **how)
    if anonymous:
        deidentify(out.rglob("*.dcm"))
    return written


def case_name(path: str | Path) -> str:
    """The name of a case: its file or folder without the suffix of the format."""
    name = Path(path).resolve().name
    for suffix in (".nii.gz", ".nii", ".dcm"):
        name = name.removesuffix(suffix)
    return name


class SaveCased(Transform):
    """The last transform of the bundle's inference: write the maps of a case into its own folder.

    Args:
        output_dir: a folder `NAME` for each case is made in it, whole or not at all.
        version: of this software.
        source_key: the scan on its own grid.
        map_key: the anomaly map on that grid.
        reconstruction_key: the reconstruction on that grid.
        findings_key: the `Findings`, where the map is calibrated.
        label_key: their label volume on the scan's grid.
    """

    def __init__(
        self,
        output_dir: str | Path,
        version: str = "",
        source_key: str = "source",
        map_key: str = "anomaly_map",
        reconstruction_key: str = "pred",
        findings_key: str = "findings",
        label_key: str = "finding_labels",
    ) -> None:
        self.output_dir, self.version = Path(output_dir), version
        self.source_key, self.map_key = source_key, map_key
        self.reconstruction_key = reconstruction_key
        self.findings_key, self.label_key = findings_key, label_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        source = data[self.source_key]
        name = case_name(source.meta["filename_or_obj"])
        with atomic_folder(self.output_dir / name) as folder:
            write_maps(
                folder,
                source=source,
                anomaly_map=data[self.map_key],
                reconstruction=data[self.reconstruction_key],
                version=self.version,
            )
            if self.findings_key in data:
                found, labels = data[self.findings_key], data[self.label_key]
                write_findings(folder, found, labels, source=source, version=self.version)
        return dict(data)
