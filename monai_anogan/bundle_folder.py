"""What a bundle's folder holds, and what is laid over it, read or refused with the reason."""

from __future__ import annotations

import json
import pickle
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser
from torch import nn
from yaml import YAMLError

from monai_anogan.errors import InputError

__all__ = ["check_overlay", "default_bundle", "load_weights", "packaged", "read_metadata"]


def packaged(name: str) -> Path:
    """A folder that comes with the package: inside it in a wheel, beside it in a checkout."""
    package = Path(str(files("monai_anogan")))
    inside = package / name
    return inside if inside.is_dir() else package.parent / name


def default_bundle() -> Path:
    """The bundle that comes with the package."""
    return packaged("bundle")


def read_metadata(bundle: Path) -> dict[str, Any]:
    """The content of a bundle's `configs/metadata.json`.

    Raises:
        InputError: There is none, so the folder is no bundle, or it is no JSON.
    """
    path = bundle / "configs" / "metadata.json"
    if not path.is_file():
        raise InputError(f"a bundle must hold configs/metadata.json, {path} is missing")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} must be JSON, got an error in it: {error}") from error


def check_overlay(path: Path) -> None:
    """Refuse what cannot be laid over a config.

    Raises:
        InputError: The file is missing, or no JSON or YAML of config ids.
    """
    if not path.is_file():
        raise InputError(f"an overlay must be a file, {path} does not exist")
    try:
        content = ConfigParser.load_config_file(path)
    except (ValueError, YAMLError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"the overlay {path} must be JSON or YAML, got: {reason}") from error
    if not isinstance(content, dict):
        raise InputError(f"the overlay {path} must hold config ids with values, got {content!r}")


def load_weights(network: nn.Module, checkpoint: Path) -> None:
    """Put weights from a file into the bundle's network.

    Raises:
        InputError: The file is missing, broken or of another network.
    """
    if not checkpoint.is_file():
        raise InputError(f"the bundle must hold its weights, {checkpoint} is missing")
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, KeyError, pickle.UnpicklingError) as error:
        raise InputError(
            f"{checkpoint} must be a whole file of weights, got one that cannot be read; "
            "copy it again from its source"
        ) from error
    try:
        network.load_state_dict(state)
    except (RuntimeError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{checkpoint} must fit the bundle's network_def: {reason}") from error
