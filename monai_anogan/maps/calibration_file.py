"""A calibration on disk: what was learned from healthy scans, and for which model and settings.

JSON, because it is small, can be read by a person and compared line by line, and runs no code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from monai_anogan import __version__
from monai_anogan.errors import InputError
from monai_anogan.maps.calibration import Calibration
from monai_anogan.maps.domain import Domain

__all__ = ["CalibrationFile", "load_calibration", "weights_digest"]

FORMAT = 5
UNFIT = "the calibration was fitted for other weights; run: anogan calibrate --healthy DIR -o OUT"


@dataclass(frozen=True)
class CalibrationFile:
    """A fitted calibration and domain with what they hold for."""

    calibration: Calibration
    domain: Domain
    weights: str  # SHA-256 of the checkpoints whose maps were calibrated
    settings: dict[str, Any] = field(default_factory=dict)  # that the maps were made with
    fits: bool = True  # whether it was fitted for the weights it is used with
    caveat: str = ""  # why its numbers do not hold as promised; empty if they do

    def save(self, path: str | Path) -> None:
        """Write it as JSON."""
        record = {
            "format": FORMAT,
            "software": f"monai_anogan {__version__}",
            "scans": len(self.calibration.masses_),
            "weights": self.weights,
            "settings": self.settings,
            "calibration": self.calibration.state(),
            "domain": self.domain.state(),
        }
        text = json.dumps(record, indent=1, allow_nan=False)
        Path(path).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read it back.

        Raises:
            InputError: The file is missing, no JSON, or no calibration of this format.
        """
        place = Path(path)
        try:
            record = json.loads(place.read_text(encoding="utf-8"))
            if record["format"] != FORMAT:
                raise InputError(
                    f"{place} must have calibration format {FORMAT}, got {record['format']}; "
                    "calibrate again with this version"
                )
            return cls(
                calibration=Calibration.from_state(record["calibration"]),
                domain=Domain.from_state(record["domain"]),
                weights=record["weights"],
                settings=record["settings"],
            )
        except FileNotFoundError as error:
            raise InputError(f"the calibration must be a file, {place} does not exist") from error
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"{place} must be a calibration, got something else ({type(error).__name__}); "
                "make one with: anogan calibrate --healthy DIR -o OUT"
            ) from error


def load_calibration(
    path: str | Path, *, weights: Sequence[str | Path], settings: Mapping[str, Any]
) -> CalibrationFile | None:
    """The calibration of a bundle, checked against what it is used with.

    Args:
        path: of the file; a bundle may have none.
        weights: checkpoints that the raw map of this run depends on.
        settings: that the raw map of this run depends on.

    Returns:
        None where there is no file; else the calibration, with a caveat where it was fitted for
        something else.

    Raises:
        InputError: The file is there but is no calibration.
    """
    if not Path(path).is_file():
        return None
    loaded = CalibrationFile.load(path)
    fits = loaded.weights == weights_digest(*weights)
    other = sorted(n for n in settings if loaded.settings.get(n) != _plain(settings[n]))
    differ = f"the calibration was fitted with other settings ({', '.join(other)})" if other else ""
    caveat = UNFIT if not fits else differ
    return CalibrationFile(
        loaded.calibration, loaded.domain, loaded.weights, loaded.settings, fits, caveat
    )


def weights_digest(*checkpoints: str | Path) -> str:
    """SHA-256 of files, one after the other, in hexadecimal digits."""
    digest = hashlib.sha256()
    for checkpoint in checkpoints:
        with Path(checkpoint).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    """A setting as JSON gives it back."""
    return json.loads(json.dumps(value.tolist() if isinstance(value, np.generic) else value))
