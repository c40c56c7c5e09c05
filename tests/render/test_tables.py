"""Tables for a terminal: in line whatever the letters, inside its width, and bare text where there is none."""

from __future__ import annotations

import io

from rich.cells import cell_len
from rich.console import Console, RenderableType

from altmonitor.render.tables import labelled, table


def drawn(*parts: RenderableType, width: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    return [line.rstrip() for line in captured.get().splitlines()]


def test_numbers_end_in_line_and_names_begin_in_line_whatever_letters_they_have() -> None:
    lines = drawn(table(("name", "count"), [("币安人生USDT", "5"), ("SOLUSDT", "1,234")]))
    assert lines == ["name          count", "币安人生USDT      5", "SOLUSDT       1,234"]
    assert {cell_len(line) for line in lines} == {19}


def test_what_is_told_beside_a_name_is_broken_beside_it() -> None:
    assert drawn(labelled([("open interest", "one two three"), ("", "four")]), width=24) == [
        "open interest  one two",
        "               three",
        "               four",
    ]
