"""Parts of the settings: what they all have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

__all__ = ["Part", "Place"]


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("must be an absolute path")
    return path


Place = Annotated[Path, AfterValidator(_absolute)]


class Part(BaseModel):
    """A part of the settings: no key that is not known, no change later."""

    model_config = ConfigDict(extra="forbid", frozen=True)
