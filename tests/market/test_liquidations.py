"""Liquidations by minute and side."""

from __future__ import annotations

import pytest

from altmonitor.market.liquidations import Liquidation, LiquidationMinutes


def test_a_minute_of_a_side_is_one_row_with_the_mean_price_by_size() -> None:
    minutes = LiquidationMinutes()
    minutes.add(
        [
            Liquidation(symbol="SOLUSDT", is_long=True, price=100.0, usd=3_000.0, event_ms=60_000),
            Liquidation(symbol="SOLUSDT", is_long=True, price=98.0, usd=1_000.0, event_ms=119_999),
            Liquidation(symbol="SOLUSDT", is_long=False, price=101.0, usd=500.0, event_ms=119_999),
            Liquidation(symbol="SOLUSDT", is_long=True, price=97.0, usd=10.0, event_ms=120_000),
        ]
    )
    first, short, second = minutes.take()
    assert (first.minute_ms, first.is_long, first.usd, first.price, first.count) == (60_000, True, 4_000.0, 99.5, 2)
    assert (short.is_long, short.usd, short.count) == (False, 500.0, 1)
    assert (second.minute_ms, second.price) == (120_000, pytest.approx(97.0))
    assert minutes.take() == []
