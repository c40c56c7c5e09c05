"""The one way out to a chat: paces, and knows what each answer of the chat service means for the chat as a whole."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from altmonitor.core.backoff import Backoff
from altmonitor.core.causes import Cause
from altmonitor.core.errors import (
    ChatClosed,
    ChatMoved,
    DeliveryError,
    MessageRefused,
    RetryLater,
    StorageError,
    TokenRefused,
    TopicClosed,
)
from altmonitor.core.types import Destination
from altmonitor.delivery.deps import DeliveryDeps
from altmonitor.delivery.pacing import GROUP_WINDOW_S, ChatPace
from altmonitor.delivery.turns import Turn, Urgency
from altmonitor.interfaces.delivery import Keyboard

log = logging.getLogger(__name__)

LONG_WAIT_S = 60.0
"""A wait that Telegram asks for counts as an interruption from here on."""

FIRST_TRY_S = 15.0
LONGEST_TRY_S = 300.0
"""What is closed is tried again after growing pauses, because nobody need tell the bot that it was opened: the rights
of all members can be changed, and a bot that may not read groups hears of no message."""

HINT_GAP_S = 60.0
"""That somebody writes in a chat is only a hint that the bot may too: not tried again sooner than this after a try."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingText:
    """One message as it leaves."""

    html: str
    reply_to: int | None = None
    is_silent: bool = False
    buttons: Keyboard = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What a message that got through has ended. topic_id: of the destination that was closed.

    is_closed: the destination itself refused the bot; else the whole chat could not be reached.
    """

    topic_id: int | None
    since_ms: int
    reason: Cause
    is_closed: bool


@dataclass(slots=True)
class _Closed:
    """Where the bot may not write. try_at_s: when a message may find out whether it may again; tried_s: when one last
    did, both monotonic. diverted: messages that went to the general topic instead."""

    since_ms: int
    reason: Cause
    tried_s: float = float("-inf")
    try_at_s: float = float("-inf")
    diverted: int = 0
    backoff: Backoff = field(default_factory=lambda: Backoff(first_s=FIRST_TRY_S, longest_s=LONGEST_TRY_S))

    def refused(self, now_s: float) -> None:
        """An attempt that nobody planned, such as an answer, changes nothing."""
        if now_s >= self.try_at_s:
            self.tried_s = now_s
            self.try_at_s = now_s + self.backoff.next_s()

    def opened(self, now_s: float, *, is_certain: bool) -> None:
        """Somebody says, or does what suggests, that it is open."""
        self.try_at_s = min(self.try_at_s, now_s if is_certain else max(now_s, self.tried_s + HINT_GAP_S))


class ChatSender:
    """topics: where alerts of this chat go. on_moved: called with the chat's old id, once the new one is stored.
    wake: called when it may be this chat's turn."""

    def __init__(
        self,
        deps: DeliveryDeps,
        chat_id: int,
        topics: Iterable[int | None],
        *,
        on_moved: Callable[[int], None],
        wake: Callable[[], None],
    ) -> None:
        self.chat_id = chat_id
        self.topics = list(topics)
        self.pace = ChatPace(is_group=chat_id < 0, min_interval_s=deps.min_interval_s)
        self._deps = deps
        self._on_moved = on_moved
        self._turn = Turn(wake)
        self._turns = deps.turns_of(chat_id)
        self._backoff = Backoff()
        self._backoff_until_s = float("-inf")
        self._outage: tuple[int, Cause] | None = None  # since when, unix ms, and why
        self._closed: dict[int | None, _Closed] = {}
        self._lost: dict[int, _Closed] = {}
        self._ended: list[Ended] = []
        self._is_seeded = False

    def at(self, topic_id: int | None) -> Destination:
        """The id of a chat can change; a topic's stays."""
        return Destination(chat_id=self.chat_id, topic_id=topic_id)

    def free_at_s(self, now_s: float, *, is_edit: bool = False) -> float:
        """The earliest moment ≥ now_s at which something may leave, as far as this chat alone is concerned."""
        return max(self.pace.free_at_s(now_s, is_edit=is_edit), self._backoff_until_s)

    # --- among all chats of the bot

    @property
    def is_refused(self) -> bool:
        """The token of the bot that speaks to this chat is."""
        return self._deps.turns_of(self.chat_id).is_refused

    @property
    def is_in_line(self) -> bool:
        """It waits for its turn to tell alerts or answer."""
        return self._turn.urgency in (Urgency.ALERT, Urgency.ANSWER)

    def ask_turn(self, urgency: Urgency) -> float | None:
        """0: this chat may say one thing now. Else in how many seconds to ask again; None: it is woken."""
        turns = self._deps.turns_of(self.chat_id)
        if turns is not self._turns:  # another bot speaks to it now
            self.give_turn_back()
            self._turns = turns
        return turns.ask(self._turn, urgency, self._now_s())

    def give_turn_back(self) -> None:
        self._turns.give_back(self._turn)

    def can_leave_within(self, count: int, horizon_s: float) -> bool:
        """True when so many messages leave one by one in time, beside what the other chats of the bot say."""
        is_free = self.pace.can_leave_within(self._now_s(), count, horizon_s)
        return is_free and self._turns.can_leave_within(count, horizon_s)

    async def seed_pace(self) -> None:
        """The chat service remembers what was sent before a restart, and how long it asked us to wait."""
        if self._is_seeded:
            return
        now_s, now_ms = self._deps.clock.monotonic(), self._deps.clock.now_ms()
        try:
            await self._recall_wait()
            sent = await self._deps.outbox.sent_since(self.chat_id, now_ms - int(GROUP_WINDOW_S * 1000))
        except StorageError as problem:
            log.warning("starting without knowing what was sent lately: %s", problem)
            return
        self._is_seeded = True
        for sent_ms in sent:
            self.pace.record(min(now_s, now_s - (now_ms - sent_ms) / 1000))

    async def send(self, topic_id: int | None, words: OutgoingText) -> int:
        """Returns the message id. Raises any DeliveryError; the caller minds the message. After TopicClosed the same
        message leaves for the chat's general topic."""
        request = self._deps.channel.send(
            self._open_at(topic_id),
            words.html,
            reply_to=words.reply_to,
            silent=words.is_silent,
            buttons=words.buttons,
        )
        return await self._through(topic_id, request, is_edit=False)

    async def send_picture(self, topic_id: int | None, png: bytes, words: OutgoingText) -> int:
        """As `send`; words: its caption. A message may follow it as soon as an edit."""
        request = self._deps.channel.send_photo(
            self._open_at(topic_id), png, caption_html=words.html, reply_to=words.reply_to, silent=words.is_silent
        )
        return await self._through(topic_id, request, is_edit=True)

    async def edit(self, topic_id: int | None, message_id: int, html: str, *, buttons: Keyboard = ()) -> None:
        """As `send`."""
        request = self._deps.channel.edit(self.at(topic_id), message_id, html, buttons=buttons)
        await self._through(topic_id, request, is_edit=True)

    async def take_buttons_off(self, topic_id: int | None, message_id: int) -> None:
        """As `send`."""
        request = self._deps.channel.set_buttons(self.at(topic_id), message_id, ())
        await self._through(topic_id, request, is_edit=True)

    # --- closed, and open again

    def is_closed(self, topic_id: int | None) -> bool:
        """The last message there was refused because the bot may not write."""
        return topic_id in self._closed

    def may_try(self, topic_id: int | None, now_s: float) -> bool:
        return topic_id not in self._closed or now_s >= self._closed[topic_id].try_at_s

    def next_try_s(self, now_s: float) -> float | None:
        """When something that is closed may be tried; None: nothing is, or it may be already."""
        return min((closed.try_at_s for closed in self._closed.values() if closed.try_at_s > now_s), default=None)

    def opened(self, topic_id: int | None, *, is_certain: bool) -> None:
        """The bot may, or perhaps may, write there. None: in the whole chat."""
        now_s = self._now_s()
        for at, closed in self._closed.items():
            if topic_id is None or at in (None, topic_id):
                closed.opened(now_s, is_certain=is_certain)
        for at, lost in self._lost.items():  # a message that is refused there costs nothing: it has another way
            if at == topic_id or (topic_id is None and is_certain):
                lost.opened(now_s, is_certain=True)

    def take_ended(self) -> list[Ended]:
        """Each once."""
        ended, self._ended = self._ended, []
        return ended

    def forget_closed(self, topic_id: int | None) -> None:
        """Nothing is wanted there any more."""
        self._closed.pop(topic_id, None)

    def _open_at(self, topic_id: int | None) -> Destination:
        return self.at(None if self._is_lost(topic_id) else topic_id)

    def _is_lost(self, topic_id: int | None) -> bool:
        return topic_id is not None and topic_id in self._lost and self._now_s() < self._lost[topic_id].try_at_s

    async def _through(self, topic_id: int | None, request: Coroutine[Any, Any, _T], *, is_edit: bool) -> _T:
        try:
            await self._take_a_place()
        except BaseException:
            request.close()
            raise
        was_lost, turns = self._is_lost(topic_id), self._turns
        try:
            try:
                answer = await request
            finally:
                turns.answered(self._turn, self._now_s())
        except ChatMoved as problem:  # not said to anybody: it may be said again at once
            await self._move(problem.new_chat_id)
            raise
        except DeliveryError as problem:
            self.pace.record(self._now_s(), is_edit=is_edit)
            if isinstance(problem, TopicClosed) and not is_edit and (was_lost or topic_id is None):
                problem = ChatClosed(str(problem), code=problem.cause.code)  # the general topic takes nothing either
            self._note_problem(topic_id, problem, is_edit=is_edit)
            if isinstance(problem, RetryLater):
                await self._remember_wait(problem.retry_after_s)
            raise problem from None
        self.pace.record(self._now_s(), is_edit=is_edit)
        self._backoff.reset()
        self._note_success(topic_id, was_lost=was_lost, is_edit=is_edit)
        return answer

    async def _take_a_place(self) -> None:
        """Where the database took long, others may have used the turn of this chat. A request that is cancelled
        meanwhile never leaves."""
        while (wait_s := self._turns.leaves_at_s(self._turn, now_s := self._now_s()) - now_s) > 0:
            await self._deps.clock.sleep(wait_s)
        self._turns.left(self._turn, now_s)

    def _note_success(self, topic_id: int | None, *, was_lost: bool, is_edit: bool) -> None:
        if self._outage is not None:
            (since_ms, reason), self._outage = self._outage, None
            log.info("chat %d can be reached again (was: %s)", self.chat_id, reason)
            self._ended.append(Ended(topic_id=None, since_ms=since_ms, reason=reason, is_closed=False))
        if is_edit:  # what was written before may be edited where nothing may be written
            return
        closed = self._closed.pop(topic_id, None)
        if closed is not None:
            log.info("%s can be written to again (was: %s)", self.at(topic_id), closed.reason)
            self._ended.append(Ended(topic_id=topic_id, since_ms=closed.since_ms, reason=closed.reason, is_closed=True))
            for other in self._closed.values():
                other.opened(self._now_s(), is_certain=True)
        lost = None if topic_id is None else self._lost.get(topic_id)
        if lost is not None and was_lost:
            lost.diverted += 1
        elif lost is not None and topic_id is not None:
            del self._lost[topic_id]
            log.info("the topic %s can be written to again", self.at(topic_id))
            self._deps.events.topic_found(self.at(topic_id), lost.diverted)

    def _note_problem(self, topic_id: int | None, problem: DeliveryError, *, is_edit: bool) -> None:
        match problem:
            case RetryLater():
                self.pace.hold(self._now_s(), problem.retry_after_s)
                if problem.retry_after_s >= LONG_WAIT_S:
                    self._begin_outage(problem.cause)
            case TopicClosed() if topic_id is not None and not is_edit:
                self._lose(topic_id, problem.cause)
            case MessageRefused():
                pass  # the message's fault; its sender may know a remedy
            case TokenRefused():
                if not self._turns.is_refused:
                    self._turns.is_refused = True
                    log.error("nothing is sent by this bot any more: %s", problem)
                    self._deps.events.fatal(problem)
            case ChatClosed():
                if not is_edit:
                    self._close(topic_id, problem.cause)
            case _:
                self._backoff_until_s = self._now_s() + self._backoff.next_s()
                self._begin_outage(problem.cause)

    def _begin_outage(self, reason: Cause) -> None:
        if self._outage is None:
            self._outage = (self._deps.clock.now_ms(), reason)
            log.warning("chat %d cannot be reached: %s", self.chat_id, reason)

    def _close(self, topic_id: int | None, reason: Cause) -> None:
        """Only where alerts go: elsewhere nothing waits."""
        if topic_id not in self.topics:
            return
        is_new = topic_id not in self._closed
        if is_new:
            self._closed[topic_id] = _Closed(self._deps.clock.now_ms(), reason)
        self._closed[topic_id].refused(self._now_s())
        if is_new:
            log.warning("%s may not be written to, its alerts wait: %s", self.at(topic_id), reason)
            self._deps.events.closed(self.at(topic_id), reason)

    def _lose(self, topic_id: int, reason: Cause) -> None:
        is_new = topic_id not in self._lost
        if is_new:
            self._lost[topic_id] = _Closed(self._deps.clock.now_ms(), reason)
        self._lost[topic_id].refused(self._now_s())
        if is_new:
            log.warning("the topic %s is lost, its messages go to the chat itself: %s", self.at(topic_id), reason)
            self._deps.events.topic_lost(self.at(topic_id), reason)

    async def _remember_wait(self, wait_s: float) -> None:
        """Whoever asks again before the end is made to wait longer, a restarted program too."""
        now_ms = self._deps.clock.now_ms()
        try:
            await self._deps.outbox.meta_set(f"wait:{self.chat_id}", f"{now_ms} {wait_s:.3f}")
        except StorageError as problem:
            log.warning("a restart would not know that Telegram asked to wait %.0f s: %s", wait_s, problem)

    async def _recall_wait(self) -> None:
        """A clock that was set back meanwhile makes no wait longer. Raises StorageError."""
        remembered = await self._deps.outbox.meta_get(f"wait:{self.chat_id}")
        if remembered is not None:
            since_ms, wait_s = remembered.split()
            left_s = float(wait_s) - max(0.0, (self._deps.clock.now_ms() - int(since_ms)) / 1000)
            if left_s > 0:
                self.pace.hold(self._now_s(), left_s)

    async def _move(self, new_chat_id: int) -> None:
        old_chat_id = self.chat_id
        old, new = Destination(chat_id=old_chat_id), Destination(chat_id=new_chat_id)
        await self._deps.insist(lambda: self._deps.outbox.move(old, new))
        self.chat_id = new_chat_id
        log.info("chat %d is now %d", old_chat_id, new_chat_id)
        self._on_moved(old_chat_id)
        await self._deps.insist(self._recall_wait)  # asked for under the new id, perhaps before a restart

    def _now_s(self) -> float:
        return self._deps.clock.monotonic()
