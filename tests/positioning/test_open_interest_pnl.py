"""Profit and loss against a price that is real, or none."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from altmonitor.positioning.open_interest import (
    gain_pct,
    mark_or_nearest,
    pnl_usd,
    price_vs_entry_pct,
    traders_pnl_usd,
    whales_pnl_usd,
)
from tests.positioning.samples import LONG, OVERVIEW, SHORT, with_sides


def test_a_mark_above_the_entry_is_a_gain_for_longs_and_a_loss_for_shorts() -> None:
    assert whales_pnl_usd(LONG, 10.0, is_long=True) == pytest.approx(180 * 0.6)
    assert whales_pnl_usd(replace(SHORT, whales_avg_entry=9.4), 10.0, is_long=False) == pytest.approx(-140 * 0.6)
    assert whales_pnl_usd(LONG, 9.4, is_long=True) == 0
    assert traders_pnl_usd(LONG, 10.0, is_long=True) == pytest.approx(100.0)
    assert traders_pnl_usd(SHORT, 10.0, is_long=False) == pytest.approx(75.0)


@pytest.mark.parametrize("bad", [None, math.nan, 0.0, -1.0])
def test_without_a_real_price_or_entry_there_is_no_profit(bad: float | None) -> None:
    assert pnl_usd(5.0, 10.0, bad, is_long=True) is None
    assert pnl_usd(5.0, bad, 10.0, is_long=True) is None
    assert price_vs_entry_pct(bad, 10.0) is None
    assert gain_pct(10.0, bad, is_long=False) is None


def test_a_short_gains_what_the_price_loses() -> None:
    assert price_vs_entry_pct(10.0, 9.0) == -10.0
    assert gain_pct(10.0, 9.0, is_long=True) == -10.0
    assert gain_pct(10.0, 9.0, is_long=False) == 10.0


def test_the_price_is_the_mark_else_that_of_open_interest_else_the_whales_entry_and_says_which() -> None:
    found = mark_or_nearest(OVERVIEW, mark_price=10.0, oi_usd=500.0, oi_coins=40.0)
    assert found is not None
    assert (found.price, found.basis) == (10.0, "mark")
    found = mark_or_nearest(OVERVIEW, mark_price=math.nan, oi_usd=500.0, oi_coins=40.0)
    assert found is not None
    assert (found.price, found.basis) == (12.5, "open_interest")
    found = mark_or_nearest(OVERVIEW, oi_usd=500.0, oi_coins=0.0)
    assert found is not None
    assert found.basis == "whale_entry"
    assert found.price == pytest.approx((180 * 9.4 + 140 * 10.6) / 320)
    nobody = with_sides(long={"whales_qty_coins": 0.0}, short={"whales_avg_entry": None})
    assert mark_or_nearest(nobody) is None
