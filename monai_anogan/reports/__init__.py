"""What a person looks at: the picture and the report of a case, the table of a cohort."""

from monai_anogan.outputs import DISCLAIMER
from monai_anogan.reports.cohort import cohort_table, write_cohort
from monai_anogan.reports.filling import write_filling_picture
from monai_anogan.reports.latent_walk import latent_walk, save_latent_walk
from monai_anogan.reports.overview import write_overview
from monai_anogan.reports.page import place_in_words, write_report
from monai_anogan.reports.scene import Scene, compose
from monai_anogan.reports.shade import Shade

__all__ = [
    "DISCLAIMER",
    "Scene",
    "Shade",
    "cohort_table",
    "compose",
    "latent_walk",
    "place_in_words",
    "save_latent_walk",
    "write_cohort",
    "write_filling_picture",
    "write_overview",
    "write_report",
]
