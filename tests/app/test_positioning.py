"""/who and /div: four parts at once, each missing for its own reason; tracked rows stand in for what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from altmonitor.app.positioning import LivePositionQueries, PositionQueryDeps
from altmonitor.collect.positioning_lookup import LookupDeps
from altmonitor.core.errors import ExchangeBlocked, ExchangeUnreachable
from altmonitor.core.status import GuardStatus
from altmonitor.interfaces.exchange import Priority
from altmonitor.interfaces.queries import MissingPart, PositionScope
from altmonitor.market.quotes import DayTicker, Funding
from altmonitor.positioning.divergence import Histories
from altmonitor.positioning.history import NotEnoughSnapshots, PositionChange
from altmonitor.positioning.open_interest import OiBar
from altmonitor.positioning.ratios import TopTraders
from altmonitor.positioning.smart_money import Overview
from altmonitor.storage.snapshots import SnapshotsDb
from altmonitor.tracker.series import Liveness, Series
from tests.fakes import ManualClock
from tests.movable_clock import MovableClock
from tests.positioning.samples import OVERVIEW, T0, bars, bucket
from tests.tracker.samples import snapshot, top_traders, velocity

DAY = DayTicker(symbol="ETHUSDT", last_price=10.0, change_pct=1.5, quote_usdt=2e9)


class Exchange:
    venue = "binance"

    def __init__(self) -> None:
        self.seen: Overview | Exception | None = OVERVIEW
        self.bars: list[OiBar] = bars(*[1000.0] * 49)
        self.buckets: list[tuple[str, str, int]] = []
        self.clock: MovableClock | None = None

    async def overview(self, symbol: str, *, priority: Priority, is_fresh: bool = False) -> Overview | None:
        if self.clock is not None:
            await self.clock.sleep(60)
        if isinstance(self.seen, Exception):
            raise self.seen
        return self.seen

    def guard_status(self) -> GuardStatus:
        return GuardStatus(state="open")

    async def top_traders(
        self, symbol: str, *, period: str, priority: Priority, is_fresh: bool = False
    ) -> TopTraders | None:
        return top_traders(symbol)

    async def open_interest_bars(self, symbol: str, *, priority: Priority, is_fresh: bool = False) -> Sequence[OiBar]:
        return self.bars

    async def day_ticker(self, symbol: str, *, priority: Priority) -> DayTicker:
        return DAY

    async def funding(self, symbol: str, *, priority: Priority) -> Funding:
        return Funding(symbol=symbol, rate=0.0001, mark_price=10.0, next_ms=T0 + 60_000)

    async def funding_hours_of(self, symbol: str) -> float | None:
        return 4.0

    async def cohorts(self, symbol: str, *, period: str, limit: int, priority: Priority) -> Histories:
        self.buckets.append((symbol, period, limit))
        return Histories(retail=[bucket(65.75)], top_accounts=[bucket(60.0)], top_positions=[bucket(55.54)])


def desk_on(exchange: Exchange, tracked: Path, *, clock: MovableClock | None = None) -> LivePositionQueries:
    live = LookupDeps(smart_money=exchange, positioning=exchange)
    return LivePositionQueries(
        PositionQueryDeps(
            clock=clock or MovableClock(T0),
            live=live,
            cohorts=exchange,
            day=lambda symbol: DAY if symbol == "ETHUSDT" else None,
            tracked=tracked,
        )
    )


async def track(path: Path, *ages_min: float) -> None:
    store = SnapshotsDb(path, clock=ManualClock(T0))
    await store.open()
    try:
        await store.begin_sweep(Series.SMART_MONEY, 1, Liveness())
        for number, age_min in enumerate(ages_min):
            row = snapshot("ETHUSDT", T0 - round(age_min * 60_000), long_qty=200.0 + 20 * number)
            await store.put_snapshot(row, sweep_ms=1)
    finally:
        await store.close()


async def test_what_changed_beside_the_followed_traders_is_told_from_the_other_two_tables(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    store = SnapshotsDb(path, clock=ManualClock(T0))
    await store.open()
    for minutes, coins, long in ((50, 1_000.0, 0.6215), (1, 1_035.0, 0.5954)):
        at_ms = T0 - minutes * 60_000
        await store.put_open_interest("ETHUSDT", replace(velocity(at_ms), coins=coins), sweep_ms=1, now_ms=T0)
        await store.put_top_traders(top_traders(at_ms=at_ms, long=long), sweep_ms=1)
    await store.close()
    found = await desk_on(Exchange(), path).statistics_change("ETHUSDT", minutes=60)
    assert found.open_interest is not None
    assert found.top_traders is not None
    assert (found.open_interest.coins.change_pct, found.top_traders.positions.change_pct) == (3.5, -2.61)
    for minutes, symbol in ((10, "ETHUSDT"), (60, "SOLUSDT")):
        assert not await desk_on(Exchange(), path).statistics_change(symbol, minutes=minutes)
    assert not await desk_on(Exchange(), tmp_path / "none.db").statistics_change("ETHUSDT", minutes=60)


async def test_everything_known_is_in_one_picture(tmp_path: Path) -> None:
    facts = await desk_on(Exchange(), tmp_path / "none.db").who("ETHUSDT")
    assert facts.picture.overview == OVERVIEW
    assert facts.picture.funding is not None
    assert facts.picture.funding.interval_h == 4.0
    assert (facts.day_change_pct, facts.day_quote_usdt) == (1.5, 2e9)
    assert facts.missing == ()


async def test_who_asks_for_one_part_costs_no_request_for_the_others(tmp_path: Path) -> None:
    exchange = Exchange()
    exchange.seen = ExchangeBlocked("banned", until_ms=T0 + 1_000)
    scope = PositionScope(parts=frozenset({"funding"}), notional_usd=1_000_000)
    facts = await desk_on(exchange, tmp_path / "none.db").who("ETHUSDT", scope)
    assert facts.missing == ()
    assert facts.picture.overview is None
    assert facts.picture.funding is not None
    assert facts.picture.funding.per_settlement_usd == 100.0


async def test_each_part_is_missing_for_its_own_reason(tmp_path: Path) -> None:
    exchange = Exchange()
    exchange.seen, exchange.bars = ExchangeBlocked("banned", until_ms=T0 + 1_000), []
    facts = await desk_on(exchange, tmp_path / "none.db").who("SOLUSDT")
    assert set(facts.missing) == {
        MissingPart(part="smartMoney", cause="blocked", until_ms=T0 + 1_000),
        MissingPart(part="openInterest", cause="no data"),
    }
    assert facts.picture.overview is None
    assert facts.day_change_pct is None


async def test_a_refused_overview_is_taken_from_what_was_tracked_with_its_own_time(tmp_path: Path) -> None:
    await track(tmp_path / "s.db", 50, 20)
    exchange = Exchange()
    exchange.seen = ExchangeUnreachable("HTTP 503")
    facts = await desk_on(exchange, tmp_path / "s.db").who("ETHUSDT")
    assert facts.picture.overview is not None
    assert facts.picture.overview.captured_ms == T0 - 20 * 60_000
    assert facts.missing == (MissingPart(part="smartMoney", cause="unreachable"),)


async def test_a_symbol_without_followed_traders_is_not_given_old_ones(tmp_path: Path) -> None:
    await track(tmp_path / "s.db", 20)
    exchange = Exchange()
    exchange.seen = None
    facts = await desk_on(exchange, tmp_path / "s.db").who("ETHUSDT")
    assert facts.picture.overview is None
    assert facts.missing == (MissingPart(part="smartMoney", cause="no data"),)


async def test_whoever_asks_in_a_chat_does_not_wait_for_a_slow_website(tmp_path: Path) -> None:
    exchange, clock = Exchange(), MovableClock(T0)
    exchange.clock = clock
    asked = asyncio.create_task(desk_on(exchange, tmp_path / "none.db", clock=clock).who("ETHUSDT"))
    await clock.advance(6.5)
    facts = await asked
    assert facts.missing == (MissingPart(part="smartMoney", cause="unreachable"),)
    assert facts.picture.top_traders is not None


async def test_the_gap_is_of_the_period_asked_for(tmp_path: Path) -> None:
    exchange = Exchange()
    facts = await desk_on(exchange, tmp_path / "none.db").divergence("ETHUSDT", period="4h")
    assert facts.found is not None
    assert (facts.found.long_pct_gap, facts.found.signal) == (-10.21, "crowd_over_long")
    assert exchange.buckets == [("ETHUSDT", "4h", 3)]


async def test_tracked_rows_that_cannot_be_read_leave_the_reason_of_the_exchange_and_are_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    exchange, damaged = Exchange(), tmp_path / "s.db"
    damaged.write_bytes(b"no database " * 500)
    exchange.seen = ExchangeBlocked("banned", until_ms=T0 + 1_000)
    desk = desk_on(exchange, damaged)
    for _ in range(2):
        facts = await desk.who("ETHUSDT")
        assert facts.picture.overview is None
        assert [part.part for part in facts.missing] == ["smartMoney"]
    (said,) = [message for message in caplog.messages if "tracked" in message]
    assert said.startswith("what was tracked cannot be read: ")


async def test_change_trend_and_scan_are_read_from_the_tracked_rows(tmp_path: Path) -> None:
    await track(tmp_path / "s.db", 50, 20)
    desk = desk_on(Exchange(), tmp_path / "s.db")
    found = await desk.change("ETHUSDT", minutes=60)
    assert isinstance(found, PositionChange)
    assert found.long.qty.change_pct == 10.0
    assert isinstance(await desk.change("ETHUSDT", minutes=30), NotEnoughSnapshots)
    scan = await desk.scan(limit=10)
    assert [entry.symbol for entry in scan.most_long] == ["ETHUSDT"]


async def test_before_anything_was_tracked_there_is_nothing_and_no_error(tmp_path: Path) -> None:
    desk = desk_on(Exchange(), tmp_path / "none.db")
    assert await desk.change("ETHUSDT", minutes=60) == NotEnoughSnapshots(symbol="ETHUSDT", minutes=60, rows=0)
    assert await desk.trend("ETHUSDT", minutes=60) == NotEnoughSnapshots(symbol="ETHUSDT", minutes=60, rows=0)
    assert (await desk.scan(limit=10)).scanned == 0
