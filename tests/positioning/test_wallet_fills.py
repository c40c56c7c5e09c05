"""Closed trades out of fills, and figures out of an account's curve."""

from __future__ import annotations

import pytest

from altmonitor.positioning.wallet_fills import ClosedTrade, Fill, closed_trades, max_drawdown, win_rate


def fill(
    number: int,
    *,
    is_buy: bool,
    size: float,
    start: float,
    price: float = 100.0,
    pnl: float = 0.0,
    liquidated: bool = False,
) -> Fill:
    return Fill(
        coin="BTC",
        symbol="BTCUSDT",
        time_ms=number * 1_000,
        is_buy=is_buy,
        price=price,
        size=size,
        start_size=start,
        pnl_usd=pnl,
        fee_usd=1.0,
        is_taker=True,
        order_id=f"o{number}",
        id=str(number),
        liquidated="0x" + "a1" * 20 if liquidated else "",
    )


def test_k5_fills_from_flat_to_flat_are_one_trade_with_its_fees() -> None:
    fills = [
        fill(1, is_buy=True, size=2, start=0, price=100),
        fill(2, is_buy=True, size=1, start=2, price=130),
        fill(3, is_buy=False, size=1, start=3, price=140, pnl=30),
        fill(4, is_buy=False, size=2, start=2, price=125, pnl=30),
    ]
    (trade,) = closed_trades(fills[::-1])
    assert (trade.open_avg, trade.close_avg) == (110.0, 130.0)
    assert (trade.size, trade.closed_size, trade.pnl_usd, trade.fee_usd) == (3, 3, 60.0, 4.0)
    assert (trade.opened_ms, trade.closed_ms, trade.is_long, trade.close_type) == (1_000, 4_000, True, "allClose")
    assert trade.pnl_ratio == pytest.approx(56 / 330)


def test_a_flip_ends_one_trade_and_begins_another_and_the_fee_is_shared() -> None:
    fills = [
        fill(1, is_buy=True, size=1, start=0),
        fill(2, is_buy=False, size=4, start=1, price=110, pnl=10),
        fill(3, is_buy=True, size=3, start=-3, price=120, pnl=-30, liquidated=True),
    ]
    short, long = closed_trades(fills[::-1])
    assert (long.is_long, long.pnl_usd, long.fee_usd) == (True, 10.0, 1.25)
    assert (short.is_long, short.open_avg, short.close_avg, short.size, short.fee_usd) == (False, 110.0, 120.0, 3, 1.75)
    assert short.close_type == "liquidateClose"


def test_what_began_before_the_oldest_fill_and_what_has_a_hole_is_left_out() -> None:
    assert closed_trades([fill(1, is_buy=False, size=2, start=2, pnl=10)]) == []
    holed = [
        fill(1, is_buy=True, size=1, start=0),
        fill(3, is_buy=False, size=5, start=5, pnl=50),
        fill(4, is_buy=True, size=2, start=0),
        fill(5, is_buy=False, size=2, start=2, pnl=4),
    ]
    assert [trade.pnl_usd for trade in closed_trades(holed[::-1])] == [4.0]


def test_a_win_rate_needs_ten_trades_and_counts_fees() -> None:
    def trade(pnl: float) -> ClosedTrade:
        fills = [fill(1, is_buy=True, size=1, start=0), fill(2, is_buy=False, size=1, start=1, pnl=pnl)]
        return closed_trades(fills[::-1])[0]

    assert win_rate([trade(50)] * 9) is None
    assert win_rate([trade(50)] * 6 + [trade(-10)] * 3 + [trade(1.5)]) == 0.6


def test_a_drawdown_is_measured_from_the_highest_profit() -> None:
    assert max_drawdown([(0, 0.0), (1, 500.0), (2, 200.0), (3, 600.0)], 1_000.0) == pytest.approx(0.2)
    assert max_drawdown([(0, 0.0), (1, -2_000.0)], 1_000.0) == 1.0
    assert max_drawdown([(0, 0.0)], 1_000.0) is None
    assert max_drawdown([(0, 0.0), (1, 1.0)], 0.0) is None
