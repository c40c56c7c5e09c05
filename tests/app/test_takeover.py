"""A feed that stands by and takes over tells what it found, and what it had found alone keeps nothing back."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec import structs

from altmonitor.app.leadership import GivenWay, Told
from altmonitor.app.market_reach import MarketSource
from altmonitor.app.takeover import FeedTakeover, FeedTakeoverDeps, lacked_of, recipients_of
from altmonitor.core.alert import Alert
from altmonitor.core.supervisor import Supervisor
from altmonitor.engine.context import anybody
from altmonitor.engine.venue_moves import VenueMoves, VenueTime
from altmonitor.market.quotes import OpenInterest
from altmonitor.render.notices import FeedTakenOver, Lacked
from altmonitor.settings.settings import Settings
from tests.app.test_feed_role import Bench
from tests.fakes import Market
from tests.movable_clock import T0
from tests.storage.samples import pump

ME = anybody(Settings())[0].destination


class StandBy:
    """A feed with a market, while `first` leads."""

    def __init__(self) -> None:
        self.bench, self.market = Bench(), Market(settings=Settings(rolling=False))
        self.notices: list[FeedTakenOver] = []
        of_venue = VenueTime(skew_ms=0.0, uncertainty_ms=None)
        self.moves = VenueMoves(
            self.bench.role.sink,
            clocks={"binance": lambda: of_venue, "bybit": lambda: of_venue},
            learn=lambda first: None,
        )
        market = SimpleNamespace(
            name="binance",
            engine=self.market.engine,
            goes_on=lambda: None,
            feed=SimpleNamespace(status=lambda: SimpleNamespace(is_blind=False)),
            gap_log=SimpleNamespace(has_seen_since=lambda ms: True),
        )
        markets = SimpleNamespace(
            main=market, all=(market,), stored_moves=self.stored_moves, restore_moves=self.moves.restore
        )
        self.takeover = FeedTakeover(
            FeedTakeoverDeps(
                role=self.bench.role,
                markets=cast(Any, markets),
                store=cast(Any, self.bench.database),
                supervisor=Supervisor(clock=self.bench.clock),
                clock=self.bench.clock,
                notify=lambda notice, to: self.notices.append(notice),
            )
        )
        self._found = 0
        self.moves_asked, self.moves_take_s = 0, 0.0

    async def stored_moves(self) -> Told:
        self.moves_asked += 1
        await self.bench.clock.sleep(self.moves_take_s)
        return await self.bench.database.stored_since(0)

    async def begin(self) -> asyncio.Task[bool]:
        await self.bench.leases.acquire(["feed"], holder="first#1", for_s=165.0)
        settings = SimpleNamespace(swap=lambda state: None, audiences=anybody(Settings()))
        standing = asyncio.create_task(self.takeover.stand_by(cast(Any, settings)))
        await self.bench.clock.advance(1.0)
        return standing

    def find(self) -> None:
        """What the engine raised since the last time comes to the sink of the feed."""
        for alert, to in self.market.sink.told[self._found :]:
            self.bench.role.sink.put(alert, to=to)
        self._found = len(self.market.sink.alerts)

    async def until(self, second: float) -> None:
        await self.bench.clock.advance(second - (self.bench.clock.now_ms() - T0) / 1000)
        self.bench.database.seen_until_ms = self.bench.clock.now_ms() - 3_000

    async def open_interest(self, contracts: float, *, at_s: float) -> None:
        await self.until(at_s)
        self.market.engine.on_open_interest(
            OpenInterest(symbol="SOLUSDT", contracts=contracts, time_ms=T0 + round(at_s * 1000))
        )
        self.market.engine.evaluate_open_interest(["SOLUSDT"])
        self.find()

    async def price(self, close: float, *, at_s: float) -> None:
        await self.until(at_s)
        self.market.push(close, at_s=at_s)
        self.find()

    @property
    def put(self) -> list[tuple[str, str, float]]:
        """What this feed told: kind, direction, percent in whole hundredths."""
        return [(one.kind, one.direction, round(one.metric or 0.0, 2)) for one in self.bench.database.put_here]


async def taken_over(feed: StandBy, standing: asyncio.Task[bool]) -> None:
    await feed.until(171)
    assert standing.done()
    assert standing.result()
    assert [notice.by for notice in feed.notices] == ["second"]


async def test_a_surge_that_this_feed_alone_had_read_does_not_mute_a_larger_one_after_it_has_taken_over() -> None:
    feed = StandBy()
    standing = await feed.begin()
    await feed.open_interest(1_000.0, at_s=2)
    await feed.open_interest(1_031.0, at_s=62)
    await feed.open_interest(1_031.0, at_s=122)
    assert [alert.kind for alert, _ in feed.bench.role.sink.kept()] == ["oi"], "the leader read 2.9 %"
    await feed.until(160)
    await taken_over(feed, standing)
    assert feed.moves_asked == 1
    assert feed.put == [], "what the leader did not find in ninety seconds is not told"
    await feed.open_interest(1_110.0, at_s=182)
    assert feed.put == [("oi", "UP", 7.66)]


async def test_a_move_that_this_feed_alone_had_seen_does_not_mute_a_larger_one_after_it_has_taken_over() -> None:
    feed = StandBy()
    standing = await feed.begin()
    await feed.price(103.1, at_s=65)
    await feed.until(160)
    await taken_over(feed, standing)
    await feed.price(104.5, at_s=200)
    assert feed.put == [("price", "PUMP", 4.5)]


async def test_what_the_leader_told_of_the_same_symbol_goes_on_to_hold() -> None:
    feed = StandBy()
    standing = await feed.begin()
    await feed.price(103.1, at_s=10)
    told: Told = feed.market.sink.told
    feed.bench.database.stored.extend((alert, tuple(to)) for alert, to in told)
    await feed.price(106.5, at_s=40)  # twice as much, which the leader did not see
    assert [alert.details.told_before_pct for alert, _ in feed.bench.role.sink.kept()][1:] == [pytest.approx(3.1)]
    await feed.until(160)
    await taken_over(feed, standing)
    await feed.price(104.0, at_s=180)
    assert feed.put == [], "3.1 % was told 170 s ago"
    await feed.price(106.4, at_s=185)
    assert feed.put == [("price", "PUMP", 6.4)]
    assert feed.bench.database.put_here[0].details.told_before_pct == pytest.approx(3.1)
    assert feed.bench.database.put_here[0].details.episode_key == told[0][0].key


def elsewhere(alert: Alert, **details: Any) -> Alert:
    """As Hyperliquid tells the same."""
    told = structs.replace(alert.details, **details)
    return structs.replace(alert, key=f"hyperliquid:{alert.key}", venue="hyperliquid", details=told)


async def test_what_the_leader_told_as_a_line_of_another_venues_alert_is_told_no_second_time() -> None:
    """Which venue comes first in a message is each feed's own: here Binance's, at the leader Hyperliquid's."""
    feed = StandBy()
    standing = await feed.begin()
    await feed.open_interest(1_000.0, at_s=2)
    await feed.open_interest(1_050.0, at_s=62)
    ((mine, to),) = feed.bench.role.sink.kept()
    assert to == (ME,)
    first, line = elsewhere(mine), structs.replace(mine.details, merged_into=f"hyperliquid:{mine.key}")
    theirs = structs.replace(mine, key=f"{mine.key}:theirs", event_ms=mine.event_ms + 20_000, details=line)
    feed.bench.database.stored += [(first, (ME,)), (theirs, ())]
    await feed.bench.clock.advance(20)
    await feed.bench.leases.release({"feed": 1})
    await feed.bench.clock.advance(5)
    assert standing.done()
    assert feed.put == []


async def test_such_a_line_is_known_to_this_feed_also_where_the_first_alert_of_its_move_is_older() -> None:
    feed = StandBy()
    standing = await feed.begin()
    alert = Alert(
        key="oi:SOLUSDT:UP:5m:1",
        ts=T0 / 1000,
        event_ms=T0 + 200_000,
        symbol="SOLUSDT",
        kind="oi",
        direction="UP",
        metric=7.0,
    )
    first = structs.replace(elsewhere(alert), event_ms=T0 - 100_000)
    line = structs.replace(alert, details=structs.replace(alert.details, merged_into=first.key))
    feed.bench.database.stored += [(first, (ME,)), (line, ())]
    await feed.bench.clock.advance(262)
    assert standing.done()
    await feed.open_interest(1_000.0, at_s=270)
    await feed.open_interest(1_080.0, at_s=330)
    assert feed.put == [], "it was told as a line 130 s ago"


async def test_a_database_that_does_not_answer_then_leaves_what_is_remembered_until_it_does() -> None:
    feed = StandBy()
    standing = await feed.begin()
    await feed.price(103.1, at_s=65)
    await feed.until(120)
    feed.bench.database.is_away = True
    await feed.until(150)
    assert len(feed.bench.role.sink.kept()) == 1
    feed.bench.database.is_away = False
    feed.bench.database.is_history_away = True  # away again between two questions
    await feed.until(155)
    feed.bench.database.is_history_away = False
    await feed.until(160)
    assert len(feed.bench.role.sink.kept()) == 0
    await taken_over(feed, standing)
    await feed.price(104.5, at_s=200)
    assert feed.put == [("price", "PUMP", 4.5)]


async def test_a_move_that_is_found_while_a_takeover_reads_what_was_told_is_one_move_afterwards() -> None:
    feed = StandBy()
    feed.moves_take_s = 4.0
    standing = await feed.begin()
    await feed.until(167)
    assert feed.moves_asked == 1
    assert not standing.done()
    first = pump("SOLUSDT", at_ms=T0 + 167_000)
    feed.moves.put(first, to=[ME])
    await feed.until(175)
    assert standing.done()
    feed.moves.put(structs.replace(first, key=f"bybit:{first.key}", venue="bybit"), to=[ME])
    assert [(one.venue, one.details.merged_into) for one in feed.bench.database.put_here] == [
        ("binance", None),
        ("bybit", first.key),
    ]


def test_a_takeover_for_figures_is_told_the_owner_and_every_other_one_everybody() -> None:
    given = GivenWay(by="feed-1#7-ab", token=1, lacks=MarketSource("okx", "figures"))
    assert lacked_of(given) == Lacked(by="feed-1", venue="okx", what="figures")
    assert lacked_of(None) is None
    blind = Lacked(by="feed-1", venue="binance", what="prices")
    for lacked, to in ((lacked_of(given), "operator"), (blind, "everybody"), (None, "everybody")):
        assert recipients_of(FeedTakenOver(at_ms=T0, by="feed-2", silent_s=0.4, alerts=0, lacked=lacked)) == to
