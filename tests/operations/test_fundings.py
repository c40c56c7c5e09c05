"""Funding over all venues: rates per 8 hours with their source and age, and the spread between the venues."""

from __future__ import annotations

import pytest

from altmonitor.operations.errors import NoMonitor, UnknownContract
from altmonitor.operations.fundings import CompareFundingsArguments, compare_fundings
from altmonitor.operations.known_fundings import live_fundings
from tests.operations.operations_kit import NOW_MS, Bench


async def test_one_coin_is_told_at_every_venue_with_source_and_age() -> None:
    found = await compare_fundings(Bench().context(), CompareFundingsArguments(symbol="sol"))
    (sol,) = found.coins
    assert sol.coin == "SOL"
    assert [(row.venue, row.symbol, row.rate_8h_pct, row.interval_h, row.age_s) for row in sol.venues] == [
        ("binance", "SOLUSDT", 0.01, 8.0, 12.0),
        ("bybit", "SOLUSDT", -0.02, 8.0, 30.0),
        ("hyperliquid", "SOLUSDT", 0.05, 1.0, 12.0),
    ]
    assert [row.source for row in sol.venues] == [
        "Binance: its own funding table",
        "Hyperliquid predictedFundings",
        "Hyperliquid: its own funding table",
    ]
    assert (sol.lowest_venue, sol.highest_venue, sol.spread_8h_pct, sol.spread_apr_pct) == (
        "bybit",
        "hyperliquid",
        0.07,
        76.65,
    )


async def test_all_coins_come_with_the_widest_spread_first_and_one_venue_alone_has_none() -> None:
    found = await compare_fundings(Bench().context(), CompareFundingsArguments())
    assert found.known == 3
    assert [(row.coin, row.spread_8h_pct) for row in found.coins] == [("SOL", 0.07), ("BTC", 0.01), ("DOGE", None)]
    cut = await compare_fundings(Bench().context(), CompareFundingsArguments(limit=1))
    assert [row.coin for row in cut.coins] == ["SOL"]


async def test_a_contract_of_which_no_venue_tells_a_rate_is_not_found() -> None:
    with pytest.raises(UnknownContract, match="no funding rate of 'NOSUCHUSDT' is known at any venue"):
        await compare_fundings(Bench().context(), CompareFundingsArguments(symbol="nosuch"))


async def test_an_average_over_venues_is_weighted_by_open_interest_and_says_of_which() -> None:
    (sol,) = (await compare_fundings(Bench().context(), CompareFundingsArguments(symbol="sol"))).coins
    assert [row.open_interest_usd for row in sol.venues] == [113_850, None, None]  # only Binance is watched here
    assert (sol.average_8h_pct, sol.average_of) == (0.01, ("binance",))
    found = await compare_fundings(Bench().context(), CompareFundingsArguments())
    assert {row.coin: row.average_8h_pct for row in found.coins} == {"SOL": 0.01, "BTC": None, "DOGE": None}


async def test_without_a_monitor_in_this_process_what_one_beside_it_keeps_is_told_with_its_age() -> None:
    bench = Bench()
    alone = bench.context(is_running=False)
    with pytest.raises(NoMonitor, match="none beside it has stored fundings within ten minutes"):
        await compare_fundings(alone, CompareFundingsArguments())
    live = bench.context()
    assert live.monitor is not None
    rows = await live_fundings(live.monitor, NOW_MS)
    await bench.scores.fundings.replace([row for coin in rows.values() for row in coin])
    bench.clock.ms += 60_000
    (sol,) = (await compare_fundings(alone, CompareFundingsArguments(symbol="sol"))).coins
    assert [(row.venue, row.rate_8h_pct, row.age_s) for row in sol.venues] == [
        ("binance", 0.01, 72.0),
        ("bybit", -0.02, 90.0),
        ("hyperliquid", 0.05, 72.0),
    ]
    assert (sol.spread_8h_pct, sol.average_8h_pct) == (0.07, 0.01)
    assert (await compare_fundings(alone, CompareFundingsArguments())).known == 3
    with pytest.raises(UnknownContract, match="no funding rate of 'NOSUCHUSDT'"):
        await compare_fundings(alone, CompareFundingsArguments(symbol="nosuch"))
    bench.clock.ms += 600_000
    with pytest.raises(NoMonitor):
        await compare_fundings(alone, CompareFundingsArguments())
