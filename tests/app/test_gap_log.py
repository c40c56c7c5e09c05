"""What one run saw last is where the next one begins to look back."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from altmonitor.app.gap_log import GapLog
from altmonitor.core.status import FeedStatus
from altmonitor.interfaces.exchange import FeedEvent
from tests.movable_clock import T0, MovableClock


class Desk:
    """age_s: since the last frame; None: there was none."""

    def __init__(self, kept: str | None = None) -> None:
        self.values = {} if kept is None else {"seen_until_ms": kept}
        self.age_s: float | None = 0.5
        self.is_blind = False
        self.unseen_ms: int | None = None
        self.clock = MovableClock(T0)
        self.sight = GapLog(
            self,
            clock=self.clock,
            feed=lambda: FeedStatus(last_frame_age_s=self.age_s, is_blind=self.is_blind),
            unseen_since_ms=lambda: self.unseen_ms,
        )

    async def meta_get(self, key: str) -> str | None:
        return self.values.get(key)

    async def meta_set(self, key: str, value: str) -> None:
        self.values[key] = value

    @property
    def kept(self) -> str | None:
        return self.values.get("seen_until_ms")

    async def run_for(self, seconds: float) -> None:
        task = asyncio.create_task(self.sight.run())
        await self.clock.settle()
        await self.clock.advance(seconds)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def live(since_ms: int | None = None) -> FeedEvent:
    return FeedEvent(kind="live", at_ms=T0, blind_since_ms=since_ms)


async def test_the_last_frame_is_kept_while_the_market_is_seen() -> None:
    desk = Desk()
    await desk.run_for(16.0)
    assert desk.kept == str(T0 + 14_500)


async def test_a_blind_time_and_one_without_any_data_move_nothing() -> None:
    desk = Desk("17")
    desk.is_blind = True
    await desk.run_for(40.0)
    desk.is_blind, desk.age_s = False, None
    await desk.run_for(40.0)
    assert desk.kept == "17"


async def test_what_was_not_looked_through_yet_counts_as_unseen() -> None:
    desk = Desk()
    desk.unseen_ms = T0 - 600_000
    await desk.run_for(16.0)
    assert desk.kept == str(T0 - 600_000)


async def test_the_first_live_of_a_run_learns_when_the_run_before_it_saw_last() -> None:
    desk = Desk(str(T0 - 90_000))
    assert await desk.sight.load() == T0 - 90_000
    assert desk.sight.completed(live()).blind_since_ms == T0 - 90_000
    assert desk.sight.completed(live(T0 - 5_000)).blind_since_ms == T0 - 5_000


async def test_a_very_first_run_has_missed_nothing() -> None:
    desk = Desk()
    assert await desk.sight.load() is None
    assert desk.sight.completed(live()).blind_since_ms is None


async def test_a_first_run_that_was_told_to_be_blind_is_told_to_be_back() -> None:
    desk = Desk()
    desk.sight.completed(FeedEvent(kind="blind", at_ms=T0 - 60_000))
    assert desk.sight.completed(live()).blind_since_ms == T0 - 60_000
    other = Desk()
    other.sight.record_blind(T0 - 30_000)
    assert other.sight.completed(live()).blind_since_ms == T0 - 30_000


async def test_a_value_from_the_future_or_no_number_is_not_believed() -> None:
    for kept in (str(T0 + 1), "yesterday", "-5"):
        assert await Desk(kept).sight.load() is None


async def test_a_report_that_did_not_arrive_is_known_to_the_next_run() -> None:
    desk = Desk()
    arrived = desk.sight.untold(T0 - 300_000, T0 - 60_000)
    desk.sight.untold(T0 - 30_000, T0 - 5_000)
    await desk.run_for(0.1)
    arrived(17)
    await desk.run_for(0.1)
    after = Desk()
    after.values = dict(desk.values)
    await after.sight.load()
    assert after.sight.untold_before == ((T0 - 30_000, T0 - 5_000),)
    await after.run_for(16.0)
    again = Desk()
    again.values = dict(after.values)
    await again.sight.load()
    assert again.sight.untold_before == ()


async def test_damaged_reports_are_no_reports() -> None:
    desk = Desk()
    desk.values["blind_times_untold"] = "[[1, 2"
    await desk.sight.load()
    assert desk.sight.untold_before == ()


async def test_the_blind_time_of_a_run_is_summed_up_to_now() -> None:
    desk = Desk(str(T0 - 90_000))
    await desk.sight.load()
    desk.sight.completed(live())  # before the first frame of the run nothing was missed by it
    assert desk.sight.blind_s() == 0.0
    desk.sight.completed(live(T0 - 5_000))
    desk.sight.completed(live(T0 - 2_500))
    assert desk.sight.blind_s() == 7.5
    desk.is_blind, desk.age_s = True, 31.0
    assert desk.sight.blind_s() == 38.5
