"""The `anogan` command: what it offers, and how it ends when something is wrong."""

from __future__ import annotations

import logging
import warnings
from typing import Annotated

import typer

from monai_anogan import __version__, commands
from monai_anogan.errors import AnoganError
from monai_anogan.terminal import console, fail

__all__ = ["app", "main"]

app = typer.Typer(
    help="Show what is not normal in a scan. Research software, not a medical device.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(commands.detect)
app.command()(commands.inpaint)
app.command()(commands.series)
app.command()(commands.calibrate)
app.command()(commands.evaluate)
app.command()(commands.serve)
app.command()(commands.benchmark)
app.command()(commands.compare)
app.command()(commands.info)
app.command()(commands.demo)
app.command()(commands.label_app)


def main() -> None:
    """Run the command; whatever a user can mend becomes one line and exit status 1."""
    try:
        app()
    except AnoganError as error:
        fail(str(error))
    except OSError as error:  # a full disk, a vanished file, a read-only folder
        where = f" ({error.filename})" if error.filename else ""
        fail(f"{error.strerror or error}{where}; nothing was left half-written")
    except KeyboardInterrupt:
        fail("interrupted; nothing was left half-written", status=130)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show logs and warnings.")] = False,
) -> None:
    if version:
        console.print(f"monai_anogan {__version__}")
        raise typer.Exit
    if not verbose:
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
