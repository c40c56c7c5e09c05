"""Output that any console can show: a sign that its encoding lacks becomes a plainer one, not a traceback."""

from __future__ import annotations

import codecs
import io
import sys
from collections.abc import Iterable
from typing import IO

_PLAINER = {
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯╔╗╚╝╠╣", "+"),
    **dict.fromkeys("─━═╌╴╶▔▁", "-"),
    **dict.fromkeys("│┃║╎▏▕", "|"),
    **dict.fromkeys("█▇▆▅▓■●◉", "#"),
    **dict.fromkeys("▄▃▂▒░□○◌·•∙", "."),
    "✓": "+",
    "✔": "+",
    "✗": "x",
    "✘": "x",
    "×": "x",
    "…": "...",
    "–": "-",
    "—": "-",
    "−": "-",
    "≥": ">=",
    "≤": "<=",
    "→": "->",
    "←": "<-",
    "↑": "^",
    "↓": "v",
    "▲": "^",
    "▼": "v",
    "±": "+-",
    "≈": "~",
    "\u202f": " ",
    "\u2009": " ",
    "’": "'",
    "‘": "'",
    "“": '"',
    "”": '"',
    "„": '"',
    "\ufe0f": "",
    "\u200d": "",
}
_UNKNOWN = "?"
_NAME = "altmonitor-plainer"


def make_printable(streams: Iterable[IO[str] | None] | None = None) -> None:
    """From here on nothing printed can fail for its signs. streams: None for stdout and stderr.

    Windows hands a program whose output is redirected the encoding of its country, which knows neither ✓ nor ┌; and a
    file name of bytes that are no text can be printed nowhere.
    """
    codecs.register_error(_NAME, _plainer)
    for stream in (sys.stdout, sys.stderr) if streams is None else streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_NAME)


def _plainer(problem: UnicodeError) -> tuple[str, int]:
    if not isinstance(problem, UnicodeEncodeError):
        raise problem
    signs = problem.object[problem.start : problem.end]
    return "".join(_PLAINER.get(sign, _UNKNOWN) for sign in signs), problem.end


def how_many(count: int, noun: str) -> str:
    """`1 symbol`, `2 symbols`, for what is said in English alone. noun: of one."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
