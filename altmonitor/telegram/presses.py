"""A pressed button → what it stands for, and an answer to whoever pressed it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from altmonitor.commands.replies import MutedChanged, plain
from altmonitor.commands.replies_settings import Changed
from altmonitor.commands.reply_buttons import CANCEL
from altmonitor.core.alert import Alert
from altmonitor.core.errors import DeliveryError, StorageError
from altmonitor.delivery.pictures import Picture
from altmonitor.delivery.presses import PressMemory
from altmonitor.interfaces.delivery import Press
from altmonitor.render.plain import one_line
from altmonitor.render.replies import reply_parts
from altmonitor.render.signed_buttons import AlertAction, Outdated, TypedCommand
from altmonitor.telegram.handlers import Answering, AnswerStage
from altmonitor.telegram.rate_limit import Admission
from altmonitor.telegram.types import Incoming

log = logging.getLogger(__name__)

TOAST_CHARS_MAX = 200
"""Source: https://core.telegram.org/bots/api#answercallbackquery"""
WITHIN_S = 10.0
"""Telegram takes an answer for about 15 s after the press."""
SHOWN_LATELY_MS = 60_000
"""What was asked for under the same message so lately is still in sight."""
MUTED_FOR = "1h"
_CONFIRMED = " yes"


class PressAnswers(Protocol):
    async def answer_press(self, press_id: str, text: str = "", *, is_loud: bool = False) -> None:
        """May raise any `errors.DeliveryError`."""


class AlertLookup(Protocol):
    async def alert_of_id(self, alert_id: int) -> Alert | None:
        """May raise StorageError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PressStage:
    """picture: the chart of an alert as the chat of the press shall see it; None: there are no pictures."""

    bot: PressAnswers
    alerts: AlertLookup
    memory: PressMemory
    picture: Callable[[Alert, Incoming], Awaitable[Picture | None]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Toast:
    """Shown to the one who pressed; '' only ends the waiting sign. is_loud: until it is closed."""

    text: str = ""
    is_loud: bool = False


class Presses:
    """Every press is answered, whatever it is; see `answers.PressHandler`."""

    def __init__(self, answers: AnswerStage, stage: PressStage) -> None:
        self._answers = answers
        self._answering = Answering(answers)
        self._stage = stage

    async def handle(self, press: Incoming, admission: Admission) -> None:
        if admission is not Admission.YES:
            await self._answer(press, _Toast())
            return
        toast = self._said(press, "press_failed", is_loud=True)
        try:
            async with self._answers.clock.timeout(WITHIN_S):
                toast = await self._carry_out(press)
        except (StorageError, TimeoutError) as problem:
            log.warning("a press could not be carried out: %s", problem or "not in time")
        finally:
            await self._answer(press, toast)

    async def unheard(self, press: Incoming, *, is_stranger: bool) -> None:
        await self._answer(press, _Toast() if is_stranger else self._said(press, "press_missed", is_loud=True))

    # --- what it stands for

    async def _carry_out(self, press: Incoming) -> _Toast:
        try:
            meaning = self._answers.seal.read(press.text, now_ms=self._answers.clock.now_ms())
        except Outdated:
            return self._said(press, "press_old", is_loud=True)
        if isinstance(meaning, TypedCommand):
            return await self._typed(press, meaning.text)
        if meaning is None:
            return self._said(press, "press_unknown", is_loud=True)
        alert = await self._stage.alerts.alert_of_id(meaning.alert_id)
        if alert is None:
            return self._said(press, "press_gone", is_loud=True)
        if meaning.action == "mute":
            return await self._mute(press, alert)
        if await self._was_lately(press, meaning):
            return self._said(press, "press_again")
        return await (self._chart if meaning.action == "chart" else self._why)(press, alert)

    async def _typed(self, press: Incoming, text: str) -> _Toast:
        """A question is asked once: its buttons go. Others, such as those of a list, stay."""
        if text == CANCEL:
            self._answers.chats.close_question(press.destination, press.message_id)
            return self._said(press, "press_cancelled")
        reply = await self._answering.carry_out(text, press)
        if reply is None:  # told so within the hour
            return self._said(press, "press_not_allowed", is_loud=True)
        if text.endswith(_CONFIRMED) and press.may_change:
            self._answers.chats.close_question(press.destination, press.message_id)
        self._answering.say(reply, press)
        return _Toast()

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

    async def _why(self, press: Incoming, alert: Alert) -> _Toast:
        zone = self._answers.style_of(press.destination).tz
        minute = datetime.fromtimestamp(alert.event_ms / 1000, UTC).astimezone(zone).strftime("%Y-%m-%d %H:%M")
        reply = await self._answering.carry_out(f"/why {alert.symbol} {minute}", press)
        if reply is None:
            return self._said(press, "press_failed", is_loud=True)
        self._answering.say(reply, press)
        await self._show(press, alert, "why")
        return _Toast()

    async def _chart(self, press: Incoming, alert: Alert) -> _Toast:
        picture = None if self._stage.picture is None else await self._stage.picture(alert, press)
        if picture is None:
            return self._said(press, "press_no_chart", is_loud=True)
        self._answers.chats.picture(
            press.destination,
            picture.png,
            caption_html=picture.caption_html,
            reply_to=press.message_id,
            is_asked=True,
        )
        await self._show(press, alert, "chart")
        return _Toast()

    # --- what is shown of it

    async def _was_lately(self, press: Incoming, meaning: AlertAction) -> bool:
        now_ms = self._answers.clock.now_ms()
        presses = await self._stage.memory.of(press.destination, meaning.alert_id)
        return any(one.action == meaning.action and now_ms - one.at_ms < SHOWN_LATELY_MS for one in presses)

    async def _show(self, press: Incoming, alert: Alert, action: str) -> None:
        """Under the alert, by name; it was done even if it cannot be kept."""
        pressed = Press(action=action, by=press.user_name, at_ms=self._answers.clock.now_ms())
        try:
            await self._stage.memory.add(press.destination, alert.id or 0, pressed)
        except StorageError as problem:
            log.warning("what was pressed is not remembered over a restart: %s", problem)
        self._answers.chats.pressed(press.destination, alert.key, press.message_id)

    def _said(self, press: Incoming, key: str, *, is_loud: bool = False) -> _Toast:
        return _Toast(text=self._answers.style_of(press.destination).say(key), is_loud=is_loud)

    async def _answer(self, press: Incoming, toast: _Toast) -> None:
        text = toast.text if len(toast.text) <= TOAST_CHARS_MAX else toast.text[: TOAST_CHARS_MAX - 1] + "…"
        try:
            await self._stage.bot.answer_press(press.press_id or "", text, is_loud=toast.is_loud)
        except DeliveryError as problem:
            log.info("a press could not be answered: %s", problem)
