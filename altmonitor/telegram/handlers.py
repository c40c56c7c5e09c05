"""What was written to the bot → the desk → an answer in the chat's language."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Protocol

from altmonitor.commands.executor import CommandDesk
from altmonitor.commands.replies import Reply, StatusPin, buttons_of, plain
from altmonitor.commands.replies_market import ChartShown
from altmonitor.core.clock import Clock
from altmonitor.core.types import Destination
from altmonitor.delivery.status_message import StatusBoard
from altmonitor.interfaces.delivery import Keyboard
from altmonitor.render import format as n
from altmonitor.render.missed import missed_parts
from altmonitor.render.replies import reply_parts
from altmonitor.render.reply_buttons import reply_keyboard
from altmonitor.render.signed_buttons import Seal
from altmonitor.render.style import Style
from altmonitor.settings.changes import Writer
from altmonitor.telegram.rate_limit import Admission, RateLimit
from altmonitor.telegram.types import Incoming


class Chats(Protocol):
    """Queued at once, said when the chat has room; see `delivery.dispatcher`."""

    def reply(
        self,
        destination: Destination,
        html_parts: Sequence[str],
        *,
        reply_to: int | None = None,
        buttons: Keyboard = (),
    ) -> None: ...
    def picture(
        self, destination: Destination, png: bytes, *, caption_html: str, reply_to: int | None, is_asked: bool
    ) -> None: ...
    def pressed(self, destination: Destination, alert_key: str, message_id: int) -> None: ...
    def close_question(self, destination: Destination, message_id: int) -> None: ...


class PressHandler(Protocol):
    """See `presses.Presses`."""

    async def handle(self, press: Incoming, admission: Admission) -> None: ...
    async def unheard(self, press: Incoming, *, is_stranger: bool) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerStage:
    """style_of: the language and zone of a chat, asked anew for each answer. seal: signs the buttons of answers."""

    desk: CommandDesk
    clock: Clock
    style_of: Callable[[Destination], Style]
    chats: Chats
    board: StatusBoard
    seal: Seal
    limit: RateLimit = field(default_factory=RateLimit)


class Answering:
    """One typed command, wherever it came from: a message, or a button that stands for it."""

    def __init__(self, stage: AnswerStage) -> None:
        self._stage = stage

    async def carry_out(self, text: str, incoming: Incoming) -> Reply | None:
        """None: no command, or nothing is to be answered."""
        writer = Writer(user_id=incoming.user_id, name=incoming.user_name or "channel", may_change=incoming.may_change)
        now_s = self._stage.clock.now_ms() / 1000
        return await self._stage.desk.handle(text, who=writer, place=incoming.destination, now_s=now_s)

    def say(self, reply: Reply, incoming: Incoming) -> None:
        """In the language that holds now: the command may have changed it."""
        stage, destination, reply_to = self._stage, incoming.destination, incoming.message_id
        pin = plain(reply)
        if isinstance(pin, StatusPin):
            if pin.is_on:
                stage.board.keep(destination, reply_to=reply_to)
                return
            reply = replace(pin, was_on=stage.board.end(destination))
        style = stage.style_of(destination)
        parts = reply_parts(reply, style)
        chart = plain(reply)
        if isinstance(chart, ChartShown):
            stage.chats.picture(destination, chart.chart.png, caption_html=parts[0], reply_to=reply_to, is_asked=True)
            return
        buttons = reply_keyboard(buttons_of(reply), style, stage.seal, now_ms=stage.clock.now_ms())
        stage.chats.reply(destination, parts, reply_to=reply_to, buttons=buttons)


class ChatAnswers:
    """Satisfies `chat.ports.CommandHandler`."""

    def __init__(self, stage: AnswerStage, presses: PressHandler) -> None:
        self._stage = stage
        self._answering = Answering(stage)
        self._presses = presses

    async def handle(self, incoming: Incoming) -> None:
        if incoming.press_id is None and not incoming.text.startswith("/"):
            return
        now_s = self._stage.clock.monotonic()
        sender = incoming.destination.chat_id if incoming.user_id is None else incoming.user_id
        admission = self._stage.limit.admit(sender, now_s)
        if incoming.press_id is not None:
            await self._presses.handle(incoming, admission)
        elif admission is Admission.HINT:
            self._hint(incoming, self._stage.limit.free_in_s(sender, now_s))
        elif admission is Admission.YES:
            reply = await self._answering.carry_out(incoming.text, incoming)
            if reply is not None:
                self._answering.say(reply, incoming)

    async def unheard(self, press: Incoming, *, is_stranger: bool) -> None:
        await self._presses.unheard(press, is_stranger=is_stranger)

    async def stale(self, missed: Sequence[Incoming]) -> None:
        def chat(incoming: Incoming) -> str:
            return str(incoming.destination)

        for _, group in groupby(sorted(missed, key=chat), key=chat):
            commands = list(group)
            where = commands[0].destination
            parts = missed_parts([(c.text, c.date_ms) for c in commands], self._stage.style_of(where))
            self._stage.chats.reply(where, parts)

    def _hint(self, incoming: Incoming, wait_s: float) -> None:
        style = self._stage.style_of(incoming.destination)
        hint = style.say("slow_down", wait=n.duration(max(1.0, wait_s), style.lang))
        self._stage.chats.reply(incoming.destination, [hint], reply_to=incoming.message_id)
