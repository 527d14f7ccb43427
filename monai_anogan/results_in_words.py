"""What was found in a case, as lines for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from monai_anogan.maps import UNLIKE, Findings
from monai_anogan.outputs import DICOM_OBJECTS, DicomResults
from monai_anogan.reports import place_in_words

__all__ = ["dicom_in_words", "findings_in_words", "in_short"]

MOST_LINES = 10  # of findings


def findings_in_words(found: Findings | None) -> list[str]:
    """The findings of a case as lines for a terminal."""
    if found is None:
        return []
    count = {0: "no finding", 1: "1 finding"}.get(len(found), f"{len(found)} findings")
    lines = [f"{count} at alpha {found.alpha:g}, p-value of the scan {found.p_value:.3g}"]
    lines += [
        f"  {f.label:2d}  p {f.p_value:.3g}  peak {f.peak:.1f}  {f.volume_ml:7.2f} ml  "
        f"{f.diameter_mm:3.0f} mm  at {place_in_words(f.centroid_mm)} mm"
        for f in list(found)[:MOST_LINES]
    ]
    if len(found) > MOST_LINES:
        lines.append(f"  and {len(found) - MOST_LINES} more in findings.csv")
    return lines


def dicom_in_words(results: DicomResults) -> list[str]:
    """The DICOM objects that are not there, as lines for a terminal."""
    return [f"no {DICOM_OBJECTS[name]}: {why}" for name, why in results.skipped.items()]


def in_short(warnings: Sequence[str]) -> list[str]:
    """Warnings for a terminal: of several about one scan, the worst and how many more."""
    unlike = [line for line in warnings if line.startswith(UNLIKE)]
    others = [line for line in warnings if line not in unlike]
    more = f", and {len(unlike) - 1} more in summary.json" if len(unlike) > 1 else ""
    return [*(f"{line}{more}" for line in unlike[:1]), *others]
