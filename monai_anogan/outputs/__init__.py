"""Results out: NIfTI and DICOM on the source's own grid, in folders that appear whole."""

from __future__ import annotations

from monai_anogan.outputs.atomic import atomic_folder
from monai_anogan.outputs.case import SaveCased, case_name, write_maps
from monai_anogan.outputs.deidentify import deidentify
from monai_anogan.outputs.dicom_choice import DICOM_OBJECTS, dicom_objects
from monai_anogan.outputs.dicom_results import DicomResults, write_dicom_results
from monai_anogan.outputs.filled_nifti import write_filled_nifti
from monai_anogan.outputs.filled_series import holds_other_volumes, write_filled_series
from monai_anogan.outputs.findings import DISCLAIMER, write_findings
from monai_anogan.outputs.folder_lock import lock_folder
from monai_anogan.outputs.frame_order import FrameOrder
from monai_anogan.outputs.measurement_report import write_measurement_report
from monai_anogan.outputs.mr_series import write_mr_series
from monai_anogan.outputs.nifti import write_nifti
from monai_anogan.outputs.overlay_series import write_overlay_series
from monai_anogan.outputs.parametric_map import write_parametric_map
from monai_anogan.outputs.segmentation import write_segmentation

__all__ = [
    "DICOM_OBJECTS",
    "DISCLAIMER",
    "DicomResults",
    "FrameOrder",
    "SaveCased",
    "atomic_folder",
    "case_name",
    "deidentify",
    "dicom_objects",
    "holds_other_volumes",
    "lock_folder",
    "write_dicom_results",
    "write_filled_nifti",
    "write_filled_series",
    "write_findings",
    "write_maps",
    "write_measurement_report",
    "write_mr_series",
    "write_nifti",
    "write_overlay_series",
    "write_parametric_map",
    "write_segmentation",
]
