"""The one way out to a chat: paces, and knows what each answer of the chat service means for the chat as a whole."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from altmonitor.core.backoff import Backoff
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
from altmonitor.interfaces.delivery import Keyboard

log = logging.getLogger(__name__)

LONG_WAIT_S = 60.0
"""A wait that Telegram asks for is told to the operator from here on."""

LOST_TOPIC_S = 6 * 3600.0
"""A deleted or closed forum topic is tried again after this; until then the chat's general topic stands in for it."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingText:
    """One message as it leaves."""

    html: str
    reply_to: int | None = None
    is_silent: bool = False
    buttons: Keyboard = ()


class ChatSender:
    """topics: where alerts of this chat go. on_moved: called with the chat's old id, once the new one is stored."""

    def __init__(
        self, deps: DeliveryDeps, chat_id: int, topics: Iterable[int | None], *, on_moved: Callable[[int], None]
    ) -> None:
        self.chat_id = chat_id
        self.topics = list(topics)
        self.pace = ChatPace(is_group=chat_id < 0, min_interval_s=deps.min_interval_s)
        self._deps = deps
        self._on_moved = on_moved
        self._backoff = Backoff()
        self._backoff_until_s = float("-inf")
        self._troubles: dict[int | None, str] = {}
        self._lost_until_s: dict[int, float] = {}
        self._is_seeded = False

    def at(self, topic_id: int | None) -> Destination:
        """The id of a chat can change; a topic's stays."""
        return Destination(chat_id=self.chat_id, topic_id=topic_id)

    def free_at_s(self, now_s: float, *, is_edit: bool = False) -> float:
        """The earliest moment ≥ now_s at which something may leave."""
        return max(
            self.pace.free_at_s(now_s, is_edit=is_edit),
            self._deps.overall.free_at_s(now_s),
            self._backoff_until_s,
        )

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

    def trouble(self, topic_id: int | None, reason: str) -> None:
        """Told when it begins and when it ends, and only for chats that get alerts."""
        if topic_id not in self.topics or bool(reason) == (topic_id in self._troubles):
            return
        if reason:
            self._troubles[topic_id] = reason
            log.warning("%s cannot be reached: %s", self.at(topic_id), reason)
        else:
            log.info("%s can be reached again (was: %s)", self.at(topic_id), self._troubles.pop(topic_id))
        self._deps.events.trouble(self.at(topic_id), reason)

    def _open_at(self, topic_id: int | None) -> Destination:
        return self.at(None if self._is_lost(topic_id) else topic_id)

    def _is_lost(self, topic_id: int | None) -> bool:
        return topic_id is not None and self._now_s() < self._lost_until_s.get(topic_id, float("-inf"))

    async def _through(self, topic_id: int | None, request: Coroutine[Any, Any, _T], *, is_edit: bool) -> _T:
        self._deps.overall.record(self._now_s())
        was_lost = self._is_lost(topic_id)
        try:
            answer = await request
        except ChatMoved as problem:  # not said to anybody: it may be said again at once
            await self._move(problem.new_chat_id)
            raise
        except DeliveryError as problem:
            self.pace.record(self._now_s(), is_edit=is_edit)
            self._note_problem(topic_id, problem, is_edit=is_edit)
            if isinstance(problem, RetryLater):
                await self._remember_wait(problem.retry_after_s)
            if isinstance(problem, TopicClosed) and (was_lost or topic_id is None):  # there is no other way out
                raise MessageRefused(str(problem)) from None
            raise
        self.pace.record(self._now_s(), is_edit=is_edit)
        self._backoff.reset()
        if not is_edit and not was_lost and topic_id is not None and self._lost_until_s.pop(topic_id, 0.0):
            log.info("the topic %s can be written to again", self.at(topic_id))
        self.trouble(topic_id, "")
        return answer

    def _note_problem(self, topic_id: int | None, problem: DeliveryError, *, is_edit: bool) -> None:
        match problem:
            case RetryLater():
                self.pace.hold(self._now_s(), problem.retry_after_s)
                if problem.retry_after_s >= LONG_WAIT_S:
                    self.trouble(topic_id, f"{problem} ({problem.retry_after_s:.0f} s)")
            case TopicClosed() if topic_id is not None:
                self._lose(topic_id, str(problem))
            case MessageRefused():
                pass  # the message's fault; its sender may know a remedy
            case TokenRefused():
                self.trouble(topic_id, str(problem))
                if not self._deps.token_refused.is_set():
                    self._deps.token_refused.set()
                    self._deps.events.fatal(problem)
            case ChatClosed():
                if not is_edit:
                    self.trouble(topic_id, str(problem))
            case _:
                self._backoff_until_s = self._now_s() + self._backoff.next_s()
                self.trouble(topic_id, str(problem))

    def _lose(self, topic_id: int, reason: str) -> None:
        is_news = topic_id not in self._lost_until_s
        self._lost_until_s[topic_id] = self._now_s() + LOST_TOPIC_S
        if is_news:
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
