"""Scans in: DICOM series found, checked, ordered and loaded; inputs told apart."""

from __future__ import annotations

from monai_anogan.io.archive import opened
from monai_anogan.io.cases import HEALTHY, read_cases
from monai_anogan.io.cohort import read_cohort
from monai_anogan.io.dicom_file import DICOM_ERRORS, parse_header
from monai_anogan.io.dicom_header import VOLUME_CLASSES
from monai_anogan.io.dicom_scan import DicomSeries, count_others, scan_dicom
from monai_anogan.io.dicom_volume import StoredVolume, load_stack, load_stored, load_volume
from monai_anogan.io.healthy import find_healthy
from monai_anogan.io.inputs import find_inputs
from monai_anogan.io.mask_file import MaskFile, read_mask
from monai_anogan.io.mask_grid import mask_on_grid
from monai_anogan.io.reader import DicomSeriesReader
from monai_anogan.io.series_choice import choose_series, describe
from monai_anogan.io.series_list import find_series, list_series
from monai_anogan.io.series_table import series_records, series_table
from monai_anogan.io.slice_stack import SliceStack

__all__ = [
    "DICOM_ERRORS",
    "HEALTHY",
    "VOLUME_CLASSES",
    "DicomSeries",
    "DicomSeriesReader",
    "MaskFile",
    "SliceStack",
    "StoredVolume",
    "choose_series",
    "count_others",
    "describe",
    "find_healthy",
    "find_inputs",
    "find_series",
    "list_series",
    "load_stack",
    "load_stored",
    "load_volume",
    "mask_on_grid",
    "opened",
    "parse_header",
    "read_cases",
    "read_cohort",
    "read_mask",
    "scan_dicom",
    "series_records",
    "series_table",
]
