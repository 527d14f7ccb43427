"""Rules: which series the node takes, by what their headers say."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from monai_anogan.service.part import Part

__all__ = ["Rule"]


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"must be a regular expression ({error})") from error
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]


class Rule(Part):
    """A series matches when everything that the rule states is so; patterns ignore case."""

    modality: str = "MR"
    description: Pattern | None = None  # found anywhere in the Series Description
    body_part: Pattern | None = None  # found anywhere in the Body Part Examined

    def matches(self, modality: str, description: str, body_part: str) -> bool:
        """Whether a series with these attributes is one of the rule's."""
        return (
            modality == self.modality
            and _found(self.description, description)
            and _found(self.body_part, body_part)
        )


def _found(pattern: str | None, text: str) -> bool:
    return pattern is None or re.search(pattern, text, re.IGNORECASE) is not None
