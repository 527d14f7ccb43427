"""What a person looks at: the picture of a case, the table of a cohort."""

from monai_anogan.reports.cohort import cohort_table, write_cohort
from monai_anogan.reports.overview import DISCLAIMER, write_overview

__all__ = ["DISCLAIMER", "cohort_table", "write_cohort", "write_overview"]
