"""Equipment: who made a result (PS3.3 C.7.5.1 General Equipment), and by which algorithm.

highdicom adds the Contributing Equipment (PS3.3 C.12.1): the scanner of the source and itself.
"""

from __future__ import annotations

from typing import Any

import highdicom as hd
from pydicom.sr.codedict import codes

from monai_anogan.outputs.coded_terms import SCHEME

__all__ = ["ALGORITHM", "algorithm_sequence", "general_equipment"]

ALGORITHM = "monai_anogan"


def general_equipment(version: str, model: str) -> dict[str, Any]:
    """What every object states of its maker, as keyword arguments of highdicom's classes."""
    return {
        "manufacturer": ALGORITHM,
        "manufacturer_model_name": model[:64] or ALGORITHM,
        "software_versions": version,
        "device_serial_number": "0",
        "coding_schemes": [SCHEME],
    }


def algorithm_sequence(version: str, model: str) -> hd.AlgorithmIdentificationSequence:
    """The algorithm of a segment (PS3.3 table 10-19)."""
    return hd.AlgorithmIdentificationSequence(
        name=ALGORITHM,
        family=codes.DCM.ArtificialIntelligence,
        version=version,
        source=ALGORITHM,
        parameters={"model": model} if model else None,
    )
