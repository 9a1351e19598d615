"""The table of interactions in a terminal, or in a file: columns as wide as what is in them, and lines that fit."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from llm_devops_mongodb.cli.plain_text import duration_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_devops_mongodb.cli.outline import Outline

_HEAD = ("number", "start", "took", "operation", "namespace", "where", "result", "error")
_FIGURES = 3
_OPERATION = 3
_WHERE = 5
_BETWEEN = "  "
_WIDEST = 60
_AT_ONCE = 200
_ANY_WIDTH = 10_000
_STYLES = {"write": "yellow", "stream": "magenta", "session": "cyan", "command": "blue", "read": "green"}


def print_table(outlines: Sequence[Outline]) -> None:
    """Print a row for each interaction.

    rich's own table lays out every cell by itself, which takes seconds for ten thousand rows.
    """
    # What goes into a file or to another program is not cut.
    width = None if sys.stdout.isatty() else _ANY_WIDTH
    console = Console(file=sys.stdout, width=width, highlight=False, markup=False, emoji=False)
    rows = [_cells(outline) for outline in outlines]
    widths = [min(max(map(cell_len, column)), _WIDEST) for column in zip(_HEAD, *rows, strict=True)]
    lines = [Text(_line(_HEAD, widths), style="bold")]
    lines += [_styled(row, outline, widths) for row, outline in zip(rows, outlines, strict=True)]
    for begin in range(0, len(lines), _AT_ONCE):
        console.print(Text("\n").join(lines[begin : begin + _AT_ONCE]), no_wrap=True, overflow="ellipsis")


def _cells(outline: Outline) -> tuple[str, ...]:
    return (
        f"{outline.number}",
        f"{outline.since_start:+.3f} s",
        duration_text(outline.took),
        outline.operation,
        outline.namespace,
        outline.place,
        outline.result,
        outline.error,
    )


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return _BETWEEN.join(_padded(cells, widths)).rstrip()


def _padded(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        cell.rjust(width) if place < _FIGURES else set_cell_size(cell, width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]


def _styled(cells: Sequence[str], outline: Outline, widths: Sequence[int]) -> Text:
    text = Text(_line(cells, widths))
    starts = [sum(widths[:place]) + place * len(_BETWEEN) for place in range(len(widths))]
    text.stylize(_STYLES[outline.kind], starts[_OPERATION], starts[_OPERATION] + widths[_OPERATION])
    text.stylize("dim", starts[_WHERE], starts[_WHERE] + widths[_WHERE])
    text.stylize("bold red", starts[-1])
    return text
