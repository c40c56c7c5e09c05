from __future__ import annotations

import pytest

from altmonitor.app.operator_notices import OperatorNotices
from altmonitor.core.errors import ExchangeBlocked, RegionBlocked
from altmonitor.core.types import Destination
from altmonitor.delivery.deps import Resumption
from altmonitor.exchanges.binance.rest import binance_guard
from altmonitor.exchanges.rest.budget import Ask
from altmonitor.exchanges.rest.guard import RestAnswer
from altmonitor.interfaces.exchange import Priority
from altmonitor.render.notices import (
    AlertsRefused,
    DeliveryResumed,
    DestinationClosed,
    DestinationOpen,
    ExchangeBlockedNotice,
    Notice,
    TopicFound,
    TopicLost,
)
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
        notices.on_closed(Destination(chat_id=GROUP.chat_id, topic_id=topic_id), "kicked")
    resumption = Resumption(since_ms=since_ms, at_ms=clock.now_ms(), reason="kicked", is_closed=True, late=3)
    notices.on_resumed(GROUP, resumption)
    assert told == [
        (DestinationClosed(at_ms=clock.now_ms(), chat="-100", reason="kicked"), "operator"),
        (DestinationOpen(at_ms=clock.now_ms(), chat="-100"), "operator"),
        (DeliveryResumed(at_ms=clock.now_ms(), since_ms=since_ms, reason="kicked", late=3), GROUP),
    ]


def test_a_telegram_that_was_away_is_told_to_each_chat_about_itself_and_only_if_it_mattered() -> None:
    clock = MovableClock()
    notices, told = collected(clock)
    at_ms = clock.now_ms()
    for where, away_s, late in ((OPERATOR, 59, 0), (GROUP, 59, 2), (OPERATOR, 60, 0)):
        since_ms = at_ms - away_s * 1000
        notices.on_resumed(where, Resumption(since_ms=since_ms, at_ms=at_ms, reason="no answer", late=late))
    assert [(notice.at_ms - (notice.since_ms or 0), notice.late, to) for notice, to in told] == [  # type: ignore[union-attr]
        (59_000, 2, GROUP),
        (60_000, 0, OPERATOR),
    ]


def test_a_lost_and_found_topic_is_told_in_its_own_chat_and_refused_alerts_to_the_operator() -> None:
    notices, told = collected(MovableClock())
    topic = Destination(chat_id=-100, topic_id=5)
    notices.on_topic_lost(topic, "TOPIC_CLOSED")
    notices.on_topic_found(topic, 3)
    notices.on_refused(topic, 1, "message is too long")
    assert [(type(notice), to) for notice, to in told] == [
        (TopicLost, topic),
        (TopicFound, topic),
        (AlertsRefused, "operator"),
    ]


@pytest.mark.parametrize("status", [451, 403])
async def test_a_refusal_for_our_location_is_told_as_one_whatever_its_status(status: int) -> None:
    told: list[Notice] = []
    clock = MovableClock()
    notices = OperatorNotices(clock=clock, publish=lambda notice, to: told.append(notice))
    guard = binance_guard("https://exchange", clock=clock, on_change=notices.on_guard)

    async def refuse(target: str) -> RestAnswer:
        return RestAnswer(status, {}, RESTRICTED)

    with pytest.raises(RegionBlocked):
        await guard.fetch(Ask(target="/fapi/v1/time", priority=Priority.UNIVERSE), refuse, wait_s=1.0)

    (notice,) = told
    assert isinstance(notice, ExchangeBlockedNotice)
    assert notice.is_region


async def test_a_ban_is_not_told_as_one_for_our_location() -> None:
    told: list[Notice] = []
    clock = MovableClock()
    notices = OperatorNotices(clock=clock, publish=lambda notice, to: told.append(notice))
    guard = binance_guard("https://exchange", clock=clock, on_change=notices.on_guard)

    async def ban(target: str) -> RestAnswer:
        return RestAnswer(418, {"Retry-After": "451"}, b'{"code":-1003,"msg":"banned; region of 451 s"}')

    with pytest.raises(ExchangeBlocked, match="banned"):
        await guard.fetch(Ask(target="/fapi/v1/time", priority=Priority.UNIVERSE), ban, wait_s=1.0)

    (notice,) = told
    assert isinstance(notice, ExchangeBlockedNotice)
    assert not notice.is_region
