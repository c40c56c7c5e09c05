"""Funding of one coin at every venue, per 8 hours."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import pytest

from altmonitor.collect.funding_board import FundingBoard
from altmonitor.collect.tickers import MarketSnapshots
from altmonitor.core.errors import ExchangeUnreachable
from altmonitor.core.types import Fraction, Venue
from altmonitor.positioning.funding import VenueFunding
from tests.collect.fake_rest import FakeRest
from tests.collect.standing_tables import StandingTables
from tests.movable_clock import MovableClock


def predicted(venue: Venue, rate: float, symbol: str = "1000PEPEUSDT") -> VenueFunding:
    return VenueFunding(
        venue=venue,
        symbol=symbol,
        rate_8h=Fraction(rate),
        interval_h=8.0,
        next_ms=None,
        as_of_ms=1,
        source="predicted",
    )


def board(**tables: StandingTables) -> FundingBoard:
    return FundingBoard(tables, clock=MovableClock())  # type: ignore[arg-type]  # the same questions are answered


def told(found: tuple[VenueFunding, ...]) -> dict[str, tuple[str, float, str]]:
    return {row.venue: (row.symbol, round(row.rate_8h * 100, 6), row.source) for row in found}


def test_rates_of_every_interval_are_compared_per_eight_hours_and_by_coin() -> None:
    found = board(
        hyperliquid=StandingTables({"1000PEPEUSDT": 0.0000125}, hours=1.0),
        okx=StandingTables({"PEPEUSDT": 0.0002}, hours=4.0),
        binance=StandingTables({"1000PEPEUSDT": 0.0001, "SOLUSDT": 0.0003}),
    ).of("1000PEPEUSDT")
    assert told(found) == {
        "binance": ("1000PEPEUSDT", 0.01, "own"),
        "okx": ("PEPEUSDT", 0.04, "own"),
        "hyperliquid": ("1000PEPEUSDT", 0.01, "own"),
    }
    assert [row.venue for row in found] == ["binance", "okx", "hyperliquid"]
    assert found[0].age_s(MovableClock().now_ms()) == pytest.approx(12.0)


def test_what_a_venue_tells_itself_goes_before_what_hyperliquid_predicts_of_it() -> None:
    predictions = {"1000PEPEUSDT": [predicted("binance", 0.0009), predicted("bybit", -0.0002)]}
    found = board(
        binance=StandingTables({"1000PEPEUSDT": 0.0001}), hyperliquid=StandingTables({}, predicted=predictions)
    )
    assert told(found.of("PEPEUSDT")) == {
        "binance": ("1000PEPEUSDT", 0.01, "own"),
        "bybit": ("1000PEPEUSDT", -0.02, "predicted"),
    }


def test_every_coin_that_any_venue_has_a_rate_of_is_listed_once() -> None:
    predictions = {"1000PEPEUSDT": [predicted("bybit", -0.0002)]}
    found = board(
        binance=StandingTables({"SOLUSDT": 0.0001}),
        okx=StandingTables({"PEPEUSDT": 0.0002, "SOLUSDT": 0.0002}),
        hyperliquid=StandingTables({"xyz:TSLA": 0.0001}, predicted=predictions),
    )
    assert found.coins() == ["PEPE", "SOL", "TSLA"]
    assert told(found.of_coin("PEPE")).keys() == {"okx", "bybit"}
    assert told(found.of_coin("TSLA")).keys() == {"hyperliquid"}
    assert found.of_coin("NOSUCH") == ()


def test_the_contract_asked_for_goes_before_another_one_of_its_coin() -> None:
    found = board(bybit=StandingTables({"10000PEPEUSDT": 0.0001, "1000PEPEUSDT": 0.0002}))
    assert told(found.of("1000PEPEUSDT"))["bybit"] == ("1000PEPEUSDT", 0.02, "own")
    assert told(found.of("PEPEUSDT"))["bybit"] == ("10000PEPEUSDT", 0.01, "own")


def test_the_coins_of_a_table_are_found_once_however_many_are_asked_and_however_many_venues_tell_nothing() -> None:
    class Counted(dict[str, Any]):
        walks = 0

        def __iter__(self) -> Iterator[str]:
            self.walks += 1
            return super().__iter__()

    class Untold(StandingTables):
        """Makes an empty table anew whenever it is asked, as one does that is too old."""

        def predicted_fundings(self) -> Mapping[str, Sequence[VenueFunding]]:
            return {}

    tables: dict[str, StandingTables] = {
        venue: Untold({f"{number}USDT": 0.0001 for number in range(20)}) for venue in ("binance", "bybit", "okx")
    }
    for table in tables.values():
        table.rows = Counted(table.rows)
    found = board(**tables)
    for coin in found.coins():
        assert found.of_coin(f"1000{coin}") == ()
        assert len(found.of_coin(coin)) == 3
    assert [table.rows.walks for table in tables.values()] == [1, 1, 1]


async def test_predictions_are_read_each_minute_and_forgotten_after_five() -> None:
    clock = MovableClock()
    asked: list[float] = []
    is_down = False

    async def read() -> dict[str, tuple[VenueFunding, ...]]:
        asked.append(clock.monotonic())
        if is_down:
            raise ExchangeUnreachable("no")
        return {"1000PEPEUSDT": (predicted("bybit", 0.0001),)}

    snapshots = MarketSnapshots(FakeRest(clock), clock=clock, usual_funding_hours=1.0, predicted_fundings=read)
    found = FundingBoard({"hyperliquid": snapshots}, clock=clock)
    running = asyncio.create_task(snapshots.run())
    await clock.advance(1.0)
    assert told(found.of("PEPEUSDT")) == {"bybit": ("1000PEPEUSDT", 0.01, "predicted")}
    await clock.advance(120.0)
    assert len(asked) == 3
    is_down = True
    await clock.advance(400.0)
    assert found.of("PEPEUSDT") == ()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
