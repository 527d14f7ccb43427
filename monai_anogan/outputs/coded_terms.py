"""Coded terms: what our numbers are called where DICOM has no code for them.

A private scheme, identified in every object that uses it (PS3.3 C.12.1 Coding Scheme
Identification Sequence; PS3.16 section 8.2 for designators beginning with 99). Code values have 16
characters at most, meanings 64.
"""

from __future__ import annotations

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.sr import CodedConcept
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

__all__ = [
    "CENTROID",
    "FINDINGS",
    "INTENDED_USE",
    "METHOD",
    "MILLILITRE",
    "P_VALUE",
    "RAW",
    "RESEARCH_ONLY",
    "SCHEME",
    "SCORE",
    "THRESHOLD",
    "UNITLESS",
]

_DESIGNATOR = "99MONAIANOGAN"

SCHEME = CodingSchemeIdentificationItem(
    _DESIGNATOR, name="monai_anogan", responsible_organization="The monai_anogan authors"
)
UNITLESS = codes.UCUM.NoUnits
MILLILITRE = Code("ml", "UCUM", "milliliter")


def _term(value: str, meaning: str) -> CodedConcept:
    return CodedConcept(value, _DESIGNATOR, meaning)


SCORE = _term("anomaly_score", "Anomaly score, -log10 of healthy exceedance rate")
RAW = _term("anomaly_raw", "Anomaly score, raw, not calibrated")
METHOD = _term("latent_search", "Comparison with healthy reconstruction by generative network")
P_VALUE = _term("p_value", "p-value, conformal, among healthy scans")
THRESHOLD = _term("threshold", "Lowest anomaly score of a finding")
FINDINGS = _term("finding_count", "Number of findings")
CENTROID = (
    _term("centroid_x", "Centroid x in LPS, to the patient's left"),
    _term("centroid_y", "Centroid y in LPS, to the patient's back"),
    _term("centroid_z", "Centroid z in LPS, to the patient's head"),
)
INTENDED_USE = _term("intended_use", "Intended use")
RESEARCH_ONLY = _term("research_only", "Research use only, not a medical device")
