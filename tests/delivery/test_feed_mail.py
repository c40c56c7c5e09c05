"""What notifiers tell the feed that leads arrives there once, in order, and at no other notifier."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from msgspec import structs

from altmonitor.core.alert import Alert, Details
from altmonitor.core.errors import StorageError
from altmonitor.core.types import Destination
from altmonitor.delivery.feed_mail import MOST_SENT_WAITING, PICTURE_LATE_MS, FeedMail, FeedMailbox
from altmonitor.interfaces.cluster import Post, shard_of
from altmonitor.storage.posts import MemoryPosts
from tests.movable_clock import MovableClock

CHAT, GROUP, NEW = Destination(chat_id=77), Destination(chat_id=-40, topic_id=5), Destination(chat_id=-1040, topic_id=5)
ALERT = Alert(key="price:SOLUSDT:PUMP:1m:0", ts=0.0, event_ms=0, symbol="SOLUSDT", kind="price", direction="PUMP")


@dataclass
class Feed:
    box: MemoryPosts
    clock: MovableClock
    heard: list[object] = field(default_factory=list)
    problems: list[StorageError] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.mailbox = FeedMailbox(self.box, clock=self.clock, on_sent=self.sent, on_moved=self.moved)

    async def sent(self, at: Destination, key: str, message_id: int) -> None:
        self.heard.append((at, key, message_id))

    async def moved(self, old: Destination, new: Destination) -> None:
        if self.problems:
            raise self.problems.pop()
        self.heard.append((old, new))


async def stored(mail: FeedMail, clock: MovableClock) -> None:
    running = asyncio.create_task(mail.run())
    await clock.advance(1)
    running.cancel()
    assert mail.waiting == 0


async def test_the_feed_hears_what_was_sent_and_what_moved_in_order_and_once() -> None:
    clock, box = MovableClock(), MemoryPosts()
    feed, mail = Feed(box, clock), FeedMail(box, clock=clock)
    mail.alert_sent(CHAT, ALERT, 12)
    mail.moved(GROUP, NEW)
    await stored(mail, clock)
    assert await box.waiting({shard_of(77), shard_of(-40)}, after_id=0) == [], "no notifier reads it"
    await feed.mailbox.look()
    await feed.mailbox.look()
    assert feed.heard == [(CHAT, ALERT.key, 12), (GROUP, NEW)]


async def test_what_could_not_be_carried_out_is_handed_over_again_to_whoever_leads_then() -> None:
    clock, box = MovableClock(), MemoryPosts()
    dying, next_one = Feed(box, clock, problems=[StorageError("away")]), Feed(box, clock)
    mail = FeedMail(box, clock=clock)
    mail.moved(GROUP, NEW)
    await stored(mail, clock)
    running = asyncio.create_task(dying.mailbox.run())
    await clock.advance(0.1)
    running.cancel()
    assert dying.heard == []
    await next_one.mailbox.look()
    assert next_one.heard == [(GROUP, NEW)]


async def test_no_picture_is_asked_for_what_is_silent_late_old_or_one_of_too_many() -> None:
    clock, box = MovableClock(), MemoryPosts()
    feed, mail = Feed(box, clock), FeedMail(box, clock=clock)
    mail.alert_sent(CHAT, structs.replace(ALERT, late=True), 1)
    mail.alert_sent(CHAT, structs.replace(ALERT, details=Details(is_silent=True)), 2)
    for number in range(MOST_SENT_WAITING + 5):
        mail.alert_sent(CHAT, ALERT, 100 + number)
    await stored(mail, clock)
    await feed.mailbox.look()
    assert [one[2] for one in feed.heard] == list(range(100, 100 + MOST_SENT_WAITING))  # type: ignore[index]
    mail.alert_sent(CHAT, ALERT, 200)
    await stored(mail, clock)
    await clock.advance(PICTURE_LATE_MS / 1000)
    await feed.mailbox.look()
    assert len(feed.heard) == MOST_SENT_WAITING, "nobody led for ten seconds"


async def test_what_another_version_wrote_holds_up_nothing() -> None:
    clock, box = MovableClock(), MemoryPosts()
    feed, mail = Feed(box, clock), FeedMail(box, clock=clock)
    await box.put([Post(destination=CHAT, body=b"\x93?", created_ms=0, to_feed=True)])
    mail.moved(GROUP, NEW)
    await stored(mail, clock)
    await feed.mailbox.look()
    assert feed.heard == [(GROUP, NEW)]
