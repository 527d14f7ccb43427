"""Settings file: read, and refused in one line that names the place of what does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from monai_anogan.errors import InputError
from monai_anogan.service.settings import Settings

__all__ = ["load_settings"]


def load_settings(path: Path) -> Settings:
    """Read a node's settings.

    Args:
        path: of the YAML file.

    Raises:
        InputError: It cannot be read, or does not fit the schema; the message names the place.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"the settings must be a file, got {path} ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} must be YAML, got an error in it: {reason}") from error
    try:
        return Settings.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{path} must fit the schema: {_in_words(error)}") from error


def _in_words(error: ValidationError) -> str:
    problems = error.errors(include_url=False)
    first = problems[0]
    where = ".".join(str(part) for part in first["loc"]) or "the file"
    said = first["msg"].removeprefix("Value error, ")
    got = "" if first["type"] in ("missing", "value_error") else f", got {_short(first['input'])}"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{where}: {said[:1].lower()}{said[1:]}{got}{more}; see docs/serve.md"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
