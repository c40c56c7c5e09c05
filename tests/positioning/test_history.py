"""Stored snapshots over a span: sizes, profit shares, extremes, and what makes a position alert."""

from __future__ import annotations

import pytest

from altmonitor.positioning.history import (
    NotEnoughSnapshots,
    PositionChange,
    ProfitTrend,
    Snapshot,
    change,
    position_alerts,
    profit_trend,
    qty_change,
    scan_extreme,
)
from tests.positioning.samples import MINUTE, T0, snapshot


def changed(rows: list[Snapshot], minutes: float = 60.0) -> PositionChange:
    found = change("ETHUSDT", rows, minutes=minutes, now_ms=T0)
    assert isinstance(found, PositionChange)
    return found


def test_the_first_row_is_compared_with_the_last_in_coins() -> None:
    rows = [
        snapshot(1, long={"traders_qty_coins": 1200.0, "traders_avg_entry": 9.9, "whales_qty_coins": 90.0}),
        snapshot(30, long={"traders_qty_coins": 5000.0}),
        snapshot(59, long={"traders_qty_coins": 1000.0, "whales_qty_coins": 120.0}),
    ]
    found = changed(rows)
    long = found.long
    assert (long.qty.from_coins, long.qty.to_coins, long.qty.change_coins, long.qty.change_pct) == (
        1000.0,
        1200.0,
        200.0,
        20.0,
    )
    assert (long.from_avg_entry, long.to_avg_entry, long.whale_avg_entry) == (9.5, 9.9, 9.4)
    assert (long.whale_qty.change_coins, long.whale_qty.change_pct) == (-30.0, -25.0)
    assert found.short.qty.change_pct == 0.0
    assert (found.samples, found.span_minutes, found.mark_price) == (3, 58.0, 10.0)
    assert (found.from_ms, found.to_ms, found.is_span_off) == (T0 - 59 * MINUTE, T0 - MINUTE, False)


def test_from_nothing_there_is_no_percent() -> None:
    grown = qty_change(0.0, 300.0)
    assert (grown.change_coins, grown.change_pct, grown.is_new) == (300.0, None, True)
    assert qty_change(None, 300.0).change_coins is None
    assert qty_change(0.0, 0.0).is_new is False
    assert qty_change(3.0, 4.0).change_pct == 33.33


def test_the_window_reaches_ninety_seconds_further_back_and_not_beyond() -> None:
    inside, outside = snapshot(61.5), snapshot(61.6)
    assert changed([inside, snapshot(0)]).samples == 2
    assert isinstance(change("ETHUSDT", [outside, snapshot(0)], minutes=60, now_ms=T0), NotEnoughSnapshots)


def test_a_row_from_the_future_is_left_out() -> None:
    assert changed([snapshot(30), snapshot(10), snapshot(-5)]).to_ms == T0 - 10 * MINUTE


def test_a_span_far_from_the_one_asked_for_is_pointed_out() -> None:
    assert changed([snapshot(20), snapshot(0)]).is_span_off is True
    assert changed([snapshot(50), snapshot(0)]).is_span_off is False


def test_one_row_is_not_enough_and_says_for_what() -> None:
    found = change("ETHUSDT", [snapshot(3)], minutes=60, now_ms=T0)
    assert str(found) == (
        "ETHUSDT: 1 stored snapshot in the last 60 min, two are needed; run `altmonitor track` for a while"
    )
    assert profit_trend("ETHUSDT", [], minutes=30, now_ms=T0) == NotEnoughSnapshots(
        symbol="ETHUSDT", minutes=30, rows=0
    )


def test_two_rows_of_one_moment_are_one() -> None:
    assert isinstance(change("ETHUSDT", [snapshot(3), snapshot(3)], minutes=60, now_ms=T0), NotEnoughSnapshots)


def test_a_profit_trend_is_in_whole_points() -> None:
    rows = [
        snapshot(50, long={"profit_traders": 95}, short={"whales": 0, "profit_whales": 0}),
        snapshot(0, long={"profit_traders": 80}),
    ]
    found = profit_trend("ETHUSDT", rows, minutes=60, now_ms=T0)
    assert isinstance(found, ProfitTrend)
    traders = found.long.traders
    assert (traders.from_pct, traders.to_pct, traders.change_pct) == (95.0, 80.0, -15.0)
    whales = found.short.whales
    assert (whales.from_pct, whales.to_pct, whales.change_pct) == (None, 67.0, None)


def of(symbol: str, ratio: float | None, *, traders: int = 190, minutes_ago: float = 5.0) -> Snapshot:
    return snapshot(minutes_ago, symbol=symbol, long_short_ratio=ratio, total_traders=traders)


def test_fifteen_contracts_make_a_list_of_ten_and_one_of_five_without_overlap() -> None:
    found = scan_extreme([of(f"C{n:02d}USDT", float(n)) for n in range(15)], now_ms=T0, limit=10)
    assert [entry.long_short_ratio for entry in found.most_long] == [14, 13, 12, 11, 10, 9, 8, 7, 6, 5]
    assert [entry.long_short_ratio for entry in found.most_short] == [0, 1, 2, 3, 4]
    assert found.scanned == 15


def test_a_scan_takes_the_newest_row_of_fresh_contracts_with_enough_traders() -> None:
    rows = [
        of("AUSDT", 9.0, minutes_ago=20),
        of("AUSDT", 1.23456, minutes_ago=10),
        of("OLDUSDT", 50.0, minutes_ago=181),
        of("EDGEUSDT", 0.0, minutes_ago=180),
        of("FEWUSDT", 70.0, traders=19),
        of("NANUSDT", float("nan")),
        of("NONEUSDT", None),
    ]
    found = scan_extreme(rows, now_ms=T0)
    assert [(entry.symbol, entry.long_short_ratio, entry.age_min) for entry in found.most_long] == [
        ("AUSDT", 1.2346, 10.0),
        ("EDGEUSDT", 0.0, 180.0),
    ]
    assert found.most_short == ()
    assert (found.most_long[0].long_profit_pct, found.most_long[0].short_profit_pct) == (55.0, 67.0)


def test_a_scan_of_nothing_says_zero_and_its_lists_hold_at_most_thirty() -> None:
    assert scan_extreme([], now_ms=T0).scanned == 0
    many = [of(f"C{n:02d}USDT", float(n)) for n in range(90)]
    found = scan_extreme(many, now_ms=T0, limit=99)
    assert (len(found.most_long), len(found.most_short)) == (30, 30)
    assert len(scan_extreme(many, now_ms=T0, limit=0).most_long) == 1


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (0.0, 500_000.0, ["long:new:0"]),
        (100.0, 105.0, ["long:add:1"]),
        (100.0, 104.99, []),
        (100.0, 104.9951, []),  # shown as 5.00 %
        (1.1, 1.155, ["long:add:1"]),  # 5.000000000000004 %
        (0.7, 0.735, ["long:add:1"]),
        (100.0, 119.996, ["long:add:3"]),
        (100.0, 120.0, ["long:add:4"]),
        (100.0, 200.0, ["long:add:20"]),
        (100.0, 80.0, ["long:cut:4"]),
        (100.0, 0.0, ["long:cut:20"]),
        (0.0, 0.0, []),
    ],
)
def test_a_position_alert_is_known_by_side_direction_and_size(before: float, now: float, told: list[str]) -> None:
    rows = [snapshot(30, long={"traders_qty_coins": before}), snapshot(0, long={"traders_qty_coins": now})]
    assert [alert.fingerprint for alert in position_alerts(changed(rows, 30))] == told
