"""A report as a list of blocks, written once as Markdown and once as one self-contained page."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from monai_anogan.outputs import DISCLAIMER

__all__ = ["Block", "Figure", "Heading", "Table", "Text", "write_document"]


@dataclass(frozen=True)
class Heading:
    """Opens a section."""

    words: str


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    words: str


@dataclass(frozen=True)
class Table:
    """Cells as words; the first column is on the left, the others on the right."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Figure:
    """A PNG beside the report."""

    path: Path
    words: str


LONG = 40  # letters of a cell that may be broken into lines
Block = Heading | Text | Table | Figure


def write_document(folder: Path, title: str, blocks: Sequence[Block], *, version: str) -> None:
    """Write `report.md` and `report.html` into a folder that holds the figures.

    Args:
        folder: where they go; paths of figures are relative to it in Markdown, and the page holds
            the figures themselves.
        title: of the report.
        blocks: what it says, in order.
        version: of this software.
    """
    parts = [f"# {title}", f"{DISCLAIMER} monai_anogan {version}."]
    parts += [_markdown(block, folder) for block in blocks]
    (folder / "report.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    page = Template(files("monai_anogan.compare").joinpath("page.html").read_text("utf-8"))
    text = page.substitute(
        title=escape(title),
        disclaimer=DISCLAIMER,
        version=escape(version),
        body="\n".join(_html(block) for block in blocks),
    )
    (folder / "report.html").write_text(text, encoding="utf-8")


def _markdown(block: Block, folder: Path) -> str:
    if isinstance(block, Heading):
        return f"## {block.words}"
    if isinstance(block, Text):
        return block.words
    if isinstance(block, Figure):
        return f"![{block.words}]({block.path.relative_to(folder).as_posix()})\n\n{block.words}"
    rule = ["---", *["---:"] * (len(block.head) - 1)]
    rows = [[cell.replace("|", "\\|") for cell in row] for row in block.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in (block.head, rule, *rows))


def _html(block: Block) -> str:
    if isinstance(block, Heading):
        return f"<h2>{escape(block.words)}</h2>"
    if isinstance(block, Text):
        return f"<p>{escape(block.words)}</p>"
    if isinstance(block, Figure):
        image = base64.b64encode(block.path.read_bytes()).decode("ascii")
        words = escape(block.words)
        return (
            f'<figure><img alt="{words}" src="data:image/png;base64,{image}">'
            f"<figcaption>{words}</figcaption></figure>"
        )
    head = "".join(f"<th>{escape(cell)}</th>" for cell in block.head)
    rows = "".join(f"<tr>{''.join(_cell(cell) for cell in row)}</tr>" for row in block.rows)
    return f'<div class="scroll"><table><tr>{head}</tr>{rows}</table></div>'


def _cell(cell: str) -> str:
    words = escape(cell)
    if words.startswith("**"):
        words = f"<strong>{words.removeprefix('**').removesuffix('**')}</strong>"
    return f'<td class="long">{words}</td>' if len(cell) > LONG else f"<td>{words}</td>"
