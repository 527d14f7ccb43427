"""`anogan serve`: a DICOM node that looks at every series that comes, and sends the results on."""

from __future__ import annotations

import logging
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monai_anogan.errors import AnoganError, InputError
from monai_anogan.terminal import console

if TYPE_CHECKING:
    from monai_anogan.service.database import Database
    from monai_anogan.service.settings import Settings

__all__ = ["serve"]


def serve(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="Settings of the node, YAML.")],
    check: Annotated[
        bool, typer.Option("--check", help="Try everything the settings name, and start nothing.")
    ] = False,
    status: Annotated[
        bool, typer.Option("--status", help="Say what the node has done and what it set aside.")
    ] = False,
    retry: Annotated[
        int | None, typer.Option(help="Try a series that was set aside once more, by its number.")
    ] = None,
) -> None:
    """Serve as a DICOM node until SIGTERM. Research software, not a medical device."""
    settings = _settings(config)
    if check:
        _check(settings)
    elif status:
        _say(settings)
    elif retry is not None:
        _retry(settings, retry)
    else:
        from monai_anogan.service.node import Node

        _log_to_stderr()
        Node(settings).run()


def _settings(config: Path) -> Settings:
    try:
        import dicomweb_client  # noqa: F401
        import prometheus_client  # noqa: F401
        import pydantic  # noqa: F401
        import pynetdicom  # noqa: F401
    except ImportError as error:
        raise AnoganError(
            f"the node needs {error.name}; install it with: pip install 'monai-anogan[serve]'"
        ) from error
    from monai_anogan.service.settings_file import load_settings

    return load_settings(config)


def _check(settings: Settings) -> None:
    from monai_anogan.service.check import check

    wrong = 0
    for what, problem in check(settings):
        console.print(f"{'NO' if problem else 'ok'}  {what}{f': {problem}' if problem else ''}")
        wrong += bool(problem)
    if wrong:
        raise AnoganError(f"{wrong} of the settings would not work")


def _say(settings: Settings) -> None:
    from monai_anogan.service.standing import standing, standing_in_words

    for line in standing_in_words(standing(_database(settings))):
        console.print(line)


def _retry(settings: Settings, series: int) -> None:
    from monai_anogan.service.ledger import Ledger

    if not Ledger(_database(settings)).retry(series, time.time()):
        raise InputError(
            f"series {series} must be set aside, with its files still here, got one that is not; "
            "see --status"
        )
    console.print(f"series {series} will be tried again")


def _database(settings: Settings) -> Database:
    from monai_anogan.service.database import LEDGER, Database

    path = settings.folder / LEDGER
    if not path.is_file():
        raise InputError(f"a node must have worked in {settings.folder}, got nothing of it there")
    return Database(path)


def _log_to_stderr() -> None:
    """The node's own log, which names no patient, and no one else's, which might."""
    warnings.simplefilter("ignore")
    logging.disable(logging.NOTSET)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    ours = logging.getLogger("monai_anogan.service")
    ours.addHandler(handler)
    ours.setLevel(logging.INFO)
    ours.propagate = False
    logging.getLogger().addHandler(logging.NullHandler())
