"""Liquidations of one side within a minute: the bound, the side, doublings, and what is kept in the sum."""

from __future__ import annotations

from dataclasses import replace

import pytest

from altmonitor.core.types import Venue
from altmonitor.market.liquidations import Liquidation, LiquidationSums
from altmonitor.market.quotes import Funding
from altmonitor.settings.settings import Settings
from tests.fakes import T0, Market

BOUND = replace(Settings(), liquidations_usd=100_000.0)


def liquidated(market: Market, *, at_s: float, usd: float, is_long: bool = True, symbol: str = "SOLUSDT") -> None:
    market.engine.on_liquidations(
        [Liquidation(symbol=symbol, is_long=is_long, price=100.0, usd=usd, event_ms=T0 + round(at_s * 1000))]
    )


def told(market: Market) -> list[tuple[str, str, float | None]]:
    return [(alert.kind, alert.direction, alert.metric) for alert in market.sink.alerts]


def test_they_are_off_unless_somebody_sets_a_bound() -> None:
    market = Market()
    assert not market.engine.wants_liquidations
    liquidated(market, at_s=1, usd=9e9)
    assert market.sink.alerts == []
    assert Market(settings=BOUND).engine.wants_liquidations


@pytest.mark.parametrize(("is_long", "direction", "sign"), [(True, "DOWN", -1.0), (False, "UP", 1.0)])
def test_a_minutes_sum_that_reaches_the_bound_is_told_once_with_its_side(
    is_long: bool, direction: str, sign: float
) -> None:
    market = Market(settings=BOUND)
    for second in (1, 20, 40, 41):
        liquidated(market, at_s=second, usd=33_400.0, is_long=is_long)
    assert told(market) == [("liq", direction, sign * 100_200.0)]
    (alert,) = market.sink.alerts
    assert (alert.note, alert.details.threshold, alert.event_ms) == ("1m", 100_000.0, T0 + 40_000)


def test_what_is_older_than_a_minute_is_no_part_of_the_sum() -> None:
    market = Market(settings=BOUND)
    liquidated(market, at_s=1, usd=99_000.0)
    liquidated(market, at_s=61, usd=99_000.0)
    assert told(market) == []


def test_the_two_sides_are_not_summed_and_the_larger_one_is_told() -> None:
    market = Market(settings=BOUND)
    liquidated(market, at_s=1, usd=90_000.0)
    liquidated(market, at_s=2, usd=60_000.0, is_long=False)
    assert told(market) == []
    liquidated(market, at_s=3, usd=20_000.0)
    assert told(market) == [("liq", "DOWN", -110_000.0)]


def test_a_cascade_is_told_again_whenever_it_has_doubled_within_the_cooldown_too() -> None:
    market = Market(settings=BOUND)
    for second, usd in ((1, 100_000.0), (5, 50_000.0), (9, 60_000.0), (12, 100_000.0), (15, 130_000.0)):
        liquidated(market, at_s=second, usd=usd)
    assert told(market) == [("liq", "DOWN", -100_000.0), ("liq", "DOWN", -210_000.0), ("liq", "DOWN", -440_000.0)]


def test_of_a_contract_that_is_not_watched_nothing_is_kept() -> None:
    market = Market(settings=BOUND)
    liquidated(market, at_s=1, usd=9e9, symbol="NOSUCHUSDT")
    assert market.sink.alerts == []
    assert market.engine.liquidations.larger_side("NOSUCHUSDT") is None


def test_a_bound_of_one_contract_alone_is_asked_for_too() -> None:
    settings = Settings(of_symbol={"SOLUSDT": BOUND})
    market = Market("SOLUSDT", "ADAUSDT", settings=settings)
    assert market.engine.wants_liquidations
    for symbol in ("SOLUSDT", "ADAUSDT"):
        liquidated(market, at_s=1, usd=150_000.0, symbol=symbol)
    assert [alert.symbol for alert in market.sink.alerts] == ["SOLUSDT"]


def test_sums_do_not_grow_without_end() -> None:
    sums = LiquidationSums()
    for number in range(30_000):
        sums.add(Liquidation(symbol="S", is_long=True, price=1.0, usd=1.0, event_ms=T0 + number % 1_000))
    assert sums.larger_side("S") == (-10_000.0, T0 + 999)


@pytest.mark.parametrize("venue", ["binance", "hyperliquid"])
def test_the_distance_of_mark_and_index_is_told_when_it_crosses_its_bound(venue: Venue) -> None:
    market = Market(settings=replace(Settings(), basis_extreme_pct=1.0), venue=venue)
    for mark in (100.5, 101.2, 101.4, 100.3, 98.9):
        market.context.fundings["SOLUSDT"] = Funding(
            symbol="SOLUSDT", rate=0.0, mark_price=mark, next_ms=0, index_price=100.0
        )
        market.engine.on_fundings()
        market.clock.ms += 400_000
    assert [(alert.kind, alert.direction, round(alert.metric or 0.0, 6)) for alert in market.sink.alerts] == [
        ("basis", "UP", 1.2),
        ("basis", "DOWN", -1.1),
    ]
    market.context.fundings["SOLUSDT"] = Funding(symbol="SOLUSDT", rate=0.0, mark_price=200.0, next_ms=0)
    market.engine.on_fundings()
    assert len(market.sink.alerts) == 2
