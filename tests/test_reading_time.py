"""A real series is read in at most 1.2 times the time that SimpleITK's series reader takes."""

from __future__ import annotations

import re
from pathlib import Path

from conftest import RunPython

SCRIPT = Path(__file__).parents[1] / "scripts" / "time_reading.py"
FOLDER = "dicom/t1_mprage_mixed/t1_MPRAGEcr_noGRAPPA_19"


def test_the_mprage_is_read_as_fast_as_simpleitk_reads_it(
    shared_data: Path, run_python: RunPython
) -> None:
    """Medians of turns taken side by side, so that a busy machine slows both."""
    (printed,) = run_python([SCRIPT, shared_data / FOLDER, "--turns", 7])
    ratio = re.search(r"^ratio +(\d+\.\d+)$", printed, re.MULTILINE)
    assert ratio, printed
    assert float(ratio[1]) <= 1.2, printed
