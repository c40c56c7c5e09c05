"""The chat's commands for scripts: the same table, the same desk, answered in the main chat's language."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from altmonitor.commands.executor import CommandDesk
from altmonitor.commands.table import COMMANDS
from altmonitor.core.clock import Clock
from altmonitor.core.types import Destination
from altmonitor.render.help import command_menu
from altmonitor.render.replies import reply_parts
from altmonitor.render.style import Style
from altmonitor.settings.changes import Writer
from altmonitor.web.commands import ListedCommand

WRITER = Writer(user_id=None, name="HTTP", may_change=True)


class HttpCommands:
    """Satisfies `web.commands.Commands`. main: the destination the commands are about. style: of that chat, now."""

    def __init__(
        self, desk: CommandDesk, *, clock: Clock, main: Callable[[], Destination], style: Callable[[Destination], Style]
    ) -> None:
        self._desk = desk
        self._clock = clock
        self._main = main
        self._style = style

    def listed(self) -> Sequence[ListedCommand]:
        meanings = dict(command_menu(self._style(self._main()).lang))
        return [
            ListedCommand(name=row.name, usage=row.usage, meaning=meanings.get(row.name, ""), is_reading=row.is_reading)
            for row in COMMANDS
        ]

    async def run(self, text: str) -> Sequence[str] | None:
        place = self._main()
        reply = await self._desk.handle(text, who=WRITER, place=place, now_s=self._clock.now_ms() / 1000)
        return None if reply is None else reply_parts(reply, self._style(place))
