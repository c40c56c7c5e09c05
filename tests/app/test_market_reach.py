"""What a feed gets of the market: what it has steadily, and what it has lacked for longer than is waited for."""

from __future__ import annotations

from altmonitor.app.market_reach import FeedReach, MarketSource, ReachWatch
from altmonitor.core.causes import Cause, CauseCode
from altmonitor.core.status import FeedStatus, GuardStatus, SweepStatus, VenueStatus
from altmonitor.core.types import Venue
from tests.movable_clock import MovableClock

BANNED = Cause(CauseCode.BANNED, "Way too many requests")
UNREADABLE = Cause(CauseCode.UNREADABLE, "not the answer that is expected")
PRICES, FIGURES = MarketSource("binance", "prices"), MarketSource("binance", "figures")
SEEN = FeedStatus(symbols_expected=500, symbols_covered=500, is_blind=False)
SWEPT = SweepStatus(sweep_age_s=20.0, coverage=1.0)
NOT_SWEPT = SweepStatus(sweep_age_s=20.0, coverage=0.0, trouble=UNREADABLE)
OPEN = GuardStatus(state="open")


class Feed:
    def __init__(self) -> None:
        self.clock = MovableClock()
        self.statuses: dict[Venue, VenueStatus] = {}
        self.be()
        self.watch = ReachWatch(lambda: list(self.statuses.values()), clock=self.clock)

    def be(
        self,
        feed: FeedStatus = SEEN,
        sweep: SweepStatus = SWEPT,
        guard: GuardStatus = OPEN,
        venue: Venue = "binance",
    ) -> None:
        self.statuses[venue] = VenueStatus(venue=venue, feed=feed, sweep=sweep, guard=guard)

    def blocked(self, for_s: float) -> GuardStatus:
        return GuardStatus(state="blocked", until_ms=self.clock.now_ms() + round(for_s * 1000), reason=BANNED)

    async def after(self, seconds: int) -> FeedReach:
        for _ in range(seconds):
            self.watch.look()
            await self.clock.advance(1.0)
        return self.watch.look()


async def test_a_source_is_had_steadily_after_a_minute_without_interruption() -> None:
    feed = Feed()
    assert (await feed.after(59)) == FeedReach(now=frozenset({PRICES, FIGURES}))
    assert (await feed.after(1)).steadily == {PRICES, FIGURES}
    feed.be(sweep=SweepStatus(sweep_age_s=20.0, coverage=0.8))
    assert (await feed.after(300)) == FeedReach(now=frozenset({PRICES}), steadily=frozenset({PRICES}))
    feed.be()
    assert (await feed.after(59)).steadily == {PRICES}


async def test_a_long_ban_is_lacked_after_twenty_seconds_and_a_short_one_is_waited_for() -> None:
    feed = Feed()
    await feed.after(90)
    feed.be(guard=feed.blocked(3_600), sweep=NOT_SWEPT)
    assert (await feed.after(20)).lacks == {}
    assert (await feed.after(1)) == FeedReach(
        now=frozenset({PRICES}), steadily=frozenset({PRICES}), lacks={FIGURES: BANNED}
    )
    feed.be()
    await feed.after(90)
    feed.be(guard=feed.blocked(60), sweep=NOT_SWEPT)
    await feed.after(60)
    feed.be(sweep=NOT_SWEPT)  # until the next sweep has ended
    reach = await feed.after(60)
    assert (reach.now, reach.lacks) == ({PRICES}, {})


async def test_a_sweep_that_brings_nothing_is_lacked_though_nothing_is_refused() -> None:
    late = SweepStatus(sweep_age_s=None, coverage=0.0, period_s=300.0)
    for sweep, waited_s, cause in ((NOT_SWEPT, 90, UNREADABLE), (late, 300, None)):
        feed = Feed()
        feed.be(sweep=sweep)
        assert (await feed.after(waited_s - 1)).lacks == {}
        assert (await feed.after(151)).lacks == {FIGURES: cause}


async def test_blocks_that_are_short_and_come_again_and_again_are_lacked_after_five_minutes() -> None:
    feed = Feed()
    await feed.after(90)
    for _ in range(4):
        feed.be(guard=feed.blocked(60), sweep=NOT_SWEPT)
        assert (await feed.after(60)).lacks == {}
        feed.be(guard=GuardStatus(state="probing"), sweep=NOT_SWEPT)
        await feed.after(5)
    feed.be(guard=feed.blocked(60), sweep=NOT_SWEPT)
    assert (await feed.after(50)).lacks == {FIGURES: BANNED}


async def test_each_venue_is_judged_by_itself_and_one_without_contracts_is_not_seen() -> None:
    feed = Feed()
    feed.be(feed=FeedStatus(symbols_expected=300, is_blind=True), venue="okx")
    feed.be(feed=FeedStatus(symbols_expected=0, is_blind=False), venue="bybit")
    reach = await feed.after(61)
    assert reach.lacks == {MarketSource("okx", "prices"): None, MarketSource("bybit", "prices"): None}
    assert reach.steadily == {PRICES, FIGURES, MarketSource("okx", "figures"), MarketSource("bybit", "figures")}
