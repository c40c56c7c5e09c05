"""Sums over many wallets and levels of liquidation, on pools made up here."""

from __future__ import annotations

import math

import pytest

from altmonitor.positioning.wallet_pool import (
    PoolSnapshot,
    coin_totals,
    coins_held,
    liquidation_map,
)
from altmonitor.positioning.wallets import Role, Wallet, WalletPosition, WalletState


def address(number: int) -> str:
    return f"0x{number:040x}"


def holder(
    number: int, size: float, *, price: float = 100.0, entry: float = 80.0, coin: str = "BTC", liq: float | None = None
) -> WalletState:
    position = WalletPosition(
        coin=coin,
        symbol=f"{coin}USDT",
        size=size,
        notional_usd=abs(size) * price,
        entry=entry,
        leverage=10.0,
        liquidation_price=liq,
        as_of_ms=1_000,
    )
    return WalletState(address=address(number), as_of_ms=1_000, positions=(position,))


def test_60_2_percent_of_the_usd_are_a_ratio_of_1_5126() -> None:
    totals = coin_totals([holder(1, 6.02), holder(2, -3.98)], "BTC")
    assert totals.weighted_long_share == pytest.approx(0.602)
    assert totals.weighted_ratio is not None
    assert round(totals.weighted_ratio, 4) == 1.5126
    assert (totals.long_usd, totals.short_usd) == (pytest.approx(602.0), pytest.approx(398.0))


def test_three_long_of_four_are_75_percent_by_heads_whatever_they_hold() -> None:
    totals = coin_totals([holder(1, 1.0), holder(2, 1.0), holder(3, 1.0), holder(4, -97.0)], "BTC")
    assert (totals.long_share, totals.ratio) == (0.75, 3.0)
    assert totals.weighted_long_share == pytest.approx(0.03)
    assert (totals.wallets, totals.long_wallets, totals.short_wallets) == (4, 3, 1)


def test_what_nobody_holds_has_no_share_and_no_ratio() -> None:
    empty = coin_totals([holder(1, 1.0, coin="ETH")], "BTC")
    assert (empty.wallets, empty.long_share, empty.ratio, empty.weighted_ratio) == (0, None, None, None)
    assert (empty.long_avg_entry, empty.long_upnl_usd, empty.oldest_ms) == (None, None, None)
    longs = coin_totals([holder(1, 1.0)], "BTC")
    assert (longs.long_share, longs.ratio, longs.weighted_ratio, longs.short_avg_entry) == (1.0, None, None, None)


def test_k18_the_entry_basis_is_flat_while_only_the_price_moves() -> None:
    before, after = (
        coin_totals([holder(1, 2.0, price=price), holder(2, -1.0, price=price)], "BTC") for price in (100, 150)
    )
    assert (
        (before.long_entry_usd, before.short_entry_usd)
        == (after.long_entry_usd, after.short_entry_usd)
        == (160.0, 80.0)
    )
    assert (before.long_usd, after.long_usd) == (200.0, 300.0)


def test_coins_are_listed_by_what_is_held_of_them() -> None:
    assert list(coins_held([holder(1, 1.0), holder(2, 5.0, coin="ETH"), holder(3, -1.0)])) == ["ETH", "BTC"]


def test_liquidation_levels_lie_on_their_side_nearest_first_and_say_that_they_are_observed() -> None:
    states = [
        holder(1, 1.0, liq=95.0),
        holder(2, 3.0, liq=95.2),
        holder(3, 2.0, liq=70.0),
        holder(4, -5.0, liq=110.0),
        holder(5, -1.0, liq=99.0),  # a short below the price: about to be closed
        holder(6, 4.0),
    ]
    found = liquidation_map(states, "BTC", price=100.0)
    assert [(round(level.price, 2), level.size_usd, level.wallets) for level in found.long_levels] == [
        (95.2, 300.0, 1),
        (95.0, 100.0, 1),
        (70.0, 200.0, 1),
    ]
    assert [(level.price, level.size_usd) for level in found.short_levels] == [(110.0, 500.0)]
    assert found.long_levels[0].distance_pct == pytest.approx(-4.8)
    assert found.short_levels[0].distance_pct == pytest.approx(10.0)
    assert found.without_price_usd == 400.0
    assert {level.method for level in (*found.long_levels, *found.short_levels)} == {"observed"}
    wide = liquidation_map(states, "BTC", price=100.0, step_pct=10)
    assert [(level.wallets, level.size_usd, round(level.price, 2)) for level in wide.long_levels] == [
        (2, 400.0, 95.15),
        (1, 200.0, 70.0),
    ]
    assert wide.long_levels[0].avg_leverage == 10.0


def test_a_map_without_positions_is_empty_and_a_price_that_is_none_is_refused() -> None:
    empty = liquidation_map([], "BTC", price=100.0)
    assert (empty.long_levels, empty.short_levels) == ((), ())
    for price in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="must be above 0"):
            liquidation_map([], "BTC", price=price)


def test_a_snapshot_tells_its_coverage_its_ages_and_who_is_marked() -> None:
    roles: tuple[Role, ...] = ("market_maker", "trader", "market_maker", "vault")
    wallets = {address(at): Wallet(address=address(at), account_usd=1e6, role=role) for at, role in enumerate(roles, 1)}
    states = {address(number): holder(number, 1.0) for number in (1, 2)}
    pool = PoolSnapshot(now_ms=61_000, wallets=wallets, states=states)
    assert (pool.coverage, pool.oldest_age_s) == (0.5, 60.0)
    assert (pool.marked("market_maker"), pool.marked("vault")) == (2, 1)
    assert [state.address for state in pool.of_roles()] == [address(2)]
    assert [state.address for state in pool.of_roles(("market_maker",))] == [address(1)]
    assert (PoolSnapshot(now_ms=0).coverage, PoolSnapshot(now_ms=0).oldest_age_s) == (None, None)
