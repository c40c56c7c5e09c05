"""Funding over all venues: rates per 8 hours with their source and age, and the spread between the venues."""

from __future__ import annotations

import pytest

from altmonitor.operations.errors import UnknownContract
from altmonitor.operations.fundings import CompareFundingsArguments, compare_fundings
from tests.operations.operations_kit import Bench


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
