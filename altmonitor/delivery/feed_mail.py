"""What notifiers tell the feed that leads, through the database: which alert is in which chat under which number, so
that its chart can follow, and that a group has a new id, so that its settings can.

It goes the other way than posts do, in the same table. Whoever leads reads it; a feed that dies leaves it to the next.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from altmonitor.core.alert import Alert
from altmonitor.core.causes import Cause, CauseCode
from altmonitor.core.clock import Clock
from altmonitor.core.errors import StorageError
from altmonitor.core.log import FailureLog
from altmonitor.core.types import Destination
from altmonitor.delivery.alert_charts import needs_picture
from altmonitor.delivery.post_queue import PostQueue
from altmonitor.interfaces.cluster import PostBox, PostEnd

log = logging.getLogger(__name__)

MOST_SENT_WAITING = 8
"""In a burst the texts matter: for more alerts than these no picture is asked for at a time."""
LOOK_EVERY_S = 0.25
BROKER_LATE_MS = 60_000
PICTURE_LATE_MS = 10_000
"""An alert that has stood in the chat for so long needs no picture any more."""


class SentMail(msgspec.Struct, frozen=True, tag="sent"):
    """This alert stands in the chat, alone in a message of its own."""

    alert_key: str
    message_id: int


class MovedMail(msgspec.Struct, frozen=True, tag="moved"):
    """The group it is addressed from has this id now."""

    chat_id: int
    topic_id: int | None


class BrokerMail(msgspec.Struct, frozen=True, tag="broker"):
    """How the broker is for the notifier of this name. code: of the trouble, '' when there is none."""

    name: str
    code: str = ""
    text: str = ""
    values: Mapping[str, int] = {}


_decoder = msgspec.msgpack.Decoder(SentMail | MovedMail | BrokerMail)


class FeedMail(PostQueue):
    """A notifier's end."""

    def alert_sent(self, destination: Destination, alert: Alert, message_id: int) -> None:
        """What `DeliveryEvents.sent` calls."""
        if needs_picture(alert) and self.waiting < MOST_SENT_WAITING:
            self._put(destination, msgspec.msgpack.encode(SentMail(alert.key, message_id)), to_feed=True)

    def moved(self, old: Destination, new: Destination) -> None:
        self._put(old, msgspec.msgpack.encode(MovedMail(new.chat_id, new.topic_id)), to_feed=True)

    def broker(self, name: str, trouble: Cause | None) -> None:
        """As this notifier sees it now."""
        mail = BrokerMail(name)
        if trouble is not None:
            mail = BrokerMail(name, trouble.code.value, trouble.text, dict(trouble.values))
        self._put(None, msgspec.msgpack.encode(mail), to_feed=True)


class FeedMailbox:
    """The feed's end. on_sent, on_moved: awaited for each; may raise StorageError, then it is handed over again.
    on_broker: with the name of a notifier and what troubles it about the broker."""

    def __init__(
        self,
        box: PostBox,
        *,
        clock: Clock,
        on_sent: Callable[[Destination, str, int], Awaitable[None]],
        on_moved: Callable[[Destination, Destination], Awaitable[None]],
        on_broker: Callable[[str, Cause | None], None] = lambda name, trouble: None,
    ) -> None:
        self._box = box
        self._clock = clock
        self._on_sent = on_sent
        self._on_moved = on_moved
        self._on_broker = on_broker

    async def run(self) -> None:
        """Until cancelled."""
        failures = FailureLog(log, "what notifiers tell cannot be read: %s", of=StorageError)
        while True:
            with failures:
                await self.look()
            await self._clock.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Raises StorageError."""
        for post in await self._box.waiting_for_feed():
            await self._carry_out(post.destination, post.body, self._clock.now_ms() - post.created_ms)
            await self._box.end(post.id, PostEnd())

    async def _carry_out(self, at: Destination | None, body: bytes, age_ms: int) -> None:
        try:
            mail: Any = _decoder.decode(body)
        except msgspec.MsgspecError as problem:
            log.error("something a notifier told cannot be read: %s", problem)  # noqa: TRY400 — of another version
            return
        if isinstance(mail, BrokerMail):
            if age_ms <= BROKER_LATE_MS:
                self._on_broker(mail.name, _cause_of(mail))
        elif at is None:
            log.error("a notifier told something of no chat")
        elif isinstance(mail, MovedMail):
            await self._on_moved(at, Destination(chat_id=mail.chat_id, topic_id=mail.topic_id))
        elif age_ms <= PICTURE_LATE_MS:
            await self._on_sent(at, mail.alert_key, mail.message_id)


def _cause_of(mail: BrokerMail) -> Cause | None:
    """A code of another version is one that nothing more is known of."""
    if not mail.code:
        return None
    known = {code.value: code for code in CauseCode}
    return Cause(known.get(mail.code, CauseCode.OTHER), mail.text, dict(mail.values))
