from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from zoneinfo import ZoneInfo

import pytest

from altmonitor.app.tracking import TrackerNotifier
from altmonitor.core.errors import ChatClosed, ChatUnreachable, DeliveryError, RetryLater
from altmonitor.core.types import Destination
from altmonitor.positioning.history import NotEnoughSnapshots, change, position_alerts
from altmonitor.render.format import Style
from altmonitor.render.notice_html import tracking_text
from altmonitor.tracker.series import (
    PositionMoved,
    Series,
    TrackerBlocked,
    TrackerNotice,
    TrackerRecovered,
    TrackerStuck,
)
from tests.movable_clock import T0, MovableClock
from tests.tracker.samples import snapshot

UTC = ZoneInfo("UTC")
EN = Style(lang="en", tz=UTC)
MONEY = Series.SMART_MONEY


def moved(symbol: str = "ETHUSDT", *, before: float = 1_000.0, after: float = 1_200.0) -> PositionMoved:
    rows = [snapshot(symbol, T0 - 1_200_000, long_qty=before), snapshot(symbol, T0, long_qty=after)]
    found = change(symbol, rows, minutes=30, now_ms=T0)
    assert not isinstance(found, NotEnoughSnapshots)
    (alert,) = position_alerts(found)
    return PositionMoved(alert=alert, change=found)


@pytest.mark.parametrize(
    ("news", "text"),
    [
        (
            TrackerStuck(kind="stuck", series=MONEY, sweeps=3, captured=0, planned=200, reason="<cosmic ray>"),
            "🧊 <b>Tracking of smart money stands still</b>: 3 sweeps in a row without a row\n"
            "Last failure: &lt;cosmic ray&gt;",
        ),
        (
            TrackerStuck(kind="degraded", series=Series.OPEN_INTEREST, sweeps=3, captured=40, planned=200, reason=""),
            "🧊 <b>Tracking of open interest is thin</b>: 3 sweeps in a row with less than a quarter of 200 symbols, "
            "40 in the last one",
        ),
        (
            TrackerRecovered(series=Series.TOP_TRADERS, captured=180, planned=200),
            "✅ <b>Tracking of top traders is back</b>: 180 of 200 symbols",
        ),
        (
            TrackerBlocked(series=MONEY, until_ms=T0 + 13_860_000, reason="HTTP 429"),
            "⛔ <b>Tracking of smart money is refused until 18:05:00 UTC</b> (3 h 51 min): "
            "too many requests (HTTP 429)",
        ),
        (
            moved(),
            "📌 <b>ETHUSDT</b> · followed traders, long side: +20.00 % in 20 min (1.0K → 1.2K)\n"
            "average entry 9.5 · mark price 10",
        ),
        (
            moved(before=0.0, after=500_000.0),
            "📌 <b>ETHUSDT</b> · followed traders, long side: new position of 500.0K\n"
            "average entry 9.5 · mark price 10",
        ),
    ],
)
def test_each_piece_of_news_in_words(news: TrackerNotice, text: str) -> None:
    assert tracking_text(news, EN, now_ms=T0) == text
    for lang in ("zh", "ru"):
        assert tracking_text(news, Style(lang=lang, tz=UTC), now_ms=T0)


class Chat:
    """Takes what it is given unless there are failures left."""

    def __init__(self, clock: MovableClock, failures: Sequence[DeliveryError] = ()) -> None:
        self._clock = clock
        self.failures = list(failures)
        self.sent: list[tuple[str, float]] = []
        self.attempts = 0

    async def send(self, destination: Destination, html: str, **_: object) -> int:
        self.attempts += 1
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append((html, self._clock.monotonic()))
        return len(self.sent)


@asynccontextmanager
async def notifier(
    *failures: DeliveryError,
) -> AsyncIterator[tuple[TrackerNotifier, Chat, MovableClock, list[PositionMoved]]]:
    clock = MovableClock()
    chat, told = Chat(clock, failures), list[PositionMoved]()
    made = TrackerNotifier(clock=clock, style=EN, channel=chat, destination=Destination(chat_id=1))  # type: ignore[arg-type]

    async def note(news: PositionMoved) -> None:
        told.append(news)

    made.told = note
    running = asyncio.create_task(made.run())
    try:
        yield made, chat, clock, told
    finally:
        running.cancel()
        await asyncio.wait([running])


async def test_messages_leave_at_least_350_ms_apart() -> None:
    async with notifier() as (made, chat, clock, told):
        for symbol in ("AUSDT", "BUSDT", "CUSDT"):
            made.notify(moved(symbol))
        await clock.advance(5.0)
        times = [at_s for _, at_s in chat.sent]
        assert times == pytest.approx([1_000.0, 1_000.35, 1_000.7])
        assert [news.alert.symbol for news in told] == ["AUSDT", "BUSDT", "CUSDT"]


async def test_a_refused_message_is_logged_with_its_reason_and_not_recorded(caplog: pytest.LogCaptureFixture) -> None:
    async with notifier(ChatClosed("the bot was kicked")) as (made, chat, clock, told):
        with caplog.at_level(logging.WARNING):
            made.notify(moved())
            await clock.advance(5.0)
        assert (chat.sent, told) == ([], [])
        assert "not told in the chat: the bot was kicked" in caplog.text


async def test_a_flood_wait_is_waited_for_and_an_unanswered_call_is_tried_again() -> None:
    lost = ChatUnreachable("no answer", outcome_unknown=False)
    async with notifier(RetryLater("slow down", retry_after_s=30.0), lost) as (made, chat, clock, told):
        made.notify(moved())
        await clock.advance(29.0)
        assert chat.attempts == 1
        await clock.advance(60.0)
        assert (chat.attempts, len(told)) == (3, 1)


async def test_the_same_step_that_still_waits_is_not_queued_again() -> None:
    async with notifier(RetryLater("slow down", retry_after_s=30.0)) as (made, chat, clock, _):
        made.notify(moved())
        await clock.advance(1.0)
        made.notify(moved())
        made.notify(moved(after=2_000.0))
        await clock.advance(100.0)
        assert len(chat.sent) == 2


async def test_without_a_bot_everything_stands_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    made = TrackerNotifier(clock=MovableClock(), style=EN)
    with caplog.at_level(logging.WARNING):
        made.notify(TrackerBlocked(series=MONEY, until_ms=T0 + 60_000, reason="HTTP 418"))
    assert "Tracking of smart money is refused until" in caplog.text
    assert not made.has_chat
