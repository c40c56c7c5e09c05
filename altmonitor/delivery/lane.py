"""One chat: everything said there goes through one lane, one message at a time, at the chat's pace.

Answers come first, then alerts, then operator notices, then edits. A chat's topics share its lane, because Telegram
counts per chat.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection, Coroutine, Iterable
from contextlib import suppress
from typing import Any

from altmonitor.delivery.asides import Aside, Asides, Edits, KeptEdit, OwnMessage
from altmonitor.delivery.digest import Wait
from altmonitor.delivery.messages import AlertMessage, is_markup_problem
from altmonitor.delivery.outlet import Outlet
from altmonitor.delivery.pacing import EDITS_NEED
from altmonitor.delivery.plain import without_markup
from altmonitor.delivery.turns import AlertTurns
from altmonitor.delivery.wiring import Wiring
from altmonitor.errors import ChatGone, DeliveryError, MessageRefused, StorageError

log = logging.getLogger(__name__)

IN_FLIGHT_S = 2.0
"""At the end a message that is under way has this long to be accepted and recorded."""
REPLIES_IN_A_ROW = 2
"""After so many answers a waiting alert has its turn: nobody holds up alerts by asking for help."""
_SHORTEST_REST_S = 0.001

Step = Coroutine[Any, Any, None]


class Lane:
    """on_moved: called with this lane and the chat's old id after the new one is stored."""

    def __init__(
        self, wiring: Wiring, chat_id: int, topics: Iterable[int | None], *, on_moved: Callable[[Lane, int], None]
    ) -> None:
        self._wiring = wiring
        self.outlet = Outlet(wiring, chat_id, topics, on_moved=self._moved)
        self._turns = AlertTurns(wiring, self.outlet)
        self._asides = Asides()
        self._edits = Edits()
        self._kept: dict[int | None, KeptEdit] = {}
        self._others: deque[tuple[Lane, Collection[asyncio.Task[None]]]] = deque()
        self._on_moved = on_moved
        self._replies_in_a_row = 0
        self._wake = asyncio.Event()

    def wake(self) -> None:
        self._wake.set()

    def reply(
        self, topic_id: int | None, html: str, reply_to: int | None, on_sent: Callable[[int], None] | None = None
    ) -> None:
        aside = Aside(topic_id=topic_id, html=html, reply_to=reply_to, since_s=self._now_s(), on_sent=on_sent)
        self._asides.reply(aside)
        self.wake()

    def update(self, kept: KeptEdit) -> None:
        """Of several for one topic only the newest leaves, when nothing else is to be said; if the chat has no room
        for edits it is dropped."""
        self._kept[kept.topic_id] = kept
        self.wake()

    def notice(self, topic_id: int | None, html: str, on_sent: Callable[[int], None] | None = None) -> None:
        self._asides.notice(Aside(topic_id=topic_id, html=html, since_s=self._now_s(), on_sent=on_sent))
        self.wake()

    def is_gone(self, topic_id: int | None) -> bool:
        """The chat refused the bot and is tried again only now and then."""
        return self._turns.is_gone(topic_id)

    def refresh(self, alert_key: str) -> None:
        for topic_id in self.outlet.topics:
            if self._edits.want((topic_id, alert_key), self._now_s(), in_flight=self._turns.planned_keys):
                self.wake()

    def take_over(self, other: Lane, ending: Collection[asyncio.Task[None]]) -> None:
        """The other lane turned out to be the same chat. ending: its tasks, cancelled; until they have ended this lane
        says nothing, because something of the other one may still be under way."""
        self.outlet.topics.extend(topic for topic in other.outlet.topics if topic not in self.outlet.topics)
        self.outlet.pace = other.outlet.pace  # what was noted here was said under the old id
        self._others.append((other, ending))
        self.wake()

    async def run(self) -> None:
        """Until cancelled; what is under way then is finished within `IN_FLIGHT_S` or stays queued."""
        self._turns.drop_planned()
        await self.outlet.seed_pace()
        while not self._wiring.token_refused.is_set():
            self._wake.clear()
            await self._take_over_asides()
            step = await self._next_step()
            if step is None or isinstance(step, float):
                await self._rest(step)
            else:
                await self._finish(step)
        await asyncio.Event().wait()

    # --- choosing

    async def _next_step(self) -> Step | float | None:
        """What to do, or how many seconds nothing is to be done (a wake-up ends them), or None: until a wake-up."""
        now_s = self._now_s()
        self._asides.drop_old(now_s)
        has_alerts = await self._turns.is_waiting()
        if has_alerts or self._asides.replies or self._asides.notices:
            return await self._next_said(has_alerts, self.outlet.free_at_s(now_s) - now_s)
        edit = self._next_edit(now_s) or self._next_update(now_s)
        if edit is not None:
            return edit
        gone_until_s = self._turns.wakes_at_s()
        return None if gone_until_s is None else gone_until_s - now_s

    async def _next_said(self, has_alerts: bool, wait_s: float) -> Step | float:
        """wait_s: until a message may leave; an edit that adds to a digest may leave sooner."""
        growth = None
        if has_alerts and not self._asides.replies:
            growth = await self._turns.next_growth(is_message_free=wait_s <= 0)
        if isinstance(growth, AlertMessage):
            return self._grow(growth, growth.grows or 0)
        if wait_s <= 0:
            return await self._next_message(has_alerts)
        return wait_s if growth is None else min(wait_s, growth.seconds)

    async def _next_message(self, has_alerts: bool) -> Step | float:
        if self._asides.replies and (not has_alerts or self._replies_in_a_row < REPLIES_IN_A_ROW):
            return self._say(self._asides.replies)
        alert = await self._turns.next()
        if isinstance(alert, AlertMessage):
            return self._tell(alert)
        if self._asides.replies:
            return self._say(self._asides.replies)
        if isinstance(alert, Wait):
            return alert.seconds
        return self._say(self._asides.notices) if self._asides.notices else 0.0

    def _next_edit(self, now_s: float) -> Step | float | None:
        if self.outlet.pace.allowance(now_s) < EDITS_NEED:
            self._edits.drop_wanted()
        due = self._edits.due(now_s)
        if due is None:
            due_s = self._edits.next_due_s()
            return None if due_s is None else due_s - now_s
        free_s = self.outlet.free_at_s(now_s, is_edit=True)
        return free_s - now_s if free_s > now_s else self._edit(*due)

    def _next_update(self, now_s: float) -> Step | float | None:
        if self.outlet.pace.allowance(now_s) < EDITS_NEED:
            self._kept.clear()
        if not self._kept:
            return None
        free_s = self.outlet.free_at_s(now_s, is_edit=True)
        return free_s - now_s if free_s > now_s else self._update(self._kept.pop(next(iter(self._kept))))

    # --- speaking

    async def _tell(self, message: AlertMessage) -> None:
        self._replies_in_a_row = 0
        await self._turns.begin(message)
        try:
            message_id = await self.outlet.send(message.topic_id, message.html, reply_to=message.reply_to)
        except DeliveryError as problem:
            await self._turns.refused(message, problem)
            return
        await self._turns.accepted(message, message_id)
        if message.own_key is not None:
            own = OwnMessage(message_id=message_id, maybe_repeated=message.maybe_repeated, changed_s=float("-inf"))
            self._edits.told((message.topic_id, message.own_key), own)

    async def _grow(self, message: AlertMessage, message_id: int) -> None:
        self._replies_in_a_row = 0
        await self._turns.begin(message)
        try:
            await self.outlet.edit(message.topic_id, message_id, message.html)
        except DeliveryError as problem:
            await self._turns.refused(message, problem)
        else:
            await self._turns.accepted(message, message_id)

    async def _say(self, queue: deque[Aside]) -> None:
        self._replies_in_a_row += 1
        aside = queue[0]
        self._turns.interrupted(aside.topic_id)
        try:
            message_id = await self.outlet.send(aside.topic_id, aside.html, reply_to=aside.reply_to)
        except MessageRefused as problem:
            if not aside.is_plain and is_markup_problem(problem):
                aside.html, aside.is_plain = without_markup(aside.html), True
                return
            log.error("a message was refused and is not sent: %s", problem)  # noqa: TRY400 — no trace: not our fault
        except ChatGone as problem:
            log.warning("a message could not be sent to %s: %s", self.outlet.at(aside.topic_id), problem)
        except DeliveryError:
            return  # tried again, until it is too old
        else:
            self._turns.reachable(aside.topic_id)
            if aside.on_sent is not None:
                aside.on_sent(message_id)
        if aside in queue:
            queue.remove(aside)

    async def _edit(self, key: tuple[int | None, str], own: OwnMessage) -> None:
        topic_id, alert_key = key
        self._edits.edited(key, self._now_s())
        try:
            alert = (await self._wiring.outbox.alerts_of([alert_key])).get(alert_key)
            if alert is not None:
                html = self._wiring.renderer.alert(alert, maybe_repeated=own.maybe_repeated)
                await self.outlet.edit(topic_id, own.message_id, html)
        except (StorageError, DeliveryError) as problem:
            log.info("a message was not brought up to date: %s", problem)

    async def _update(self, kept: KeptEdit) -> None:
        try:
            await self.outlet.edit(kept.topic_id, kept.message_id, kept.html)
        except DeliveryError as problem:
            kept.on_end(problem)
        else:
            kept.on_end(None)

    # --- inside

    async def _take_over_asides(self) -> None:
        while self._others:
            other, ending = self._others[0]
            if ending:
                await asyncio.wait(ending)
            self._asides.take_over(other._asides)
            self._others.popleft()

    async def _rest(self, seconds: float | None) -> None:
        try:
            async with self._wiring.clock.timeout(None if seconds is None else max(_SHORTEST_REST_S, seconds)):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _finish(self, step: Step) -> None:
        """A cancelled request may have been carried out: it gets a moment to say so."""
        doing = asyncio.create_task(step)
        try:
            await asyncio.shield(doing)
        except asyncio.CancelledError:
            with suppress(TimeoutError):
                async with self._wiring.clock.timeout(IN_FLIGHT_S):
                    await asyncio.wait({doing})
            doing.cancel()
            await asyncio.wait({doing})
            raise

    def _moved(self, old_chat_id: int) -> None:
        self._edits.forget()
        self._kept.clear()
        self._turns.chat_moved()
        self._on_moved(self, old_chat_id)

    def _now_s(self) -> float:
        return self._wiring.clock.monotonic()
