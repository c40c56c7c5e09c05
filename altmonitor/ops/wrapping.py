"""Text → lines that fit a terminal, also where a sign takes two columns and words are not divided by spaces. Pure."""

from __future__ import annotations

import re
import unicodedata

NARROWEST = 30
_SIGN_IN_FRONT = re.compile(r"\s*(?:[✓✗!–→•] |\d+\) )?")
_PIECES = re.compile(r"\s+|[^\s\u2E80-\u9FFF\uFF00-\uFFEF]+|.", re.DOTALL)
_NEVER_FIRST = frozenset("，。：；、！？）】》」』”’…,.:;!?)]}")
_NEVER_LAST = frozenset("（【《「『“‘([{")


def width_of(text: str) -> int:
    """In columns of a terminal."""
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text
    )


def wrapped(text: str, width: int, *, indent: int | None = None) -> str:
    """Every line of the text on as many lines as it needs, each behind the first indented as its words are, or so far.

    A word that is longer than a line (an address, a command) stays whole: it is there to be copied.
    """
    width = max(width, NARROWEST)
    return "\n".join(line for whole in text.split("\n") for line in _lines(whole, width, indent))


def _lines(whole: str, width: int, columns: int | None) -> list[str]:
    if width_of(whole) <= width:
        return [whole]
    front = _SIGN_IN_FRONT.match(whole)
    indent = " " * (columns if columns is not None else width_of(front[0]) if front else 0)
    lines, line = [], ""
    for piece in _units(whole):
        if line.strip() and width_of(line + piece.rstrip()) > width:
            lines.append(line.rstrip())
            line = indent + piece.lstrip()
        else:
            line += piece
    return [*lines, line.rstrip()] if line.strip() else lines


def _units(text: str) -> list[str]:
    """What may not be torn apart: words with the space behind them, signs with the punctuation that belongs to them."""
    units: list[str] = []
    for piece in _PIECES.findall(text):
        belongs = units and (
            piece.isspace() or piece[0] in _NEVER_FIRST or (units[-1] and units[-1].rstrip()[-1:] in _NEVER_LAST)
        )
        if belongs and not (piece[0] in _NEVER_FIRST and units[-1].endswith(" ")):
            units[-1] += piece
        else:
            units.append(piece)
    return units
