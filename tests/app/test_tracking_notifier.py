from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from zoneinfo import ZoneInfo

import pytest

from altmonitor.app.tracking import TrackerChat, TrackerNotifier
from altmonitor.core.causes import CauseCode
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
from tests.fakes import cause
from tests.movable_clock import T0, MovableClock
from tests.tracker.fakes import MemoryOutbox
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
            TrackerStuck(kind="stuck", series=MONEY, sweeps=3, captured=0, planned=200, reason=cause("<cosmic ray>")),
            "🧊 <b>Tracking of smart money stands still</b>: 3 sweeps in a row without a row\n"
            "Last failure: &lt;cosmic ray&gt;",
        ),
        (
            TrackerStuck(kind="degraded", series=Series.OPEN_INTEREST, sweeps=3, captured=40, planned=200, reason=None),
            "🧊 <b>Tracking of open interest is thin</b>: 3 sweeps in a row with less than a quarter of 200 symbols, "
            "40 in the last one",
        ),
        (
            TrackerRecovered(series=Series.TOP_TRADERS, captured=180, planned=200),
            "✅ <b>Tracking of top traders is back</b>: 180 of 200 symbols",
        ),
        (
            TrackerBlocked(series=MONEY, until_ms=T0 + 13_860_000, reason=cause("HTTP 429", CauseCode.TOO_MANY)),
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
    *failures: DeliveryError, outbox: MemoryOutbox | None = None
) -> AsyncIterator[tuple[TrackerNotifier, Chat, MovableClock, MemoryOutbox]]:
    clock = MovableClock()
    chat, kept = Chat(clock, failures), outbox or MemoryOutbox()
    own = TrackerChat(channel=chat, destination=Destination(chat_id=1), outbox=kept)  # type: ignore[arg-type]
    made = TrackerNotifier(clock=clock, style=EN, chat=own)
    running = asyncio.create_task(made.run())
    try:
        yield made, chat, clock, kept
    finally:
        running.cancel()
        await asyncio.wait([running])


async def test_messages_leave_at_least_350_ms_apart() -> None:
    async with notifier() as (made, chat, clock, outbox):
        for symbol in ("AUSDT", "BUSDT", "CUSDT"):
            made.notify(moved(symbol))
        await clock.advance(5.0)
        times = [at_s for _, at_s in chat.sent]
        assert times == pytest.approx([1_000.0, 1_000.35, 1_000.7])
        assert [news.alert.symbol for news in outbox.told] == ["AUSDT", "BUSDT", "CUSDT"]
        assert list(outbox.states.values()) == ["sent as 1", "sent as 2", "sent as 3"]


async def test_a_refused_message_is_logged_and_kept_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    async with notifier(ChatClosed("the bot was kicked")) as (made, chat, clock, outbox):
        with caplog.at_level(logging.WARNING):
            made.notify(moved())
            await clock.advance(5.0)
        assert chat.sent == []
        assert outbox.states == {1: "failed: the bot was kicked"}
        assert "not told in the chat: the bot was kicked" in caplog.text


async def test_a_flood_wait_is_waited_for_and_what_surely_did_not_arrive_is_sent_again_unmarked() -> None:
    lost = ChatUnreachable("no connection", outcome_unknown=False)
    async with notifier(RetryLater("slow down", retry_after_s=30.0), lost) as (made, chat, clock, outbox):
        made.notify(moved())
        await clock.advance(29.0)
        assert (chat.attempts, outbox.states) == (1, {1: "queued"})
        await clock.advance(60.0)
        assert chat.attempts == 3
        assert [html.count("may have reached you") for html, _ in chat.sent] == [0]


async def test_a_lost_answer_marks_what_is_sent_again() -> None:
    lost = [ChatUnreachable("no answer", outcome_unknown=True) for _ in range(5)]
    refused = ChatUnreachable("no connection", outcome_unknown=False)
    async with notifier(*lost, refused) as (made, chat, clock, outbox):
        made.notify(moved())
        await clock.advance(1.0)
        assert outbox.states == {1: "in_flight"}
        await clock.advance(400.0)
        ((html, _),) = chat.sent
        assert html.endswith("\n<i>This may have reached you already</i>")
        assert outbox.states == {1: "sent as 1"}


async def test_an_outage_is_outlasted_with_ever_rarer_attempts_and_given_up_after_a_day() -> None:
    down = [ChatUnreachable("no connection", outcome_unknown=False) for _ in range(2_000)]
    async with notifier(*down) as (made, chat, clock, outbox):
        made.notify(moved())
        await clock.advance(3_600.0)
        assert 15 < chat.attempts < 25
        assert outbox.states == {1: "queued"}
        await clock.advance(90_000.0)
        assert outbox.states == {1: "failed: older than a day"}


async def test_what_a_killed_process_left_is_sent_by_the_next_one() -> None:
    outbox = MemoryOutbox()
    for html in ("was under way", "waited"):
        await outbox.put_news(html, now_ms=T0, moved=None)
    await outbox.begin_attempt(1)
    async with notifier(outbox=outbox) as (_, chat, clock, _):
        await clock.advance(1.0)
        assert [html for html, _ in chat.sent] == [
            "was under way\n<i>This may have reached you already</i>",
            "waited",
        ]


async def test_the_last_words_are_one_attempt_and_the_rest_stays_in_the_outbox() -> None:
    clock, outbox = MovableClock(), MemoryOutbox()
    chat = Chat(clock, [ChatUnreachable("no connection", outcome_unknown=False)])
    own = TrackerChat(channel=chat, destination=Destination(chat_id=1), outbox=outbox)  # type: ignore[arg-type]
    made = TrackerNotifier(clock=clock, style=EN, chat=own)
    for symbol in ("AUSDT", "BUSDT"):
        made.notify(moved(symbol))
    await made.finish()
    assert (chat.attempts, outbox.states) == (1, {1: "queued", 2: "queued"})
    await made.finish()
    assert outbox.states == {1: "sent as 1", 2: "sent as 2"}


async def test_without_a_bot_everything_stands_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    made = TrackerNotifier(clock=MovableClock(), style=EN)
    with caplog.at_level(logging.WARNING):
        made.notify(TrackerBlocked(series=MONEY, until_ms=T0 + 60_000, reason=cause("HTTP 418", CauseCode.BANNED)))
    assert "Tracking of smart money is refused until" in caplog.text
    assert not made.has_chat
