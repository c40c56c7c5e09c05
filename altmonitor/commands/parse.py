"""The text of a chat message → a command as a value."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from altmonitor.commands.replies import Refused, UnknownCommand
from altmonitor.commands.table import COMMAND_OF

NAME_CHARS_MAX = 32
"""Source: https://core.telegram.org/bots/features#commands"""

_LONELY_PERCENT = re.compile(r"(?<=\d)\s+(?=[%％](?:\s|$))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """request: what the row's `read` made of the words, for its `act`."""

    name: str
    request: object


@dataclass(frozen=True, slots=True, kw_only=True)
class NotACommand:
    """Ordinary talk, or a command for another bot: no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadCommand:
    reply: Refused | UnknownCommand


def parse(text: str, *, bot_name: str | None = None) -> Command | NotACommand | BadCommand:
    """bot_name: ours, without @; None when not known, then a command with any @suffix is taken as ours."""
    head, *words = _LONELY_PERCENT.sub("", text).split() or [""]
    name, _, addressee = head.removeprefix("/").partition("@")
    if not head.startswith("/") or not name or "/" in name:
        return NotACommand()
    if addressee and bot_name is not None and addressee.lower() != bot_name.lower():
        return NotACommand()
    row = COMMAND_OF.get(name.lower())
    if row is None:
        near = difflib.get_close_matches(name[:NAME_CHARS_MAX].lower(), COMMAND_OF, n=1, cutoff=0.6)
        return BadCommand(reply=UnknownCommand(name=name[:NAME_CHARS_MAX], nearest=near[0] if near else ""))
    request = row.read(row.name, tuple(words))
    if isinstance(request, Refused):
        return BadCommand(reply=request)
    return Command(name=row.name, request=request)
