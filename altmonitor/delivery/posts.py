"""Answers, notices and edits on their way from the feed to the notifier that has the chat, through the database.

`PostedChats` stands in the feed where a single process has its `Dispatcher`; `PostCarrier` hands over what was posted
to the dispatcher of a notifier. A message ends when the chat has it, so a notifier that dies takes none with it; one
that was under way at that moment may come twice. What is no message ends when it is handed over.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from altmonitor.core.clock import Clock
from altmonitor.core.durations import DurationStatus
from altmonitor.core.errors import ChatClosed, DeliveryError, MessageRefused, StorageError, TopicClosed
from altmonitor.core.log import FailureLog
from altmonitor.core.types import Destination
from altmonitor.delivery.dispatcher import Dispatcher
from altmonitor.delivery.post_queue import OnEnd, PostQueue
from altmonitor.interfaces.cluster import Post, PostBox, PostEnd, shard_of
from altmonitor.interfaces.delivery import InlineButton, Keyboard

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.1
MOST_HANDED = 50_000
FORGOTTEN_AFTER_S = 3_600.0
"""What nobody could say for so long is not said any more."""
_PROBLEMS = {kind.__name__: kind for kind in (ChatClosed, TopicClosed, MessageRefused)}


class SayPost(msgspec.Struct, frozen=True, tag="say"):
    """A message. is_notice: of the operator kind, which waits while the chat is closed."""

    html: str
    reply_to: int | None = None
    buttons: tuple[tuple[tuple[str, str, str], ...], ...] = ()
    is_notice: bool = False


class PicturePost(msgspec.Struct, frozen=True, tag="picture"):
    png: bytes
    caption_html: str
    reply_to: int | None
    is_asked: bool


class EditPost(msgspec.Struct, frozen=True, tag="edit"):
    """html: None takes the buttons off."""

    message_id: int
    html: str | None


class PressedPost(msgspec.Struct, frozen=True, tag="pressed"):
    alert_key: str
    message_id: int


class OpenedPost(msgspec.Struct, frozen=True, tag="opened"):
    is_certain: bool


class RefreshPost(msgspec.Struct, frozen=True, tag="refresh"):
    """More is known about this alert."""

    alert_key: str


Body = SayPost | PicturePost | EditPost | PressedPost | OpenedPost | RefreshPost
_decoder = msgspec.msgpack.Decoder(Body)


class PostedChats(PostQueue):
    """What is said to chats by a process that speaks to none of them itself. Every method but `run` is synchronous and
    bounded, as the dispatcher's are."""

    def reply(
        self,
        destination: Destination,
        html_parts: Sequence[str],
        *,
        reply_to: int | None = None,
        buttons: Keyboard = (),
    ) -> None:
        last = len(html_parts) - 1
        for at, html in enumerate(html_parts):
            say = SayPost(html, reply_to if at == 0 else None, _plain(buttons) if at == last else ())
            self._say(destination, say)

    def notice(self, destination: Destination, html: str, *, on_sent: Callable[[int], None] | None = None) -> None:
        self._say(destination, SayPost(html, is_notice=True), _told(on_sent))

    def post(
        self, destination: Destination, html: str, *, reply_to: int | None, on_sent: Callable[[int], None]
    ) -> None:
        self._say(destination, SayPost(html, reply_to), _told(on_sent))

    def picture(
        self, destination: Destination, png: bytes, *, caption_html: str, reply_to: int | None, is_asked: bool
    ) -> None:
        self._say(destination, PicturePost(png, caption_html, reply_to, is_asked))

    def pressed(self, destination: Destination, alert_key: str, message_id: int) -> None:
        self._say(destination, PressedPost(alert_key, message_id))

    def update(
        self, destination: Destination, message_id: int, html: str, *, on_end: Callable[[DeliveryError | None], None]
    ) -> None:
        self._say(destination, EditPost(message_id, html), lambda end: on_end(_problem_of(end)))

    def close_question(self, destination: Destination, message_id: int) -> None:
        self._say(destination, EditPost(message_id, None))

    def opened(self, destination: Destination, *, is_certain: bool) -> None:
        self._say(destination, OpenedPost(is_certain))

    def refresh(self, alert_key: str) -> None:
        self._say(None, RefreshPost(alert_key))

    def _say(self, destination: Destination | None, body: Body, on_end: OnEnd | None = None) -> None:
        self._put(destination, msgspec.msgpack.encode(body), on_end=on_end)

    def set_destinations(self, destinations: Iterable[Destination]) -> None:
        """Notifiers read for themselves who is told."""

    def latency_ms(self) -> tuple[float | None, float | None]:
        """Notifiers measure that."""
        return None, None

    def durations(self) -> DurationStatus:
        return DurationStatus()


def _told(on_sent: Callable[[int], None] | None) -> OnEnd | None:
    if on_sent is None:
        return None
    return lambda end: on_sent(end.message_id) if end.message_id else None


def _problem_of(end: PostEnd) -> DeliveryError | None:
    return _PROBLEMS.get(end.problem, MessageRefused)(end.problem) if end.problem else None


def _plain(buttons: Keyboard) -> tuple[tuple[tuple[str, str, str], ...], ...]:
    return tuple(tuple((button.text, button.data, button.url) for button in row) for row in buttons)


class PostCarrier:
    """Hands over what waits to the dispatcher of this process.

    shards: of the chats this process has now. on_pressed: called before a press is shown. on_refreshed: awaited with
    the key of an alert of which more is known, before its messages are edited.
    """

    def __init__(
        self,
        box: PostBox,
        dispatcher: Dispatcher,
        *,
        clock: Clock,
        shards: Callable[[], Collection[int]],
        on_pressed: Callable[[], None],
        on_refreshed: Callable[[str], Awaitable[None]],
    ) -> None:
        self._box = box
        self._on_refreshed = on_refreshed
        self._dispatcher = dispatcher
        self._clock = clock
        self._shards = shards
        self._on_pressed = on_pressed
        self._handed: dict[int, int | None] = {}  # post → part of the chats
        self._ends: deque[tuple[int, PostEnd]] = deque()
        self._after_id: int | None = None
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Something may be in the box."""
        self._news.set()

    def forget(self, shards: Collection[int]) -> None:
        """Another notifier has these chats now: should they come back, what it leaves is handed over again."""
        ending = {post_id for post_id, _ in self._ends}
        self._handed = {
            post_id: shard for post_id, shard in self._handed.items() if shard not in shards or post_id in ending
        }

    async def run(self) -> None:
        """Until cancelled."""
        failures = FailureLog(log, "what is to be said in chats cannot be read: %s", of=StorageError)
        while True:
            with failures:
                await self._round()
            with suppress(TimeoutError):
                async with self._clock.timeout(LOOK_EVERY_S):
                    await self._news.wait()
            self._news.clear()

    async def _round(self) -> None:
        while self._ends:
            post_id, end = self._ends[0]
            await self._box.end(post_id, end)
            self._ends.popleft()
        if self._after_id is None:
            self._after_id = await self._box.newest_id()
        oldest_ms = self._clock.now_ms() - FORGOTTEN_AFTER_S * 1000
        for post in await self._box.waiting(self._shards(), after_id=self._after_id):
            if post.destination is None:
                self._after_id = max(self._after_id, post.id)
            if post.id not in self._handed and post.created_ms >= oldest_ms:
                self._handed[post.id] = None if post.destination is None else shard_of(post.destination.chat_id)
                while len(self._handed) > MOST_HANDED:
                    del self._handed[next(iter(self._handed))]
                await self._hand_over(post)

    async def _hand_over(self, post: Post) -> None:
        try:
            body: Any = _decoder.decode(post.body)
        except msgspec.MsgspecError as problem:
            log.error("something that was posted cannot be read: %s", problem)  # noqa: TRY400 — written by another version
            self._ended(post.id, PostEnd(problem="unreadable"))
            return
        at = post.destination
        if isinstance(body, RefreshPost):
            await self._on_refreshed(body.alert_key)
            self._dispatcher.refresh(body.alert_key)
        elif at is not None:
            self._carry_out(post.id, at, body)

    def _carry_out(self, post_id: int, at: Destination, body: Body) -> None:
        chats = self._dispatcher

        def sent(message_id: int) -> None:
            self._ended(post_id, PostEnd(message_id=message_id))

        if isinstance(body, SayPost):
            if body.is_notice:
                chats.notice(at, body.html, on_sent=sent)
            else:
                buttons = tuple(
                    tuple(InlineButton(text=text, data=data, url=url) for text, data, url in row)
                    for row in body.buttons
                )
                chats.post(at, body.html, reply_to=body.reply_to, on_sent=sent, buttons=buttons)
            return
        if isinstance(body, EditPost) and body.html is not None:

            def ended(problem: DeliveryError | None) -> None:
                self._ended(post_id, PostEnd(problem="" if problem is None else type(problem).__name__))

            chats.update(at, body.message_id, body.html, on_end=ended)
            return
        if isinstance(body, EditPost):
            chats.close_question(at, body.message_id)
        elif isinstance(body, PicturePost):
            chats.picture(at, body.png, caption_html=body.caption_html, reply_to=body.reply_to, is_asked=body.is_asked)
        elif isinstance(body, PressedPost):
            self._on_pressed()
            chats.pressed(at, body.alert_key, body.message_id)
        elif isinstance(body, OpenedPost):
            chats.opened(at, is_certain=body.is_certain)
        self._ended(post_id, PostEnd())

    def _ended(self, post_id: int, end: PostEnd) -> None:
        self._ends.append((post_id, end))
        self._news.set()
