"""Where the command speaks to a person: results to stdout, errors and progress to stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

__all__ = ["complain", "console", "fail", "progress", "telling", "warn"]

console = Console(markup=False, highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def complain(message: str) -> None:
    """Print an error as one line, whatever is in it: paths may hold rich's brackets."""
    errors.print(f"[bold red]error:[/] {escape(' '.join(message.split()))}")


def warn(message: str) -> None:
    """Print a warning as one line."""
    errors.print(f"[bold yellow]warning:[/] {escape(' '.join(message.split()))}")


def fail(message: str, status: int = 1) -> NoReturn:
    """Print an error and leave with a status."""
    complain(message)
    sys.exit(status)


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, moved by calls with (done, total); silent elsewhere."""
    if not errors.is_terminal:  # a bar would only be noise in a log
        yield lambda done, total: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=errors, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def telling() -> Iterator[Callable[[str], None]]:
    """A line on a terminal that says what is being done, changed by calls; silent elsewhere."""
    with errors.status("starting") as status:
        yield lambda what: status.update(escape(what))
