"""`GET /api/commands` lists what the chat can be told; `POST` carries one out, exactly as if it were typed there."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from altmonitor.commands.executor import CommandExecutor
from altmonitor.commands.table import COMMANDS, schema_of
from altmonitor.core.clock import Clock
from altmonitor.core.types import Destination
from altmonitor.operations.errors import BadArgument
from altmonitor.render.format import Style
from altmonitor.render.replies import command_menu, reply_parts
from altmonitor.settings.changes import Author
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
