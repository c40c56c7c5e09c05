"""`GET /api/commands` lists what the chat can be told; `POST` carries one out, exactly as if it were typed there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web

from altmonitor.commands import thresholds
from altmonitor.commands.executor import CommandExecutor
from altmonitor.commands.table import COMMANDS, CommandRow
from altmonitor.core.clock import Clock
from altmonitor.core.types import Destination
from altmonitor.operations.errors import BadArgument
from altmonitor.render.format import Style
from altmonitor.render.replies import command_menu, reply_parts
from altmonitor.settings.changes import Author
from altmonitor.settings.settings import SETTINGS, Setting, Sign
from altmonitor.web.requests import json_object

TEXT_CHARS_MAX = 500
EXAMPLE = '{"text": "/status"}'
WRITER = Author(user_id=None, name="HTTP", may_change=True)


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
        """Raises: BadArgument for a body that is no command."""
        order = await json_object(request, such_as=EXAMPLE)
        text = order.get("text")
        if set(order) != {"text"} or not isinstance(text, str):
            raise BadArgument(f"the body must be like {EXAMPLE}")
        if len(text) > TEXT_CHARS_MAX:
            raise BadArgument(f"text has {len(text)} characters, at most {TEXT_CHARS_MAX} are allowed")
        destination, now_s = self._main(), self._clock.now_ms() / 1000
        reply = await self._executor.handle(text, who=WRITER, destination=destination, now_s=now_s)
        if reply is None:
            raise BadArgument("text is no command; GET /api/commands lists them")
        return {"html": reply_parts(reply, self._style(destination))}


def schema_of(row: CommandRow[Any]) -> dict[str, Any]:
    """The arguments by name as JSON Schema (2020-12): an object whose properties carry type, limits and default."""
    if row.arguments is thresholds.NumberArguments:
        settings = [setting for setting in SETTINGS if setting.command == row.name]
        return {
            "type": "object",
            "properties": {setting.key: _number_schema(setting) for setting in settings},
            "required": [settings[0].key] if row.read is thresholds.read_numbers else [],
            "additionalProperties": False,
        }
    (_,), components = msgspec.json.schema_components([row.arguments], ref_template="#/$defs/{name}")
    schema: dict[str, Any] = components.pop(row.arguments.__name__)
    schema = {key: value for key, value in schema.items() if key not in ("title", "description")}
    return schema | {"additionalProperties": False} | ({"$defs": components} if components else {})


def _number_schema(setting: Setting) -> dict[str, Any]:
    """Bounds of what is kept; a threshold for falls is kept below zero."""
    low, high = (-setting.high, -setting.low) if setting.sign is Sign.NEGATED else (setting.low, setting.high)
    return {
        "type": "integer" if setting.is_whole else "number",
        "minimum": 0 if setting.has_off else low,
        "maximum": high,
        "description": setting.unit.suffixes[0] + ("; 0 switches it off" if setting.has_off else ""),
    }
