"""The image files of one case: maps on the scan's own grid as NIfTI; all results of a bundle."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import torch
from monai.data import MetaTensor
from monai.transforms import Transform

from monai_anogan.outputs.atomic import atomic_folder
from monai_anogan.outputs.dicom_results import write_dicom_results
from monai_anogan.outputs.findings import write_findings
from monai_anogan.outputs.nifti import write_nifti

__all__ = ["SaveCased", "case_name", "write_maps"]


def write_maps(
    folder: str | Path,
    *,
    source: MetaTensor,
    anomaly_map: torch.Tensor,
    reconstruction: torch.Tensor,
) -> list[Path]:
    """Write `anomaly_map.nii.gz` and `reconstruction.nii.gz`.

    Args:
        folder: an existing folder.
        source: the scan, (1, I, J, K), with the meta data it was loaded with.
        anomaly_map: (1, I, J, K) on the same grid.
        reconstruction: (1, I, J, K) on the same grid.

    Returns:
        The files written.
    """
    like = None if source.meta.get("dicom_files") else source.meta.get("filename_or_obj")
    affine = source.affine.numpy()
    volumes = {"anomaly_map": anomaly_map, "reconstruction": reconstruction}
    written = []
    for name, volume in volumes.items():
        written.append(Path(folder, f"{name}.nii.gz"))
        write_nifti(torch.as_tensor(volume)[0].numpy(), written[-1], affine=affine, like=like)
    return written


def case_name(path: str | Path) -> str:
    """The name of a case: its file or folder without the suffix of the format."""
    name = Path(path).resolve().name
    for suffix in (".nii.gz", ".nii", ".dcm"):
        name = name.removesuffix(suffix)
    return name


class SaveCased(Transform):
    """The last transform of the bundle's inference: write a case into its own folder.

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
        anomaly_map = data[self.map_key]
        found, labels = data.get(self.findings_key), data.get(self.label_key)
        with atomic_folder(self.output_dir / name) as folder:
            write_maps(
                folder,
                source=source,
                anomaly_map=anomaly_map,
                reconstruction=data[self.reconstruction_key],
            )
            write_dicom_results(
                folder,
                source=source,
                anomaly_map=anomaly_map,
                version=self.version,
                findings=found,
                labels=labels,
            )
            if found is not None and labels is not None:
                write_findings(folder, found, labels, source=source, version=self.version)
        return dict(data)
