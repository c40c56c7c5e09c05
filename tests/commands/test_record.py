"""/uptime: since when, and what failed meanwhile. /history of a named day."""

from __future__ import annotations

from datetime import UTC, date, datetime

from altmonitor.commands.record import UptimeShown
from altmonitor.commands.replies import Bad, HistoryShown, Refused
from altmonitor.core.alert import StoredAlert
from tests.commands.executor_kit import NOW_S, Desk
from tests.storage.samples import pump

DAY_MS = 86_400_000


def midnight_ms(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000)


async def test_uptime_counts_from_the_start_and_names_only_what_was_restarted() -> None:
    assert await Desk()("/uptime") == UptimeShown(
        since_ms=(NOW_S - 3600) * 1000, now_s=NOW_S, version="1.2.3", restarts={"delivery": 2}, blind_s=12.5
    )


async def test_history_of_a_day_is_bounded_by_midnights_of_the_chats_own_zone() -> None:
    desk = Desk()  # 2026-09-21 14:13:20 UTC
    begin = midnight_ms("2026-09-20")
    await desk("/history yesterday")
    await desk("/tz UTC+5:30")
    await desk("/history sol 20.09 price 5")
    await desk("/tz UTC+12")  # there it is the 22nd
    await desk("/history yesterday")
    asked = [
        (one["event_between_ms"], one["limit"], one["symbol"], one["kind"])
        for one in desk.alerts.asked
        if "event_between_ms" in one
    ]
    here, there = 5.5 * 3_600_000, 12 * 3_600_000
    assert asked == [
        ((begin, begin + DAY_MS), 51, None, None),
        ((begin - here, begin + DAY_MS - here), 6, "SOLUSDT", "price"),
        ((begin + DAY_MS - there, begin + 2 * DAY_MS - there), 51, None, None),
    ]


async def test_of_a_day_with_more_than_fits_it_is_said_that_there_is_more() -> None:
    desk = Desk()
    desk.alerts.told = tuple(StoredAlert(alert=pump(at_ms=(NOW_S - i) * 1000), delivery="sent") for i in range(60))
    for text, shown, has_more in (("/history today", 50, True), ("/history 5 today", 5, True), ("/history", 10, False)):
        reply = await desk(text)
        assert isinstance(reply, HistoryShown)
        assert (len(reply.alerts), reply.has_more) == (shown, has_more), text
        assert reply.day == (None if text == "/history" else date(2026, 9, 21))


async def test_a_day_that_is_to_come_does_not_exist_or_could_be_two_is_refused_by_name() -> None:
    desk = Desk()
    for word in ("2026-09-22", "31.02", "5/6"):
        assert await desk(f"/history sol {word}") == Refused(command="history", reason=Bad.NO_DAY, word=word)
    assert desk.alerts.asked == []


async def test_why_takes_days_as_history_does() -> None:
    desk = Desk()
    for text in (
        "/why sol 2026-09-20 12:05",
        "/why sol yesterday 12:05",
        "/why sol 20 сентября 12:05",
        "/why sol 20.09 12:05",
    ):
        await desk(text)
    moment = midnight_ms("2026-09-20") + (12 * 60 + 5) * 60_000
    assert [at_ms for _, _, at_ms, _ in desk.market.asked] == [moment] * 4
