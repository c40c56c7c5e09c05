"""`GET /api/commands` lists what the chat can be told; `POST` carries one out, exactly as if it were typed there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec
from aiohttp import web

TEXT_CHARS_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedCommand:
    """usage: the syntax. meaning: one line in the program's language. is_reading: it changes nothing."""

    name: str
    usage: str
    meaning: str
    is_reading: bool


class Commands(Protocol):
    """What stands behind the routes: the same table and the same function as behind the chat."""

    def listed(self) -> Sequence[ListedCommand]: ...
    async def run(self, text: str) -> Sequence[str] | None:
        """The answer's parts as Telegram HTML; None: that was no command."""


class _Order(msgspec.Struct, forbid_unknown_fields=True):
    text: str


class BadOrder(Exception):
    """`str()` is the line for the caller."""


def list_json(commands: Commands) -> dict[str, object]:
    return {"commands": [msgspec.to_builtins(command) for command in commands.listed()]}


async def carried_out(commands: Commands, request: web.Request) -> dict[str, object]:
    """Raises BadOrder for a body that is no order."""
    if request.content_type != "application/json":  # a form on somebody's page cannot send this type
        raise BadOrder('needs Content-Type: application/json and a body such as {"text": "/status"}')
    try:
        order = msgspec.json.decode(await request.read(), type=_Order)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise BadOrder(f'the body must be like {{"text": "/status"}}: {problem}') from problem
    if len(order.text) > TEXT_CHARS_MAX:
        raise BadOrder(f"text has {len(order.text)} characters, at most {TEXT_CHARS_MAX} are allowed")
    parts = await commands.run(order.text)
    if parts is None:
        raise BadOrder("text is no command; GET /api/commands lists them")
    return {"html": list(parts)}
