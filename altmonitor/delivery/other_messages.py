"""What is said to a chat beside alerts: answers to commands, operator notices, pictures."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from altmonitor.core.causes import CauseCode
from altmonitor.core.errors import ChatClosed, DeliveryError, MessageRefused, TopicClosed
from altmonitor.delivery.deps import DeliveryDeps
from altmonitor.delivery.sender import ChatSender, OutgoingText
from altmonitor.interfaces.delivery import Keyboard
from altmonitor.render.format import without_markup

log = logging.getLogger(__name__)

REPLIES_WAITING = 1000
NOTICES_WAITING = 50
REPLY_AGE_S = 3600.0
"""An answer that could not be given for so long is not given any more."""
NOTICE_AGE_S = 6 * 3600.0
PICTURES_WAITING = 3
PICTURE_AGE_S = 20.0
"""A picture that nobody asked for and that could not follow its alert sooner does not follow it."""


@dataclass(slots=True, kw_only=True, eq=False)
class OtherMessage:
    """A message that is nobody's alert. since_s: when it was handed in, monotonic. png: a picture; html is then its
    caption, '' for none."""

    topic_id: int | None
    html: str
    since_s: float
    reply_to: int | None = None
    is_plain: bool = False
    is_silent: bool = False
    buttons: Keyboard = ()
    png: bytes | None = None
    on_sent: Callable[[int], None] | None = None  # told the message id


class OtherMessages:
    """Bounded queues: answers first, then notices, and when there is nothing else pictures. What is too old or too much
    is dropped."""

    def __init__(self, deps: DeliveryDeps, sender: ChatSender) -> None:
        self._deps = deps
        self._sender = sender
        self.replies: deque[OtherMessage] = deque()
        self.notices: deque[OtherMessage] = deque()
        self.pictures: deque[OtherMessage] = deque(maxlen=PICTURES_WAITING)

    def reply(self, other_message: OtherMessage) -> None:
        self._append(self.replies, other_message, REPLIES_WAITING)

    def notice(self, other_message: OtherMessage) -> None:
        self._append(self.notices, other_message, NOTICES_WAITING)

    def take_over(self, other: OtherMessages) -> None:
        for other_message in other.replies:
            self.reply(other_message)
        for other_message in other.notices:
            self.notice(other_message)

    def drop_old(self, now_s: float) -> None:
        for queue, age_s in ((self.replies, REPLY_AGE_S), (self.notices, NOTICE_AGE_S)):
            while queue and now_s - queue[0].since_s > age_s:
                queue.popleft()
        while self.pictures and now_s - self.pictures[0].since_s > PICTURE_AGE_S:
            self.pictures.popleft()

    async def say(
        self,
        queue: deque[OtherMessage],
        other_message: OtherMessage,
        *,
        on_accepted: Callable[[], Awaitable[None]],
    ) -> None:
        """queue: the one it stands in; there it stays when it is to be tried again. on_accepted: called before its own
        `on_sent`."""
        try:
            message_id = await self._send(other_message)
        except TopicClosed:
            return  # said again at once, in the chat's general topic
        except MessageRefused as problem:
            if other_message.buttons and problem.cause.code is CauseCode.BUTTONS:
                other_message.buttons = ()
                return
            if not other_message.is_plain and problem.cause.code is CauseCode.MARKUP:
                other_message.html, other_message.is_plain = without_markup(other_message.html), True
                return
            log.error("a message was refused and is not sent: %s", problem)  # noqa: TRY400 — no trace: not our fault
        except ChatClosed as problem:
            if queue is self.notices and self._sender.is_closed(other_message.topic_id):
                return  # said once it is open, unless it is too old by then
            log.warning("a message could not be sent to %s: %s", self._sender.at(other_message.topic_id), problem)
        except DeliveryError:
            return  # tried again, until it is too old
        else:
            await on_accepted()
            if other_message.on_sent is not None:
                other_message.on_sent(message_id)
        if other_message in queue:
            queue.remove(other_message)

    async def _send(self, other_message: OtherMessage) -> int:
        is_silent = other_message.is_silent
        if other_message in self.notices:
            destination_style = self._deps.style_of(self._sender.at(other_message.topic_id))
            is_silent = destination_style.is_silent or destination_style.is_quiet(self._deps.clock.now_ms())
        words = OutgoingText(
            html=other_message.html, reply_to=other_message.reply_to, is_silent=is_silent, buttons=other_message.buttons
        )
        if other_message.png is None:
            return await self._sender.send(other_message.topic_id, words)
        return await self._sender.send_picture(other_message.topic_id, other_message.png, words)

    def _append(self, queue: deque[OtherMessage], other_message: OtherMessage, limit: int) -> None:
        queue.append(other_message)
        if len(queue) > limit:
            queue.popleft()
