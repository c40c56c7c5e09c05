"""What the feed posts for a chat is said by the notifier that has it, and the feed hears what became of it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from altmonitor.core.errors import MessageRefused
from altmonitor.core.types import Destination
from altmonitor.delivery.post_queue import MOST_WAITING
from altmonitor.delivery.posts import PostCarrier, PostedChats
from altmonitor.interfaces.cluster import shard_of
from altmonitor.interfaces.delivery import InlineButton
from altmonitor.storage.posts import MemoryPosts
from tests.delivery.dispatcher_kit import Bench, make, running
from tests.movable_clock import MovableClock

CHAT, OTHER = Destination(chat_id=77), Destination(chat_id=-1001, topic_id=5)


@dataclass
class Posted:
    bench: Bench
    box: MemoryPosts
    chats: PostedChats
    carrier: PostCarrier
    shards: set[int]
    refreshed: list[str] = field(default_factory=list)


@asynccontextmanager
async def posted(*, shards: set[int]) -> AsyncIterator[Posted]:
    bench, box = make(CHAT, OTHER), MemoryPosts()

    async def on_refreshed(key: str) -> None:
        here.refreshed.append(key)

    carrier = PostCarrier(
        box,
        bench.dispatcher,
        clock=bench.clock,
        shards=lambda: shards,
        on_pressed=lambda: None,
        on_refreshed=on_refreshed,
    )
    here = Posted(bench, box, PostedChats(box, clock=bench.clock), carrier, shards)
    tasks = [asyncio.create_task(here.chats.run()), asyncio.create_task(here.carrier.run())]
    async with running(bench):
        await bench.clock.advance(0.2)
        try:
            yield here
        finally:
            for task in tasks:
                task.cancel()


async def test_a_notice_and_an_answer_with_its_buttons_arrive_and_the_feed_learns_the_messages_number() -> None:
    buttons = ((InlineButton(text="mute 1 h", data="mute:7"),),)
    async with posted(shards={shard_of(77), shard_of(-1001)}) as here:
        arrived: list[int] = []
        here.chats.notice(CHAT, "blind", on_sent=arrived.append)
        here.chats.reply(OTHER, ["one", "two"], reply_to=3, buttons=buttons)
        said = await here.bench.said(3)
        await here.bench.clock.advance(2)
        assert sorted(said) == ["blind", "one", "two"]
        by_text = {one.html: one for one in here.bench.channel.said}
        assert by_text["one"].reply_to == 3
        assert by_text["one"].buttons == ()
        assert by_text["two"].buttons == buttons
        assert by_text["two"].destination == OTHER
        assert arrived == [by_text["blind"].message_id]


async def test_what_is_for_another_notifiers_chat_waits_for_that_one_and_is_said_once() -> None:
    async with posted(shards={shard_of(77)}) as here:
        here.chats.notice(OTHER, "for the other")
        here.chats.notice(CHAT, "for this")
        assert await here.bench.said(1) == ["for this"]
        await here.bench.clock.advance(30)
        assert [said.html for said in here.bench.channel.said] == ["for this"]
        here.shards.add(shard_of(-1001))
        await here.bench.said(2)
        await here.bench.clock.advance(30)
        assert [said.html for said in here.bench.channel.said] == ["for this", "for the other"]


async def test_what_was_handed_over_and_not_said_when_the_chats_were_given_up_is_said_when_they_come_back() -> None:
    async with posted(shards={shard_of(77)}) as here:
        here.bench.channel.hang = {77}
        here.chats.notice(CHAT, "blind")
        await here.bench.clock.advance(1)
        here.shards.clear()
        dropping = asyncio.create_task(here.bench.dispatcher.drop(lambda chat_id: chat_id == 77))
        await here.bench.clock.advance(3)
        assert dropping.done()
        here.carrier.forget({shard_of(77)})
        here.bench.channel.hang = set()
        here.shards.add(shard_of(77))
        assert await here.bench.said(1) == ["blind"]


async def test_why_an_edit_was_refused_comes_back_to_who_asked_for_it() -> None:
    async with posted(shards={shard_of(77)}) as here:
        ends: list[object] = []
        here.bench.channel.refuse[77] = deque([MessageRefused("message to edit not found")])
        here.chats.update(CHAT, 1000, "status", on_end=ends.append)
        await here.bench.clock.advance(10)
        here.chats.update(CHAT, 1000, "status again", on_end=ends.append)
        await here.bench.clock.advance(10)
        assert [type(end) for end in ends] == [MessageRefused, type(None)]


async def test_every_notifier_hears_that_more_is_known_of_an_alert_once() -> None:
    async with posted(shards=set()) as here:
        here.chats.refresh("price:SOLUSDT:PUMP:1m:0")
        await here.bench.clock.advance(5)
        assert here.refreshed == ["price:SOLUSDT:PUMP:1m:0"]


async def test_posts_beyond_what_may_wait_are_dropped_with_a_word_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    box, clock = MemoryPosts(), MovableClock()
    chats = PostedChats(box, clock=clock)
    for _ in range(MOST_WAITING + 2):
        chats.notice(CHAT, "blind")
    task = asyncio.create_task(chats.run())
    await clock.advance(1)
    task.cancel()
    assert caplog.messages == [
        "what is to be told another process is dropped: 10000 wait already",
        "the database takes again what is to be told another process; 2 were dropped",
    ]
