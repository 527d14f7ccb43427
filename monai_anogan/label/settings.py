"""What `monailabel start_server --conf NAME VALUE` may set: words become values, at the door."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from monai_anogan.commands.loading import load_pipeline
from monai_anogan.commands.options import Modes, Searches
from monai_anogan.errors import InputError
from monai_anogan.pipeline import Pipeline

__all__ = ["SETTINGS", "pipeline_of", "read_settings"]

WORDS = {"true": True, "false": False}


def _truth(word: str) -> bool:
    return WORDS[word.lower()]


def _overlays(word: str) -> list[Path]:
    return [Path(part) for part in word.split(",")]


SETTINGS: dict[str, Callable[[str], Any]] = {
    "bundle": Path,
    "overlay": _overlays,
    "calibration": Path,
    "mode": Modes,
    "search": Searches,
    "steps": int,
    "seed": int,
    "device": str,
    "alpha": float,
    "force": _truth,
    "cache_scans": int,
    "next_sample_seconds": float,
}
OF_THE_APP = ("cache_scans", "next_sample_seconds")
OF_MONAI_LABEL = ("server_mode",)


def read_settings(words: Mapping[str, str]) -> dict[str, Any]:
    """Values by name.

    Raises:
        InputError: There is no such setting, or it cannot have that value.
    """
    return {name: _value(name, word) for name, word in words.items() if name not in OF_MONAI_LABEL}


def pipeline_of(values: Mapping[str, Any]) -> Pipeline:
    """The pipeline with these settings; everything else as the bundle has it.

    Raises:
        InputError: The bundle, an overlay or the calibration is not there, or does not fit.
    """
    asked = {name: value for name, value in values.items() if name not in OF_THE_APP}
    overlays = asked.pop("overlay", None)
    return load_pipeline(asked.pop("bundle", None), overlays=overlays, **asked)


def _value(name: str, word: str) -> Any:
    if name not in SETTINGS:
        raise InputError(f"--conf must name one of {', '.join(SETTINGS)}, got {name}")
    try:
        return SETTINGS[name](word)
    except (ValueError, KeyError) as error:
        raise InputError(f"--conf {name} cannot be {word!r}") from error
