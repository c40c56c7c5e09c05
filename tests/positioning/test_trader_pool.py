"""Pools of traders: gates, their order, and the sums of what a pool holds."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from altmonitor.positioning.trader_pool import (
    CoinBefore,
    CoinPast,
    PoolFilter,
    PoolPosition,
    PoolTrader,
    chosen_coins,
    coin_signal,
    coin_sums,
    in_order,
    qualified,
)


def trader(number: int, **known: object) -> PoolTrader:
    values = {"pnl": Decimal(number), "pnl_ratio": Decimal(-number), "asset": Decimal(1000 - number)}
    return PoolTrader(author_id=f"T{number:03}", **(values | known))  # type: ignore[arg-type]


HUNDRED = [
    trader(number, win_rate=Decimal(number) / 100, max_drawdown=Decimal(number) / 100) for number in range(1, 101)
]


def ids(traders: list[PoolTrader]) -> list[int]:
    return [int(one.author_id[1:]) for one in traders]


def test_k12_percentile_gates_keep_their_share_of_a_hundred() -> None:
    for tier, kept in (("PNL_ANY", 100), ("PNL_TOP50", 50), ("PNL_TOP20", 20), ("PNL_TOP5", 5)):
        found = qualified(HUNDRED, PoolFilter(pnl_tier=tier))  # type: ignore[arg-type]
        assert ids(found) == list(range(100, 100 - kept, -1)), tier
    assert ids(qualified(HUNDRED, PoolFilter(aum_tier="AUM_TOP20", sort_by="pnlRatio"))) == list(range(1, 21))


def test_bounds_include_their_bound() -> None:
    assert ids(qualified(HUNDRED, PoolFilter(win_rate_tier="WR_GE_80"))) == list(range(100, 79, -1))
    assert ids(qualified(HUNDRED, PoolFilter(max_drawdown_tier="MR_LE_20"))) == list(range(20, 0, -1))


def test_k13_all_gates_come_first_and_the_best_so_many_of_what_is_left() -> None:
    """TOP20 are 81…100; of those with a drawdown of at most 50 % none, whatever `most` says."""
    assert qualified(HUNDRED, PoolFilter(pnl_tier="PNL_TOP20", max_drawdown_tier="MR_LE_50")) == []
    both = PoolFilter(pnl_tier="PNL_TOP50", max_drawdown_tier="MR_LE_50", win_rate_tier="WR_GE_50", most=3)
    assert qualified(HUNDRED, both) == []
    assert ids(qualified(HUNDRED, PoolFilter(win_rate_tier="WR_GE_50", max_drawdown_tier="MR_LE_50"))) == [50]
    assert ids(qualified(HUNDRED, PoolFilter(pnl_tier="PNL_TOP50", most=3))) == [100, 99, 98]


@given(
    pnls=st.lists(st.integers(-1000, 1000), max_size=60),
    most=st.integers(1, 70),
    tier=st.sampled_from(["PNL_ANY", "PNL_TOP50", "PNL_TOP20", "PNL_TOP5"]),
)
def test_a_cut_never_comes_before_a_gate(pnls: list[int], most: int, tier: str) -> None:
    pool = [trader(at, pnl=Decimal(pnl)) for at, pnl in enumerate(pnls)]
    whole = qualified(pool, PoolFilter(pnl_tier=tier, most=2_000))  # type: ignore[arg-type]
    assert qualified(pool, PoolFilter(pnl_tier=tier, most=most)) == whole[:most]  # type: ignore[arg-type]
    assert whole == in_order(whole, "pnl")


def test_what_is_not_known_passes_no_gate_and_counts_in_no_percentile() -> None:
    pool = [trader(1), trader(2), trader(3, pnl=None), trader(4, pnl=None)]
    assert ids(qualified(pool, PoolFilter(pnl_tier="PNL_TOP50"))) == [2]
    assert ids(qualified(pool, PoolFilter())) == [2, 1, 3, 4]
    assert qualified(pool, PoolFilter(win_rate_tier="WR_GE_50")) == []
    assert qualified([], PoolFilter(pnl_tier="PNL_TOP5")) == []


def position(who: str, *, is_long: bool, usd: int, price: int = 100, base: str = "BTC") -> PoolPosition:
    return PoolPosition(
        author_id=who, base=base, is_long=is_long, entry_notional=Decimal(usd), entry_price=Decimal(price)
    )


POOL = {one.author_id: one for one in HUNDRED[:4]}
HELD = [
    position("T001", is_long=True, usd=300, price=100),
    position("T001", is_long=False, usd=100, price=120),
    position("T002", is_long=True, usd=100, price=140),
    position("T003", is_long=True, usd=50, base="ETH"),
]


def test_k21_a_trader_on_both_sides_is_one_head_that_stands_on_each_side() -> None:
    found = coin_signal(coin_sums(HELD)["BTC"], traders=POOL, data_version="2026113007")
    assert (found.traders_with_position, found.long_traders, found.short_traders) == (2, 2, 1)
    assert found.traders_qualified == 4
    assert (found.long_short_ratio.long_ratio, found.long_short_ratio.short_ratio) == ("1", "0.5")


def test_notional_is_weighted_by_entry_and_split_by_side() -> None:
    found = coin_signal(coin_sums(HELD)["BTC"], traders=POOL, data_version="2026113007")
    assert found.notional.long_notional_usdt == "400"
    assert found.notional.short_notional_usdt == "100"
    assert found.notional.net_notional_usdt == "300"
    assert found.notional.total_notional_usdt == "500"
    assert found.notional.smart_money_long_avg_entry == "110"
    assert found.notional.smart_money_short_avg_entry == "120"
    assert found.long_short_ratio.weighted_long_ratio == "0.8"
    assert found.win_rate.avg_long_win_rate == "0.015"
    assert found.win_rate.avg_short_win_rate == "0.01"


def test_k19_what_needs_history_is_null_until_there_is_some() -> None:
    now = coin_signal(coin_sums(HELD)["BTC"], traders=POOL, data_version="2026113007")
    ratios = now.long_short_ratio
    assert (now.notional.total_notional_vs_24h, ratios.long_ratio_vs_1h, ratios.long_ratio_vs_7d) == (None, None, None)
    day = CoinBefore(total_notional=Decimal(400), long_ratio=Decimal("0.75"))
    nothing = CoinBefore(total_notional=Decimal(0), long_ratio=None)
    past = CoinPast(day=day, week=nothing)
    then = coin_signal(coin_sums(HELD)["BTC"], traders=POOL, data_version="2026113007", past=past)
    assert then.notional.total_notional_vs_24h == "0.25"
    assert then.long_short_ratio.long_ratio_vs_24h == "0.25"
    assert (then.long_short_ratio.long_ratio_vs_1h, then.long_short_ratio.long_ratio_vs_7d) == (None, None)


def test_the_coins_are_those_named_or_those_most_traders_hold() -> None:
    sums = coin_sums(HELD)
    assert [one.base for one in chosen_coins(sums, bases=(), top=20)] == ["BTC", "ETH"]
    assert [one.base for one in chosen_coins(sums, bases=(), top=1)] == ["BTC"]
    nobody = chosen_coins(sums, bases=("XRP", "ETH"), top=20)[0]
    told = coin_signal(nobody, traders=POOL, data_version="2026113007")
    assert (told.ccy, told.traders_with_position, told.long_short_ratio.long_ratio) == ("XRP", 0, None)
    assert told.notional.smart_money_long_avg_entry is None
