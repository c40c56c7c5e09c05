"""One declaration, four faces: what each operation is called in the chat, on the command line, over HTTP and for AI
clients, as docs/operations.md prints it."""

from __future__ import annotations

from pathlib import Path

import click

from altmonitor.cli.ask import dashed_name
from altmonitor.cli.main import cli
from altmonitor.mcp.tools import tool_rows
from altmonitor.operations.operation import Operation
from altmonitor.operations.table import OPERATIONS

PAGE = Path(__file__).parents[2] / "docs/operations.md"


def words_of(row: Operation) -> str:  # type: ignore[type-arg]  # of all kinds
    return row.cli or f"ask {dashed_name(row)}"


def faces() -> str:
    tools = tool_rows(OPERATIONS, allow_writes=True)
    lines = ["| chat | `altmonitor …` | HTTP | AI clients | |", "|---|---|---|---|---|"]
    for row in OPERATIONS:
        chat = f"`/{row.chat}`" if row.chat else "–"
        route = f"`{row.route}`" if row.route else "–"
        tool = f"`{tools[row.name].tool.name}`" + (" (`--allow-writes`)" if row.writes else "") if row.tool else "–"
        lines.append(f"| {chat} | `{words_of(row)}` | {route} | {tool} | {row.summary} |")
    return "\n".join(lines) + "\n"


def test_the_page_prints_the_four_faces_of_every_operation() -> None:
    page = PAGE.read_text("utf-8")
    shown = page[page.index("| chat |") :]
    assert shown == faces(), "python -m tests.operations.test_operations_faces writes it"


def test_every_sub_command_that_is_shown_exists() -> None:
    for row in OPERATIONS:
        found: click.Command = cli
        for word in words_of(row).split():
            assert isinstance(found, click.Group), row.name
            below = found.get_command(click.Context(found), word)
            assert below is not None, f"{row.name}: there is no {word}"
            found = below


def test_compare_has_all_four() -> None:
    row = next(row for row in OPERATIONS if row.name == "compare")
    assert (row.chat, row.cli, row.route) == ("compare", "compare", "GET /api/compare")
    assert "compare" in tool_rows(OPERATIONS, allow_writes=False)


if __name__ == "__main__":  # a row was added: python -m tests.operations.test_operations_faces
    text = PAGE.read_text("utf-8")
    PAGE.write_text(text[: text.index("| chat |")] + faces(), "utf-8")
