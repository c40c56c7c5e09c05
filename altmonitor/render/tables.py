"""Tables for a person, drawn by `rich`: only commands that print some import this module.

Columns are as wide as the terminal shows them, so Chinese names and Latin ones stand in line; what does not fit is
broken inside its cell.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    words: Collection[int] = (0,),
    whole: Collection[int] = (0,),
) -> Table:
    """words: columns that begin at the left, the others are numbers and end at the right. whole: columns whose cells
    are broken last, when others cannot be narrower."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", show_header=any(columns))
    for number, name in enumerate(columns):
        is_word = number in words
        made.add_column(Text(name), justify="left" if is_word else "right", overflow="fold", no_wrap=number in whole)
    for row in rows:
        made.add_row(*map(Text, row))
    return made


def labelled(rows: Iterable[tuple[str, str]]) -> Table:
    """What a line is about at the left, the line beside it and broken there."""
    made = Table.grid(padding=(0, 2, 0, 0))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, text in rows:
        made.add_row(Text(name), Text(text))
    return made


def indented(part: RenderableType) -> Padding:
    return Padding(part, (0, 0, 0, 2))
