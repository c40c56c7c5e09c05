from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC
from pathlib import Path

import pytest

from altmonitor.app.operator_notices import OperatorNotices
from altmonitor.core.clock import ScaledClock
from altmonitor.core.errors import ExchangeBlocked, RegionBlocked
from altmonitor.core.status import GuardStatus
from altmonitor.core.types import LANGUAGES, Destination
from altmonitor.delivery.deps import Resumption
from altmonitor.exchanges.binance.rest import binance_guard
from altmonitor.exchanges.rest.budget import Ask
from altmonitor.exchanges.rest.guard import RestAnswer
from altmonitor.interfaces.exchange import FeedEvent, Priority
from altmonitor.render.format import Style
from altmonitor.render.notice_html import notice_html
from altmonitor.render.notices import (
    AlertsRefused,
    BotRefused,
    ClockSkew,
    DeliveryResumed,
    DestinationClosed,
    DestinationOpen,
    ExchangeBlockedNotice,
    ExchangeFree,
    Notice,
    TopicFound,
    TopicLost,
    WebsiteBlocked,
)
from altmonitor.telegram.types import ListenerEvent
from tests.fakes import cause
from tests.movable_clock import MovableClock

RESTRICTED = b'{"code":0,"msg":"Service unavailable from a restricted location according to \'b. Eligibility\'"}'


OPERATOR = Destination(chat_id=5)
GROUP = Destination(chat_id=-100)
MINUTE_MS = 60_000


def collected(clock: MovableClock) -> tuple[OperatorNotices, list[tuple[Notice, object]]]:
    told: list[tuple[Notice, object]] = []
    return OperatorNotices(clock=clock, publish=lambda notice, to: told.append((notice, to))), told


def test_a_chat_that_is_closed_is_told_to_the_operator_once_and_its_end_there_and_in_the_chat() -> None:
    clock = MovableClock()
    notices, told = collected(clock)
    since_ms = clock.now_ms() - 20 * MINUTE_MS
    for topic_id in (None, 5):  # one chat is one piece of news, however many of its topics get alerts
        notices.on_closed(Destination(chat_id=GROUP.chat_id, topic_id=topic_id), cause("kicked"))
    resumption = Resumption(since_ms=since_ms, at_ms=clock.now_ms(), reason=cause("kicked"), is_closed=True, late=3)
    notices.on_resumed(GROUP, resumption)
    assert told == [
        (DestinationClosed(at_ms=clock.now_ms(), chat="-100", reason=cause("kicked")), "operator"),
        (DestinationOpen(at_ms=clock.now_ms(), chat="-100"), "operator"),
        (DeliveryResumed(at_ms=clock.now_ms(), since_ms=since_ms, reason=cause("kicked"), late=3), GROUP),
    ]


def test_a_telegram_that_was_away_is_told_to_each_chat_about_itself_and_only_if_it_mattered() -> None:
    clock = MovableClock()
    notices, told = collected(clock)
    at_ms = clock.now_ms()
    for where, away_s, late in ((OPERATOR, 59, 0), (GROUP, 59, 2), (OPERATOR, 60, 0)):
        since_ms = at_ms - away_s * 1000
        notices.on_resumed(where, Resumption(since_ms=since_ms, at_ms=at_ms, reason=cause("no answer"), late=late))
    assert [(notice.at_ms - (notice.since_ms or 0), notice.late, to) for notice, to in told] == [  # type: ignore[union-attr]
        (59_000, 2, GROUP),
        (60_000, 0, OPERATOR),
    ]


def test_a_lost_and_found_topic_is_told_in_its_own_chat_and_refused_alerts_to_the_operator() -> None:
    notices, told = collected(MovableClock())
    topic = Destination(chat_id=-100, topic_id=5)
    notices.on_topic_lost(topic, cause("TOPIC_CLOSED"))
    notices.on_topic_found(topic, 3)
    notices.on_refused(topic, 1, cause("message is too long"))
    notices.on_bot_refused(123)
    assert [(type(notice), to) for notice, to in told] == [
        (TopicLost, topic),
        (TopicFound, topic),
        (AlertsRefused, "operator"),
        (BotRefused, "operator"),
    ]


@asynccontextmanager
async def at_work(clock: MovableClock) -> AsyncIterator[tuple[OperatorNotices, list[Notice]]]:
    notices, told = collected(clock)
    kept: list[Notice] = []
    running = asyncio.create_task(notices.run())
    try:
        yield notices, kept
    finally:
        await clock.advance(5)
        kept.extend(notice for notice, _ in told)
        running.cancel()


async def test_a_refusal_for_our_location_is_told_as_one_whatever_its_status_and_only_once() -> None:
    for status in (451, 403):
        clock = MovableClock()
        async with at_work(clock) as (notices, told):
            guard = binance_guard("https://exchange", clock=clock, on_change=notices.on_guard)

            async def refuse(target: str, status: int = status) -> RestAnswer:
                return RestAnswer(status, {}, RESTRICTED)

            for _ in range(3):
                with pytest.raises(RegionBlocked):
                    await guard.fetch(Ask(target="/fapi/v1/time", priority=Priority.UNIVERSE), refuse, wait_s=1.0)
                await clock.advance(7_200)
        (notice,) = told
        assert isinstance(notice, ExchangeBlockedNotice)
        assert notice.is_region


async def test_a_ban_is_not_told_as_one_for_our_location() -> None:
    clock = MovableClock()
    async with at_work(clock) as (notices, told):
        guard = binance_guard("https://exchange", clock=clock, on_change=notices.on_guard)

        async def ban(target: str) -> RestAnswer:
            return RestAnswer(418, {"Retry-After": "451"}, b'{"code":-1003,"msg":"banned; region of 451 s"}')

        with pytest.raises(ExchangeBlocked, match="banned"):
            await guard.fetch(Ask(target="/fapi/v1/time", priority=Priority.UNIVERSE), ban, wait_s=1.0)
    (notice,) = told
    assert isinstance(notice, ExchangeBlockedNotice)
    assert not notice.is_region


def blocked(clock: MovableClock, for_s: float) -> GuardStatus:
    return GuardStatus(state="blocked", until_ms=clock.now_ms() + int(for_s * 1000), reason=cause("HTTP 418: banned"))


async def test_requests_under_way_that_are_refused_with_ends_of_their_own_make_one_notice_with_the_last_end() -> None:
    clock = MovableClock()
    async with at_work(clock) as (notices, told):
        for for_s in (60, 61, 90, 90.2, 120, 300, 299, 301):
            notices.on_guard(blocked(clock, for_s))
            await clock.advance(0.1)
        end_ms = blocked(clock, 301 - 0.1).until_ms
        await clock.advance(60)
        notices.on_guard(blocked(clock, 260))  # the same end, nearly
        await clock.advance(240)
        notices.on_guard(GuardStatus(state="probing"))
        notices.on_guard(GuardStatus(state="open"))
        await clock.advance(5)
        notices.on_guard(GuardStatus(state="open"))
    assert [type(notice) for notice in told] == [ExchangeBlockedNotice, ExchangeFree]
    assert isinstance(told[0], ExchangeBlockedNotice)
    assert told[0].until_ms == end_ms
    assert isinstance(told[1], ExchangeFree)
    assert told[1].at_ms - (told[1].blocked_since_ms or 0) > 300_000


async def test_a_block_that_is_prolonged_is_told_with_its_new_end_and_the_next_one_anew() -> None:
    clock = MovableClock()
    async with at_work(clock) as (notices, told):
        for for_s in (120, 600):
            notices.on_guard(blocked(clock, for_s))
            await clock.advance(121)
        notices.on_guard(GuardStatus(state="open"))
        await clock.advance(121)
        notices.on_guard(blocked(clock, 60))
    kinds = [ExchangeBlockedNotice, ExchangeBlockedNotice, ExchangeFree, ExchangeBlockedNotice]
    assert [type(notice) for notice in told] == kinds


async def test_a_block_that_is_over_before_it_is_told_is_not_told() -> None:
    clock = MovableClock()
    async with at_work(clock) as (notices, told):
        notices.on_guard(blocked(clock, 1))
        await clock.advance(0.5)
        notices.on_guard(GuardStatus(state="open"))
    assert told == []


async def test_the_website_is_told_by_itself_and_its_end_is_only_logged() -> None:
    clock = MovableClock()
    async with at_work(clock) as (notices, told):
        for for_s in (60, 90, 61):
            notices.on_website(blocked(clock, for_s))
        notices.on_website(GuardStatus(state="waiting"))
        notices.on_website(blocked(clock, 62))
        await clock.advance(100)
        notices.on_website(GuardStatus(state="open"))
    assert [type(notice) for notice in told] == [WebsiteBlocked]


async def test_what_only_the_operator_can_mend_is_told_to_the_operator() -> None:
    clock = MovableClock()
    notices, told = collected(clock)
    notices.on_storage_trouble(cause("database is locked"))
    notices.on_storage_trouble(None)
    notices.on_database_set_aside(Path("alerts.db.corrupt-1"))
    notices.on_skew(5_000)
    notices.on_skew(0)
    notices.on_listener_event(ListenerEvent(kind="second_poller", at_ms=clock.now_ms()))
    notices.on_listener_event(ListenerEvent(kind="webhook", at_ms=clock.now_ms()))
    assert [to for _, to in told] == ["operator"] * 7
    assert [getattr(notice, "is_webhook", None) for notice, _ in told[-2:]] == [False, True]


def test_on_a_fast_clock_a_slow_answer_is_no_wrong_clock() -> None:
    for speed, skew_ms, is_told in ((1.0, 2_500, True), (80.0, 3_000, False), (80.0, 70_000, True)):
        told: list[Notice] = []
        clock = ScaledClock(start_ms=1_790_000_040_000, speed=speed)
        notices = OperatorNotices(clock=clock, publish=lambda notice, to, told=told: told.append(notice))
        notices.on_skew(skew_ms)
        assert [type(notice) for notice in told] == [ClockSkew] * is_told


def test_of_a_feed_whose_alerts_are_sent_from_the_database_they_are_said_to_wait() -> None:
    told: list[Notice] = []
    notices = OperatorNotices(
        clock=MovableClock(0), publish=lambda notice, to: told.append(notice), sends_from_store=True
    )
    notices.on_storage_trouble(cause("full"))
    assert "They wait until they are stored" in notice_html(told[0], Style(lang="en", tz=UTC))


def test_where_several_venues_are_watched_the_notice_says_which_one_in_words_of_no_language() -> None:
    told: list[Notice] = []
    notices = OperatorNotices(
        clock=MovableClock(0), publish=lambda notice, to: told.append(notice), venue="hyperliquid"
    )
    notices.on_feed_event(FeedEvent(kind="blind", at_ms=60_000, reasons=(cause("closed (1006)"),), blind_since_ms=1))
    notices.on_feed_event(FeedEvent(kind="live", at_ms=120_000, blind_since_ms=1))
    notices.on_skew(5_000.0)
    notices.on_storage_trouble(cause("full"))
    assert [(type(notice).__name__, notice.venue) for notice in told] == [
        ("BlindSince", "hyperliquid"),
        ("BackAfter", "hyperliquid"),
        ("ClockSkew", "hyperliquid"),
        ("DiskTrouble", None),
    ]
    for lang in LANGUAGES:
        first = notice_html(told[0], Style(lang=lang, tz=UTC)).splitlines()[0]
        assert first == "<b>Hyperliquid</b>"
