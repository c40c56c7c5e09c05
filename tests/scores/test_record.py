"""Kelly, records by confidence, curves, flows and the difference of fundings: golden numbers by name."""

from __future__ import annotations

import pytest

from altmonitor.market.candles import Candle
from altmonitor.scores.flows import imbalance, rotations
from altmonitor.scores.funding_arbitrage import opportunity
from altmonitor.scores.record import SignalOutcome, by_confidence, curve, odds


def signal(
    return_pct: float | None, *, confidence: str = "HIGH", entry_ts: int = 0, direction: str = "long"
) -> SignalOutcome:
    return SignalOutcome(
        symbol="BTCUSDT",
        direction=direction,  # type: ignore[arg-type]
        confidence=confidence,  # type: ignore[arg-type]
        entry_ts=entry_ts,
        scorer="sm-1",
        return_pct=return_pct,
    )


def test_j37_kelly_of_0_68_and_2_1_is_0_5276_not_0_36() -> None:
    found = odds([2.1] * 68 + [-1.0] * 32)
    assert found.win_rate == 0.68
    assert found.reward_risk == pytest.approx(2.1)
    assert found.kelly_fraction == pytest.approx(0.5276, abs=0.00005)
    assert (found.kelly_fraction or 0) / 2 == pytest.approx(0.2638, abs=0.00005)
    assert (found.kelly_fraction or 0) / 2 * 10_000 == pytest.approx(2_638, abs=0.5)


def test_j37_five_samples_are_too_few_and_bad_odds_are_zero() -> None:
    assert odds([2.0, 1.0, -1.0, 1.0, 1.0]).kelly_fraction is None
    assert odds([1.0] * 10 + [-1.0] * 30).kelly_fraction == 0.0
    assert odds([]).win_rate is None
    assert odds([1.0] * 40).kelly_fraction is None  # without a loss there are no odds


def test_j38_a_record_by_confidence_and_a_veto_that_was_right() -> None:
    found = by_confidence(
        [signal(1.0), signal(-0.5), signal(None), signal(-2.0, confidence="VETO"), signal(1.0, confidence="VETO")]
    )
    assert (found["HIGH"].samples, found["HIGH"].win_rate, found["HIGH"].avg_return_pct) == (2, 0.5, 0.25)
    assert (found["VETO"].samples, found["VETO"].win_rate) == (2, 0.5)
    assert (found["MEDIUM"].samples, found["MEDIUM"].win_rate) == (0, None)


def test_a_curve_goes_down_by_fees_and_slippage_of_both_sides() -> None:
    points = curve([signal(1.0, entry_ts=20), signal(0.5, entry_ts=10), signal(None)], fee_pct=0.05, slippage_pct=0.02)
    assert [one.ts for one in points] == [10, 20]
    assert points[-1].gross_pct == pytest.approx(1.5)
    assert points[-1].net_of_fees_pct == pytest.approx(1.3)
    assert points[-1].net_of_slippage_pct == pytest.approx(1.22)


def test_j20_one_basis_point_an_hour_against_one_per_8_h_is_0_07_percent_and_76_65_a_year() -> None:
    found = opportunity("BTCUSDT", {"hyperliquid": 0.0001 * 8, "binance": 0.0001}, fee_pct=0.05)
    assert found is not None
    assert found.spread_8h == pytest.approx(0.0007)
    assert found.apr_pct == pytest.approx(76.65)
    assert (found.long_exchange, found.short_exchange) == ("binance", "hyperliquid")
    assert found.profit_8h_usd == pytest.approx(7.0)
    assert found.fees_usd == pytest.approx(20.0)
    assert found.break_even_h == pytest.approx(22.857, abs=0.001)
    assert opportunity("BTCUSDT", {"binance": 0.0001}, fee_pct=0.05) is None


def candle(minute: int, *, quote: float, taker: float) -> Candle:
    return Candle(
        open_ms=minute * 60_000, open=1.0, high=1.0, low=1.0, close=1.0, quote_usdt=quote, taker_quote_usdt=taker
    )


def test_j21_the_imbalance_of_takers_sums_exactly() -> None:
    minutes = [candle(n, quote=100.0, taker=60.0) for n in range(60)] + [candle(60, quote=50.0, taker=0.0)]
    now_ms = 60 * 60_000 + 30_000
    hour = imbalance(minutes, hours=1, now_ms=now_ms)
    assert (hour.usd, hour.volume_usd, hour.minutes) == (59 * 20.0 - 50.0, 59 * 100.0 + 50.0, 60)
    assert imbalance([], hours=1, now_ms=now_ms).share == 0.0


def test_a_rotation_goes_from_what_is_sold_to_what_is_bought() -> None:
    now_ms = 60 * 60_000
    bought = [imbalance([candle(10, quote=100.0, taker=55.0)], hours=1, now_ms=now_ms)]
    sold = [imbalance([candle(10, quote=100.0, taker=45.0)], hours=1, now_ms=now_ms)]
    found = rotations({"ETHUSDT": bought, "BTCUSDT": sold})
    assert [(one.from_symbol, one.to_symbol, one.hours) for one in found] == [("BTCUSDT", "ETHUSDT", 1)]
    assert rotations({"ETHUSDT": bought}) == []
