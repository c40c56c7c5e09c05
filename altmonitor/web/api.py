"""Query strings of the API → checked values. One clear line for everything that is wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec
from aiohttp import web

from altmonitor.commands.executor import CommandExecutor
from altmonitor.commands.table import COMMANDS, schema_of
from altmonitor.core.alert import Kind
from altmonitor.core.clock import Clock
from altmonitor.core.types import Destination
from altmonitor.detectors.kinds import KINDS
from altmonitor.render.format import Style
from altmonitor.render.replies import command_menu, reply_parts
from altmonitor.settings.changes import Author
from altmonitor.settings.input import spelled

ALERTS_DEFAULT, ALERTS_MAX = 100, 1000
STATS_DEFAULT_H, STATS_MAX_H = 24, 720
LAST_SECOND = 253_402_300_799

_WHOLE = re.compile(r"\d{1,9}", re.ASCII)
_SECONDS = re.compile(r"\d{1,12}(?:\.\d{1,6})?", re.ASCII)


class BadQuery(Exception):
    """`str()` is the line for the caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsQuery:
    limit: int = ALERTS_DEFAULT
    symbol: str | None = None
    kind: Kind | None = None
    since_s: float | None = None


def read_alerts_query(given: Mapping[str, list[str]]) -> AlertsQuery:
    """`limit`, `symbol` (any spelling), `kind`, `since` (unix seconds). Raises BadQuery."""
    words = _single(given, ("limit", "symbol", "kind", "since"))
    return AlertsQuery(
        limit=_whole("limit", words["limit"], ALERTS_MAX) if "limit" in words else ALERTS_DEFAULT,
        symbol=_symbol(words["symbol"]) if "symbol" in words else None,
        kind=_kind(words["kind"]) if "kind" in words else None,
        since_s=_since(words["since"]) if "since" in words else None,
    )


def read_stats_query(given: Mapping[str, list[str]]) -> int:
    """Hours. Raises BadQuery."""
    words = _single(given, ("hours",))
    return _whole("hours", words["hours"], STATS_MAX_H) if "hours" in words else STATS_DEFAULT_H


def _single(given: Mapping[str, list[str]], known: tuple[str, ...]) -> dict[str, str]:
    for name, values in given.items():
        if name not in known:
            raise BadQuery(f"unknown parameter {_shown(name)}; known: {', '.join(known)}")
        if len(values) > 1:
            raise BadQuery(f"{name} is given {len(values)} times")
    return {name: values[0] for name, values in given.items()}


def _whole(name: str, text: str, high: int) -> int:
    if not _WHOLE.fullmatch(text) or not 1 <= int(text) <= high:
        raise BadQuery(f"{name} must be a whole number from 1 to {high}, not {_shown(text)}")
    return int(text)


def _kind(text: str) -> Kind:
    for kind in KINDS:
        if text == kind:
            return kind
    raise BadQuery(f"kind must be one of {', '.join(KINDS)}, not {_shown(text)}")


def _since(text: str) -> float:
    value = float(text) if _SECONDS.fullmatch(text) else math.inf
    if value > LAST_SECOND:
        raise BadQuery(f"since must be unix seconds such as 1790000000, not {_shown(text)}")
    return value


def _symbol(text: str) -> str:
    symbol = spelled(text)
    if not symbol or len(text) > 40:
        raise BadQuery(f"symbol must be a contract such as SOLUSDT, not {_shown(text)}")
    return symbol


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:39] + "…")


# ---
# `GET /api/commands` lists what the chat can be told; `POST` carries one out, exactly as if it were typed there.


TEXT_CHARS_MAX = 500


WRITER = Author(user_id=None, name="HTTP", may_change=True)


class _Order(msgspec.Struct, forbid_unknown_fields=True):
    text: str


class BadOrder(Exception):
    """`str()` is the line for the caller."""


class HttpCommands:
    """The chat's commands for scripts: the same table and executor, answered in the main chat's language.

    main: the destination the commands are about. style: of that chat, now.
    """

    def __init__(
        self,
        executor: CommandExecutor,
        *,
        clock: Clock,
        main: Callable[[], Destination],
        style: Callable[[Destination], Style],
    ) -> None:
        self._executor = executor
        self._clock = clock
        self._main = main
        self._style = style

    def listed(self) -> dict[str, object]:
        """arguments: JSON Schema of the command's arguments by name."""
        meanings = dict(command_menu(self._style(self._main()).lang))
        rows = [
            {
                "name": row.name,
                "usage": row.usage,
                "meaning": meanings.get(row.name, ""),
                "is_reading": row.is_reading,
                "arguments": schema_of(row),
            }
            for row in COMMANDS
        ]
        return {"commands": rows}

    async def carried_out(self, request: web.Request) -> dict[str, object]:
        """Raises BadOrder for a body that is no order."""
        if request.content_type != "application/json":  # a form on somebody's page cannot send this type
            raise BadOrder('needs Content-Type: application/json and a body such as {"text": "/status"}')
        try:
            order = msgspec.json.decode(await request.read(), type=_Order)
        except (msgspec.DecodeError, UnicodeDecodeError) as problem:
            raise BadOrder(f'the body must be like {{"text": "/status"}}: {problem}') from problem
        if len(order.text) > TEXT_CHARS_MAX:
            raise BadOrder(f"text has {len(order.text)} characters, at most {TEXT_CHARS_MAX} are allowed")
        destination, now_s = self._main(), self._clock.now_ms() / 1000
        reply = await self._executor.handle(order.text, who=WRITER, destination=destination, now_s=now_s)
        if reply is None:
            raise BadOrder("text is no command; GET /api/commands lists them")
        return {"html": reply_parts(reply, self._style(destination))}
