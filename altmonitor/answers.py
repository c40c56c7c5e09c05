"""What was written to the bot → the desk → an answer in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby

from altmonitor.chat.ports import Incoming
from altmonitor.clock import Clock
from altmonitor.control.desk import CommandDesk
from altmonitor.control.replies import StatusPin
from altmonitor.delivery.render.alerts import Style
from altmonitor.delivery.render.missed import missed_parts
from altmonitor.delivery.render.replies import reply_parts
from altmonitor.status_board import StatusBoard
from altmonitor.values import Destination

Answer = Callable[[Destination, Sequence[str], int | None], None]
"""(where, message parts, message answered)"""


class ChatAnswers:
    """Satisfies `chat.ports.CommandHandler`."""

    def __init__(self, desk: CommandDesk, *, clock: Clock, style: Style, answer: Answer, board: StatusBoard) -> None:
        self._desk = desk
        self._board = board
        self._clock = clock
        self._style = style
        self._answer = answer

    async def handle(self, incoming: Incoming) -> None:
        who = f"{incoming.user_name or 'channel'} ({incoming.user_id}) in chat {incoming.destination}"
        reply = await self._desk.handle(incoming.text, who=who, now_s=self._clock.now_ms() / 1000)
        if isinstance(reply, StatusPin):
            if reply.is_on:
                self._board.keep(incoming.destination, reply_to=incoming.message_id)
                return
            reply = replace(reply, was_on=self._board.end(incoming.destination))
        if reply is not None:
            self._answer(incoming.destination, reply_parts(reply, self._style), incoming.message_id)

    async def stale(self, missed: Sequence[Incoming]) -> None:
        def chat(incoming: Incoming) -> str:
            return str(incoming.destination)

        for _, group in groupby(sorted(missed, key=chat), key=chat):
            commands = list(group)
            parts = missed_parts([(c.text, c.date_ms) for c in commands], self._style)
            self._answer(commands[0].destination, parts, None)
