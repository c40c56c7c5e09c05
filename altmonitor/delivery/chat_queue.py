"""One chat: everything said there goes through one queue, one message at a time, at the chat's pace.

Answers come first, then alerts, then operator notices, then edits, then pictures. A chat's topics share its queue,
because Telegram counts per chat.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress

from altmonitor.core.alert import Alert
from altmonitor.core.errors import DeliveryError
from altmonitor.delivery.alert_queue import AlertQueue
from altmonitor.delivery.deps import DeliveryDeps, Resumption
from altmonitor.delivery.digest_decision import DestinationStyle, Wait
from altmonitor.delivery.edits import KeptEdit, MessageEdits, Step
from altmonitor.delivery.messages import AlertMessage
from altmonitor.delivery.other_messages import OtherMessage, OtherMessages
from altmonitor.delivery.pacing import GROWTH_NEEDS
from altmonitor.delivery.sender import ChatSender, OutgoingText
from altmonitor.delivery.turns import Urgency

IN_FLIGHT_S = 2.0
"""At the end a message that is under way has this long to be accepted and recorded."""
REPLIES_IN_A_ROW = 2
"""After so many answers a waiting alert has its turn: nobody holds up alerts by asking for help."""
_SHORTEST_REST_S = 0.001


class ChatQueue:
    """on_moved: called with this queue and the chat's old id after the new one is stored."""

    def __init__(
        self,
        deps: DeliveryDeps,
        chat_id: int,
        topics: Iterable[int | None],
        *,
        on_moved: Callable[[ChatQueue, int], None],
    ) -> None:
        self._deps = deps
        self.sender = ChatSender(deps, chat_id, topics, on_moved=self._moved, wake=self.wake)
        self._alert_queue = AlertQueue(deps, self.sender)
        self._other_messages = OtherMessages(deps, self.sender)
        self._message_edits = MessageEdits(deps, self.sender)
        self._retired: set[int | None] = set()
        self._others: deque[tuple[ChatQueue, asyncio.Task[None] | None]] = deque()
        self._on_moved = on_moved
        self._replies_in_a_row = 0
        self._wake = asyncio.Event()

    def wake(self) -> None:
        self._wake.set()

    def alerts_came(self) -> None:
        """Who stands in line for its turn sees them when that has come."""
        if not self.sender.is_in_line:
            self.wake()

    def set_topics(self, topics: Collection[int | None]) -> None:
        """Where alerts go from now on. What waits for a topic that is left out is given up."""
        self._retired |= set(self.sender.topics) - set(topics)
        self._retired -= set(topics)
        self.sender.topics = list(topics)
        self.wake()

    def reply(self, topic_id: int | None, words: OutgoingText, on_sent: Callable[[int], None] | None = None) -> None:
        other_message = OtherMessage(
            topic_id=topic_id,
            html=words.html,
            reply_to=words.reply_to,
            buttons=words.buttons,
            since_s=self._now_s(),
            on_sent=on_sent,
        )
        self._other_messages.reply(other_message)
        self.wake()

    def picture(self, topic_id: int | None, png: bytes, words: OutgoingText, *, is_asked: bool) -> None:
        """words: its caption. is_asked: an answer; else it follows an alert, without a bell, if the chat is idle."""
        other_message = OtherMessage(
            topic_id=topic_id,
            html=words.html,
            reply_to=words.reply_to,
            is_silent=not is_asked,
            png=png,
            since_s=self._now_s(),
        )
        if is_asked:
            self._other_messages.reply(other_message)
        else:
            self._other_messages.pictures.append(other_message)
        self.wake()

    def update(self, kept: KeptEdit) -> None:
        """Leaves when nothing else is to be said; if the chat has no room for edits it is dropped."""
        self._message_edits.keep(kept)
        self.wake()

    def notice(self, topic_id: int | None, html: str, on_sent: Callable[[int], None] | None = None) -> None:
        self._other_messages.notice(OtherMessage(topic_id=topic_id, html=html, since_s=self._now_s(), on_sent=on_sent))
        self.wake()

    def pressed(self, topic_id: int | None, alert_key: str, message_id: int) -> None:
        """The message of this alert shall show what was pressed under it."""
        self._message_edits.pressed((topic_id, alert_key), message_id)
        self.wake()

    def opened(self, topic_id: int | None, *, is_certain: bool) -> None:
        """The bot may write there again, or somebody does what suggests it. None: in the whole chat."""
        self.sender.opened(topic_id, is_certain=is_certain)
        self.wake()

    def refresh(self, alert_key: str) -> bool:
        """False: this run told it in every topic."""
        known = self._message_edits.refresh(alert_key, in_flight=self._alert_queue.planned_keys)
        if known:
            self.wake()
        return known < len(self.sender.topics)

    def look_for(self, alert: Alert) -> None:
        """An earlier run may have told it, and more is known about it now."""
        if self._message_edits.look_for(alert):
            self.wake()

    def take_over(self, other: ChatQueue, ending: asyncio.Task[None] | None) -> None:
        """The other queue turned out to be the same chat. ending: its task, cancelled; until it has ended this one
        says nothing, because something of the other one may still be under way."""
        self.sender.topics.extend(topic for topic in other.sender.topics if topic not in self.sender.topics)
        self.sender.pace = other.sender.pace  # what was noted here was said under the old id
        self._others.append((other, ending))
        self.wake()

    async def run(self) -> None:
        """Until cancelled; what is under way then is finished within `IN_FLIGHT_S` or stays queued."""
        self._alert_queue.drop_planned()
        await self.sender.seed_pace()
        await self._message_edits.resume()
        try:
            while True:
                self._wake.clear()
                is_refused = self.sender.is_refused
                if self._others or self._retired or is_refused:
                    self.sender.give_turn_back()
                    await self._take_over_others()
                    while self._retired:
                        await self._alert_queue.retire(self._retired.pop())
                rest_s = None if is_refused else await self._speak()
                if rest_s is None or rest_s > 0:
                    await self._rest(rest_s)
        finally:
            self.sender.give_turn_back()

    async def _speak(self) -> float | None:
        """Says the next thing if something is to be said and it is this chat's turn. What it says is chosen when the
        turn has come: until then more may have come.

        Returns the seconds until it is to be called again (a wake-up ends them), None: until a wake-up.
        """
        has_alerts = await self._alert_queue.is_waiting()
        now_s = self._now_s()
        self._other_messages.drop_old(now_s)
        has_words = has_alerts or bool(self._other_messages.replies) or self._next_notice(now_s) is not None
        if not has_words and (seeking := self._message_edits.seek()) is not None:
            self.sender.give_turn_back()
            await self._finish(seeking)
            return 0.0
        urgency = self._urgency(now_s, has_alerts) if has_words else self._extra(now_s)
        if not isinstance(urgency, Urgency):
            self.sender.give_turn_back()
            return urgency
        wait_s = self.sender.ask_turn(urgency)
        if wait_s is None or wait_s > 0:
            return wait_s
        try:
            step: Step | float | None
            if has_words:
                step = await self._next_said(has_alerts, self.sender.free_at_s(now_s) - now_s)
            else:
                step = self._next_extra(now_s)
            if step is None or isinstance(step, float):
                return None if step is None else max(_SHORTEST_REST_S, step)
            await self._finish(step)
            return 0.0
        finally:
            self.sender.give_turn_back()

    # --- choosing

    def _urgency(self, now_s: float, has_alerts: bool) -> Urgency | float:
        """Of the message that could leave now; else in how many seconds it could."""
        has_replies = bool(self._other_messages.replies)
        can_edit = has_alerts and not has_replies and self._alert_queue.can_grow()
        wait_s = self.sender.free_at_s(now_s, is_edit=can_edit) - now_s
        if wait_s > 0:
            return wait_s
        return Urgency.ANSWER if has_replies else Urgency.ALERT

    def _extra(self, now_s: float) -> Urgency | float | None:
        """Where there is nothing to tell: whether there is something to edit or to show, else when to ask again, as
        `_speak`."""
        waits = (self._message_edits.wait_s(now_s), self._picture_wait_s(now_s), self._wake_wait_s(now_s))
        if (waits[0] is not None and waits[0] <= 0) or (waits[1] is not None and waits[1] <= 0):
            return Urgency.EXTRA
        return min((wait_s for wait_s in waits if wait_s is not None), default=None)

    def _wake_wait_s(self, now_s: float) -> float | None:
        wakes_at_s = self._alert_queue.wakes_at_s()
        return None if wakes_at_s is None else max(_SHORTEST_REST_S, wakes_at_s - now_s)

    def _next_extra(self, now_s: float) -> Step | float | None:
        """What to do, or how many seconds nothing is to be done (a wake-up ends them), or None: until a wake-up."""
        step = self._message_edits.next(now_s)
        if step is None:
            step = self._next_picture(now_s)
        if step is not None and not isinstance(step, float):
            return step
        wait_s = self._wake_wait_s(now_s)
        return wait_s if step is None else step if wait_s is None else min(step, wait_s)

    async def _next_said(self, has_alerts: bool, wait_s: float) -> Step | float:
        """wait_s: until a message may leave; an edit that adds to a digest may leave sooner."""
        growth = None
        if has_alerts and not self._other_messages.replies:
            growth = await self._alert_queue.next_growth(is_message_free=wait_s <= 0)
        if isinstance(growth, AlertMessage):
            return self._grow(growth, growth.grows or 0)
        if wait_s <= 0:
            return await self._next_message(has_alerts)
        return wait_s if growth is None else min(wait_s, growth.seconds)

    async def _next_message(self, has_alerts: bool) -> Step | float:
        if self._other_messages.replies and (not has_alerts or self._replies_in_a_row < REPLIES_IN_A_ROW):
            return self._say(self._other_messages.replies, self._other_messages.replies[0])
        alert = await self._alert_queue.next()
        if isinstance(alert, AlertMessage):
            return self._tell(alert)
        if self._other_messages.replies:
            return self._say(self._other_messages.replies, self._other_messages.replies[0])
        if isinstance(alert, Wait):
            return alert.seconds
        notice = self._next_notice(self._now_s())
        return self._say(self._other_messages.notices, notice) if notice is not None else 0.0

    def _next_notice(self, now_s: float) -> OtherMessage | None:
        """The oldest one for a place that may be written to."""
        notices = self._other_messages.notices
        if not notices:
            return None
        return next((notice for notice in notices if self.sender.may_try(notice.topic_id, now_s)), None)

    def _picture_wait_s(self, now_s: float) -> float | None:
        """None: there is none to be sent."""
        pictures = self._other_messages.pictures
        if self._alert_queue.is_storm() or self.sender.pace.allowance(now_s) < GROWTH_NEEDS:
            pictures.clear()
        # When a message could leave: an alert that comes now finds room.
        return self.sender.free_at_s(now_s) - now_s if pictures else None

    def _next_picture(self, now_s: float) -> Step | float | None:
        wait_s, pictures = self._picture_wait_s(now_s), self._other_messages.pictures
        return wait_s if wait_s is None or wait_s > 0 else self._say(pictures, pictures[0])

    # --- speaking

    async def _tell(self, message: AlertMessage) -> None:
        self._replies_in_a_row = 0
        if not await self._alert_queue.begin(message):
            return
        await self._message_edits.is_leaving(message)
        try:
            words = OutgoingText(
                html=message.html,
                reply_to=message.reply_to,
                is_silent=message.is_silent or not self._destination_style(message.topic_id).rings(message.rows),
                buttons=message.buttons,
            )
            message_id = await self.sender.send(message.topic_id, words)
        except DeliveryError as problem:
            await self._alert_queue.refused(message, problem)
            return
        await self._report_resumed()
        await self._alert_queue.accepted(message, message_id)
        if message.own_key is not None:
            key = (message.topic_id, message.own_key)
            shown = (words.html, words.buttons)
            alert = message.rows[0].alert
            self._message_edits.sent(
                key,
                message_id,
                maybe_repeated=message.maybe_repeated,
                shown=shown,
                is_unfinished=alert.is_running,
                wait_line=message.wait_line,
            )
            if not self._alert_queue.is_storm():
                self._deps.events.sent(self.sender.at(message.topic_id), alert, message_id)
        elif message.is_late:
            self._message_edits.late_sent(message)
        elif message.is_whole_digest:
            self._message_edits.digest_sent(message, message_id)
        elif message.parts and any(row.alert.is_running for row in message.rows):
            self._message_edits.digest_part_sent(message, message_id)

    async def _grow(self, message: AlertMessage, message_id: int) -> None:
        self._replies_in_a_row = 0
        if not await self._alert_queue.begin(message):
            return
        try:
            await self.sender.edit(message.topic_id, message_id, message.html)
        except DeliveryError as problem:
            await self._alert_queue.refused(message, problem)
        else:
            await self._report_resumed()
            await self._alert_queue.accepted(message, message_id)
            self._message_edits.digest_sent(message, message_id)

    async def _report_resumed(self) -> None:
        """Before what got through is recorded as sent: it waited too."""
        ended = self.sender.take_ended()
        for topic_id in self.sender.topics:
            given_up = self._alert_queue.take_given_up(topic_id)
            found = max(
                (end for end in ended if not end.is_closed or end.topic_id == topic_id),
                key=lambda end: end.is_closed,
                default=None,
            )
            if found is not None or given_up:
                resumption = Resumption(
                    since_ms=None if found is None else found.since_ms,
                    at_ms=self._deps.clock.now_ms(),
                    reason=None if found is None else found.reason,
                    is_closed=found is not None and found.is_closed,
                    late=0 if found is None else await self._alert_queue.held_up(topic_id),
                    given_up=given_up,
                )
                self._deps.events.resumed(self.sender.at(topic_id), resumption)

    async def _say(self, queue: deque[OtherMessage], other_message: OtherMessage) -> None:
        self._replies_in_a_row += 1
        self._alert_queue.interrupted(other_message.topic_id)
        await self._other_messages.say(queue, other_message, on_accepted=self._report_resumed)

    # --- inside

    def _destination_style(self, topic_id: int | None) -> DestinationStyle:
        return self._deps.style_of(self.sender.at(topic_id))

    async def _take_over_others(self) -> None:
        while self._others:
            other, ending = self._others[0]
            if ending is not None:
                await asyncio.wait({ending})
            self._other_messages.take_over(other._other_messages)
            self._others.popleft()

    async def _rest(self, seconds: float | None) -> None:
        try:
            async with self._deps.clock.timeout(None if seconds is None else max(_SHORTEST_REST_S, seconds)):
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
                async with self._deps.clock.timeout(IN_FLIGHT_S):
                    await asyncio.wait({doing})
            doing.cancel()
            await asyncio.wait({doing})
            raise

    def _moved(self, old_chat_id: int) -> None:
        self._message_edits.forget()
        self._alert_queue.chat_moved()
        self._on_moved(self, old_chat_id)

    def _now_s(self) -> float:
        return self._deps.clock.monotonic()
