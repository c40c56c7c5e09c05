"""What was written to the bot → the executor → an answer in the chat's language."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby

from msgspec import structs

from altmonitor.commands.executor import CommandExecutor
from altmonitor.commands.message import commands_in
from altmonitor.commands.replies import CANCEL, MutedChanged, NotPermitted, Reply, StatusPin, plain
from altmonitor.commands.replies_market import ChartShown
from altmonitor.commands.replies_settings import Changed
from altmonitor.core.alert import Alert
from altmonitor.core.clock import Clock
from altmonitor.core.errors import DeliveryError, StorageError
from altmonitor.core.types import Destination
from altmonitor.delivery.alert_charts import ChartPictureFile
from altmonitor.delivery.presses import PressMemory
from altmonitor.delivery.status_message import StatusBoard
from altmonitor.interfaces.delivery import ChatBot, Press, ReplyChats
from altmonitor.render.format import Style, one_line
from altmonitor.render.replies import missed_parts, reply_keyboard, reply_parts, with_press
from altmonitor.render.signed_buttons import AlertAction, ButtonSigner, Outdated, TypedCommand
from altmonitor.settings.changes import Author
from altmonitor.telegram.types import Incoming


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerDeps:
    """style_of: the language and zone of a chat, asked anew for each answer. signer: signs the buttons of answers."""

    executor: CommandExecutor
    clock: Clock
    style_of: Callable[[Destination], Style]
    chats: ReplyChats
    board: StatusBoard
    signer: ButtonSigner


class Answering:
    """One typed command, wherever it came from: a message, or a button that stands for it."""

    def __init__(self, deps: AnswerDeps) -> None:
        self._deps = deps

    async def carry_out(self, text: str, incoming: Incoming) -> Reply | None:
        """None: no command, or nothing is to be answered."""
        writer = Author(user_id=incoming.user_id, name=incoming.user_name or "channel", may_change=incoming.may_change)
        now_s = self._deps.clock.now_ms() / 1000
        return await self._deps.executor.handle(text, who=writer, destination=incoming.destination, now_s=now_s)

    def say(self, reply: Reply, incoming: Incoming, *, pressed: str = "") -> None:
        """In the language that holds now: the command may have changed it. pressed: what the button stands for, shown
        with the name of who pressed it."""
        deps, destination, reply_to = self._deps, incoming.destination, incoming.message_id or None
        pin = plain(reply)
        if isinstance(pin, StatusPin):
            if pin.is_on:
                deps.board.keep(destination, reply_to=reply_to)
                return
            reply = structs.replace(pin, was_on=deps.board.end(destination))
        style = deps.style_of(destination)
        parts = reply_parts(reply, style)
        if pressed:
            parts = with_press(parts, by=incoming.user_name, what=pressed, style=style)
        chart = plain(reply)
        if isinstance(chart, ChartShown):
            deps.chats.picture(destination, chart.chart.png, caption_html=parts[0], reply_to=reply_to, is_asked=True)
            return
        buttons = reply_keyboard(plain(reply).buttons, style, deps.signer, now_ms=deps.clock.now_ms())
        deps.chats.reply(destination, parts, reply_to=reply_to, buttons=buttons)


class ChatAnswers:
    """Satisfies `types.CommandHandler`."""

    def __init__(self, deps: AnswerDeps, presses: Presses) -> None:
        self._deps = deps
        self._answering = Answering(deps)
        self._presses = presses

    async def handle(self, incoming: Incoming) -> None:
        if incoming.press_id is not None:
            await self._presses.handle(incoming)
            return
        is_answered = False
        for text in commands_in(incoming.text):
            reply = await self._answering.carry_out(text, incoming)
            if reply is not None:
                self._answering.say(reply, incoming)
                is_answered = True
        if not is_answered and incoming.chat_type == "private":
            self._answering.say(self._deps.executor.not_understood(incoming.text), incoming)

    async def failed(self, incoming: Incoming) -> None:
        words = self._deps.style_of(incoming.destination).say("press_failed")
        self._deps.chats.reply(incoming.destination, [words], reply_to=incoming.message_id or None)

    async def unheard(self, press: Incoming, *, is_stranger: bool) -> None:
        await self._presses.unheard(press, is_stranger=is_stranger)

    async def stale(self, missed: Sequence[Incoming]) -> None:
        def chat(incoming: Incoming) -> str:
            return str(incoming.destination)

        for _, group in groupby(sorted(missed, key=chat), key=chat):
            commands = list(group)
            where = commands[0].destination
            parts = missed_parts([(c.text, c.date_ms) for c in commands], self._deps.style_of(where))
            self._deps.chats.reply(where, parts)


# ---
# A pressed button → what it stands for, and an answer to whoever pressed it.


log = logging.getLogger(__name__)

TOAST_CHARS_MAX = 200
"""Source: https://core.telegram.org/bots/api#answercallbackquery"""
WITHIN_S = 10.0
"""Telegram takes an answer for about 15 s after the press."""
SHOWN_LATELY_MS = 60_000
"""What was asked for under the same message so lately is still in sight."""
MUTED_FOR = "1h"
CLOSED_REMEMBERED = 200
"""Questions that were answered; their buttons go as soon as the chat has room for an edit."""
_CONFIRMED = " yes"


@dataclass(frozen=True, slots=True, kw_only=True)
class PressDeps:
    """sent_for: the destination that a message with an alert was sent for; it may lie in another place, because a
    topic that is closed gets its alerts in the general one. picture: the chart of an alert as the chat of the press
    shall see it; None: there are no pictures."""

    bot: ChatBot
    alert_of_id: Callable[[int], Awaitable[Alert | None]]
    sent_for: Callable[[Alert, Destination, int], Awaitable[Destination]]
    memory: PressMemory
    picture: Callable[[Alert, Destination], Awaitable[ChartPictureFile | None]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Toast:
    """Shown to the one who pressed; '' only ends the waiting sign. is_loud: until it is closed."""

    text: str = ""
    is_loud: bool = False


class Presses:
    """Every press is answered, whatever it is."""

    def __init__(self, answers: AnswerDeps, deps: PressDeps) -> None:
        self._answers = answers
        self._answering = Answering(answers)
        self._deps = deps
        self._closed: dict[tuple[int, int], str] = {}

    async def handle(self, press: Incoming) -> None:
        toast = self._said(press, "press_failed", is_loud=True)
        try:
            async with self._answers.clock.timeout(WITHIN_S):
                toast = await self._carry_out(press)
        except (StorageError, TimeoutError) as problem:
            log.warning("a press could not be carried out: %s", str(problem) or "not in time")
        finally:
            await self._answer(press, toast)

    async def unheard(self, press: Incoming, *, is_stranger: bool) -> None:
        await self._answer(press, _Toast() if is_stranger else self._said(press, "press_missed", is_loud=True))

    # --- what it stands for

    async def _carry_out(self, press: Incoming) -> _Toast:
        try:
            meaning = self._answers.signer.read(press.text, now_ms=self._answers.clock.now_ms())
        except Outdated:
            return self._said(press, "press_old", is_loud=True)
        if isinstance(meaning, TypedCommand):
            return await self._typed(press, meaning.text)
        if meaning is None:
            return self._said(press, "press_unknown", is_loud=True)
        alert = await self._deps.alert_of_id(meaning.alert_id)
        if alert is None:
            return self._said(press, "press_gone", is_loud=True)
        meant = replace(press, destination=await self._deps.sent_for(alert, press.destination, press.message_id))
        if meaning.action == "mute":
            return await self._mute(meant, alert)
        if await self._was_lately(meant, meaning):
            return self._said(press, "press_again")
        return await (self._chart if meaning.action == "chart" else self._why)(meant, alert, where=press)

    async def _typed(self, press: Incoming, text: str) -> _Toast:
        """A question is answered once, by somebody who may change what it is about: then its buttons go, and one that
        is still to be seen does nothing. Others, such as those of a list, stay."""
        is_question = text == CANCEL or text.endswith(_CONFIRMED)
        if is_question and not press.may_change:
            return self._said(press, "press_not_allowed", is_loud=True)
        closed_by = self._closed.get(_carrier(press))
        if is_question and closed_by is not None:
            return self._said(press, "press_closed", is_loud=True, by=closed_by)
        if text == CANCEL:
            self._close(press)
            style = self._answers.style_of(press.destination)
            parts = with_press([style.say("press_cancelled")], by=press.user_name, what=style.say("no"), style=style)
            self._answers.chats.reply(press.destination, parts, reply_to=press.message_id or None)
            return self._said(press, "press_cancelled")
        reply = await self._answering.carry_out(text, press)
        if reply is None or isinstance(reply, NotPermitted):
            return self._said(press, "press_not_allowed", is_loud=True)
        if is_question:
            self._close(press)
        self._answering.say(reply, press, pressed=text)
        return _Toast()

    def _close(self, press: Incoming) -> None:
        self._closed[_carrier(press)] = press.user_name
        while len(self._closed) > CLOSED_REMEMBERED:
            del self._closed[next(iter(self._closed))]
        self._answers.chats.close_question(press.destination, press.message_id)

    async def _mute(self, press: Incoming, alert: Alert) -> _Toast:
        if not press.may_change:
            return self._said(press, "press_not_allowed", is_loud=True)
        reply = await self._answering.carry_out(f"/mute {alert.symbol} {MUTED_FOR}", press)
        if reply is None:
            return self._said(press, "press_failed", is_loud=True)
        is_done = isinstance(plain(reply), Changed | MutedChanged)
        if is_done:
            await self._show(press, alert, "mute")
        told = one_line(reply_parts(reply, self._answers.style_of(press.destination))[0])
        return _Toast(text=told, is_loud=not is_done)

    async def _why(self, press: Incoming, alert: Alert, *, where: Incoming) -> _Toast:
        """Of the destination the alert was for; answered where it was asked."""
        minute = datetime.fromtimestamp(alert.minute_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
        reply = await self._answering.carry_out(f"/why {alert.symbol} {minute}", press)
        if reply is None:
            return self._said(press, "press_failed", is_loud=True)
        self._answering.say(reply, where)
        await self._show(press, alert, "why")
        return _Toast()

    async def _chart(self, press: Incoming, alert: Alert, *, where: Incoming) -> _Toast:
        picture = None if self._deps.picture is None else await self._deps.picture(alert, press.destination)
        if picture is None:
            return self._said(press, "press_no_chart", is_loud=True)
        self._answers.chats.picture(
            where.destination,
            picture.png,
            caption_html=picture.caption_html,
            reply_to=press.message_id or None,
            is_asked=True,
        )
        await self._show(press, alert, "chart")
        return _Toast()

    # --- what is shown of it

    async def _was_lately(self, press: Incoming, meaning: AlertAction) -> bool:
        now_ms = self._answers.clock.now_ms()
        presses = await self._deps.memory.of(press.destination, meaning.alert_id)
        return any(one.action == meaning.action and now_ms - one.at_ms < SHOWN_LATELY_MS for one in presses)

    async def _show(self, press: Incoming, alert: Alert, action: str) -> None:
        """Under the alert, by name; it was done even if it cannot be kept."""
        pressed = Press(action=action, by=press.user_name, at_ms=self._answers.clock.now_ms())
        try:
            await self._deps.memory.add(press.destination, alert.id or 0, pressed)
        except StorageError as problem:
            log.warning("what was pressed is not remembered over a restart: %s", problem)
        self._answers.chats.pressed(press.destination, alert.key, press.message_id)

    def _said(self, press: Incoming, key: str, *, is_loud: bool = False, **values: object) -> _Toast:
        return _Toast(text=self._answers.style_of(press.destination).say(key, **values), is_loud=is_loud)

    async def _answer(self, press: Incoming, toast: _Toast) -> None:
        text = toast.text if len(toast.text) <= TOAST_CHARS_MAX else toast.text[: TOAST_CHARS_MAX - 1] + "…"
        try:
            await self._deps.bot.answer_press(press.press_id or "", text, is_loud=toast.is_loud)
        except DeliveryError as problem:
            log.info("a press could not be answered: %s", problem)


def _carrier(press: Incoming) -> tuple[int, int]:
    """The message that carries the button."""
    return press.destination.chat_id, press.message_id
