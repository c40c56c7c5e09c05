"""Bars of long work, drawn by `rich` and only on a terminal."""

from __future__ import annotations

from typing import Final, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn

BAR_WIDTH: Final = 24


def terminal_console(out: TextIO) -> Console | None:
    """None where nobody watches."""
    console = Console(file=out, highlight=False, markup=False, emoji=False)
    return console if console.is_terminal else None


def bars(console: Console) -> Progress:
    """Redrawn when something is shown and not by a thread of their own. A task has a field `left`."""
    columns = (
        TextColumn("{task.description:<13}"),
        BarColumn(bar_width=BAR_WIDTH),
        MofNCompleteColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[left]}"),
    )
    return Progress(*columns, console=console, auto_refresh=False)
