"""Changes over time as JSON values and as chart panels."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from altmonitor.positioning.history import (
    NotEnoughSnapshots,
    PositionChange,
    Snapshot,
    change,
    profit_trend,
    scan_extreme,
)
from altmonitor.positioning.picture import SeriesChart, chart, fill_interval, nearest_closes
from altmonitor.positioning.tracked_values import change_values, scan_values, trend_values
from tests.positioning.samples import MINUTE, T0, snapshot

ROWS = [
    snapshot(60, long={"traders_qty_coins": 1000.0}, short={"traders_qty_coins": 0.0}),
    snapshot(0, long={"traders_qty_coins": 1200.0, "profit_traders": 40}, short={"traders_qty_coins": 300.0}),
]


def test_a_change_reads_as_quantities_with_a_neutral_sentence() -> None:
    values = change_values(change("ETHUSDT", ROWS, minutes=60, now_ms=T0))
    assert values["long"] == {
        "fromQty": 1000.0,
        "toQty": 1200.0,
        "qtyChange": 200.0,
        "qtyChangePct": 20.0,
        "fromAvg": 9.5,
        "toAvg": 9.5,
        "whaleAvg": 9.4,
        "whale": {"fromQty": 180.0, "toQty": 180.0, "qtyChange": 0.0, "qtyChangePct": 0.0},
    }
    short = values["short"]
    assert isinstance(short, dict)
    assert (short["qtyChange"], short["qtyChangePct"]) == (300.0, None)
    assert (values["price"], values["fromTs"], values["toTs"]) == (10.0, T0 - 60 * MINUTE, T0)
    assert (values["spanMinutes"], values["samples"], values["spanIsOff"]) == (60.0, 2, False)
    assert values["note"] == "Over 60 min: long 1,000 to 1,200, +20.00 %, short 0 to 300 (coins)."


def test_a_span_that_is_off_says_so_in_words() -> None:
    values = change_values(change("ETHUSDT", ROWS, minutes=240, now_ms=T0))
    assert str(values["note"]).endswith("The stored snapshots do not cover the 240 min asked for.")


def test_a_trend_is_per_side_from_to_and_change() -> None:
    values = trend_values(profit_trend("ETHUSDT", ROWS, minutes=60, now_ms=T0))
    long = values["long"]
    assert isinstance(long, dict)
    assert long["profitPct"] == {"from": 55, "to": 40, "change": -15}
    assert long["whaleProfitPct"] == {"from": 60, "to": 60, "change": 0}


def test_too_little_history_is_an_error_that_names_what_to_run() -> None:
    nothing = NotEnoughSnapshots(symbol="ETHUSDT", minutes=60, rows=0)
    for values in (change_values(nothing), trend_values(nothing)):
        assert values["symbol"] == "ETHUSDT"
        assert "`altmonitor track`" in str(values["error"])
    assert scan_values(scan_extreme([], now_ms=T0)) == {
        "scanned": 0,
        "error": "no stored snapshot is fresh enough; run `altmonitor track`",
    }


def test_a_scan_lists_both_ends() -> None:
    values = scan_values(scan_extreme(ROWS, now_ms=T0))
    assert values["scanned"] == 1
    assert values["mostShort"] == []
    assert values["mostLong"] == [
        {
            "symbol": "ETHUSDT",
            "longShortRatio": 1.3333,
            "longProfitPct": 40,
            "shortProfitPct": 67,
            "longTraders": 100,
            "shortTraders": 90,
            "ageMin": 0.0,
        }
    ]


def test_every_value_is_json_without_nan() -> None:
    found = change("ETHUSDT", [snapshot(30, long={"traders_qty_coins": math.nan}), snapshot(0)], minutes=30, now_ms=T0)
    assert isinstance(found, PositionChange)
    text = json.dumps([change_values(found), scan_values(scan_extreme(ROWS, now_ms=T0))], allow_nan=False)
    assert '"fromQty": null' in text
    assert "long unknown" in text


def charted(*rows: Snapshot, mark_prices: dict[int, float] | None = None) -> SeriesChart:
    found = chart("ETHUSDT", rows, mark_prices=mark_prices)
    assert found is not None
    return found


def test_a_chart_has_three_panels_of_their_own_scale() -> None:
    found = charted(*reversed(ROWS))
    long, short, prices = found.panels
    assert (found.from_ms, found.to_ms, found.points) == (T0 - 60 * MINUTE, T0, 2)
    assert [line.name for panel in found.panels for line in panel.lines] == [
        *("long_qty", "short_qty", "long_whale_entry", "short_whale_entry", "mark_price")
    ]
    assert (long.low, long.high) == (984.0, 1216.0)
    assert (short.low, short.high) == (-24.0, 324.0)
    assert prices.low == pytest.approx(9.4 - 0.096)
    assert long.lines[0].points == ((T0 - 60 * MINUTE, 1000.0), (T0, 1200.0))
    assert long.lines[0].last == 1200.0
    assert long.share_of_height(1100.0) == pytest.approx(0.5)


def test_an_average_of_zero_does_not_pull_the_axis_to_zero() -> None:
    found = charted(snapshot(60, long={"whales_avg_entry": 0.0}), snapshot(0, short={"whales_avg_entry": math.nan}))
    low = found.panels[2].low
    assert low is not None
    assert low > 9.0
    assert [len(line.points) for line in found.panels[2].lines] == [1, 1, 2]


def test_a_flat_line_lies_in_the_middle_and_an_empty_panel_has_no_scale() -> None:
    flat = charted(snapshot(60), snapshot(0)).panels[0]
    assert flat.share_of_height(200.0) == pytest.approx(0.5)
    empty = charted(*(snapshot(at, long={"traders_qty_coins": None}) for at in (60, 0))).panels[0]
    assert (empty.low, empty.high, empty.lines[0].last) == (None, None, None)
    with pytest.raises(ValueError, match="no scale"):
        empty.share_of_height(1.0)
    nothing_held = charted(*(snapshot(at, long={"traders_qty_coins": 0.0}) for at in (60, 0))).panels[0]
    assert nothing_held.share_of_height(0.0) == 0.5


def test_below_two_snapshots_there_is_no_chart() -> None:
    assert chart("ETHUSDT", [snapshot(0)]) is None
    assert chart("ETHUSDT", [snapshot(0), snapshot(0)]) is None


@pytest.mark.parametrize(("hours", "interval"), [(0.5, "1m"), (16, "1m"), (16.1, "15m"), (72, "15m"), (720, "1h")])
def test_missing_prices_are_filled_from_candles_that_cover_the_span(hours: float, interval: str) -> None:
    assert fill_interval(int(hours * 3_600_000)) == interval


def test_a_price_is_filled_from_the_candle_around_it_and_not_across_a_hole() -> None:
    bare = [replace(snapshot(at), mark_price=None) for at in (10.5, 5.5, 0.5)]
    minute = 60_000
    closes = [(bare[0].time_ms // minute * minute, 9.1), (bare[2].time_ms // minute * minute, 9.3), (0, math.nan)]
    filled = nearest_closes([*bare, snapshot(3)], closes, interval_ms=minute)
    assert filled == {bare[0].time_ms: 9.1, bare[2].time_ms: 9.3}
    line = charted(*bare, mark_prices=filled).panels[2].lines[2]
    assert [value for _, value in line.points] == [9.1, 9.3]
