from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmonitor.detectors.verdict import Verdict
from altmonitor.engine.context import anybody
from altmonitor.market.candles import Candle
from altmonitor.settings.settings import Settings
from tests.fakes import MINUTE, T0, Market


def quiet(market: Market, minutes: int, quote: float = 100_000.0) -> None:
    for minute in range(minutes):
        market.close(minute, quote)


def test_twelve_candles_of_100k_then_600k_is_a_burst_of_six() -> None:
    market = Market()
    quiet(market, 12)
    market.close(12, 600_000.0, close=102.0, taker=450_000.0)
    (alert,) = market.sink.alerts
    assert (alert.kind, alert.direction, alert.note) == ("vol", "UP", "1m")
    assert alert.metric == 6.0
    assert alert.change_pct == pytest.approx(2.0)
    assert alert.key == f"vol:SOLUSDT:UP:1m:{T0 + 12 * MINUTE}"
    assert (alert.details.median_usdt, alert.details.baseline_count) == (100_000.0, 12)
    assert (alert.details.quote_usdt, alert.details.taker_buy_share) == (600_000.0, 0.75)


@pytest.mark.parametrize(
    ("baseline", "quote", "verdict"),
    [
        ([100_000.0] * 12, 500_000.0, Verdict.FIRE),  # exactly 5×: the bound counts
        ([100_000.0] * 12, 499_999.0, Verdict.BELOW_THRESHOLD),
        ([100_000.0] * 4, 900_000.0, Verdict.FEW_CANDLES),
        ([100_000.0] * 5, 900_000.0, Verdict.FIRE),
        ([1_000.0] * 12, 49_999.0, Verdict.THIN_CANDLE),
        ([1_000.0] * 12, 50_000.0, Verdict.FIRE),
        ([0.0] * 14, 900_000.0, Verdict.MEDIAN_ZERO),  # an exchange outage: flat candles of volume 0
        ([0.0] * 10 + [100_000.0] * 10, 900_000.0, Verdict.FIRE),  # even count: the median is 50,000
        ([0.0] * 11 + [100_000.0] * 9, 900_000.0, Verdict.MEDIAN_ZERO),
        ([0.1] * 20, 0.0, Verdict.BELOW_THRESHOLD),
        ([100_000.0] * 12, float("nan"), Verdict.NO_VALUE),
        ([100_000.0] * 12, float("inf"), Verdict.NO_VALUE),
        ([100_000.0] * 12, -1.0, Verdict.NO_VALUE),
    ],
)
def test_a_closed_candle_is_judged_against_those_before_it(
    baseline: list[float], quote: float, verdict: Verdict
) -> None:
    market = Market()
    for minute, volume in enumerate(baseline):
        market.close(minute, volume)
    market.engine.verdicts.clear()
    market.close(len(baseline), quote)
    assert dict(market.engine.verdicts) == {("vol", verdict): 1}
    assert bool(market.sink.alerts) is (verdict is Verdict.FIRE)


def test_only_the_last_lookback_candles_count() -> None:
    market = Market(settings=Settings(vol_burst_lookback=5))
    for minute, volume in enumerate([1_000_000.0] * 10 + [100_000.0] * 5):
        market.close(minute, volume)
    market.close(15, 500_000.0)
    (alert,) = market.sink.alerts
    assert (alert.metric, alert.details.baseline_count) == (5.0, 5)


def test_an_open_candle_is_no_burst_where_only_closed_ones_are_asked_for() -> None:
    market = Market(settings=Settings(vol_burst_early=False))
    quiet(market, 12)
    market.push(100.0, at_s=12 * 60 + 30, quote=900_000.0)
    assert market.told == []


def test_the_same_closed_candle_counts_once() -> None:
    market = Market()
    quiet(market, 12)
    for _ in range(9):
        market.close(12, 600_000.0)
    assert len(market.sink.alerts) == 1
    book = market.engine.book("SOLUSDT")
    assert book is not None
    assert len(book.closed) == 13
    assert market.engine.verdicts["vol", Verdict.REPEATED_CANDLE] == 8


def test_a_close_that_comes_after_the_next_candles_first_frame_counts() -> None:
    market = Market()
    quiet(market, 12)
    market.push(100.0, at_s=13 * 60 + 0.2)
    market.push(100.0, at_s=13 * 60 + 2.0, candle_s=12 * 60, quote=600_000.0, closed=True)
    assert market.told == [("vol", "UP", "1m")]


def test_a_hole_empties_the_baseline_and_asks_for_the_missing_minutes() -> None:
    market = Market()
    quiet(market, 12)
    market.close(15, 600_000.0)
    assert market.told == []
    assert market.refills[-1] == ("SOLUSDT", T0 - 8 * MINUTE, T0 + 15 * MINUTE)
    for minute in range(16, 20):
        market.close(minute, 100_000.0)
    market.close(20, 3_500_000.0)
    (alert,) = market.sink.alerts
    assert alert.details.baseline_count == 5


def test_after_26_000_minutes_the_same_name_starts_afresh() -> None:
    market = Market()
    quiet(market, 20, quote=100.0)
    market.push(100.0, at_s=19 * 60 + 59)
    market.close(26_240, 9_000_000.0, close=900.82, open=100.0)
    assert market.told == [("price", "PUMP", "1m")]  # its own candle; no burst, no 60 s move across the hole
    book = market.engine.book("SOLUSDT")
    assert book is not None
    assert [candle.quote_usdt for candle in book.closed] == [9_000_000.0]


def test_refilled_minutes_close_the_hole() -> None:
    market = Market()
    quiet(market, 3)
    market.close(6, 100_000.0)
    missing = [
        Candle(open_ms=T0 + m * MINUTE, open=100, high=100, low=100, close=100, quote_usdt=100_000.0)
        for m in range(-10, 6)
    ]
    market.engine.refill("SOLUSDT", missing)
    market.close(7, 600_000.0)
    (alert,) = market.sink.alerts
    assert (alert.metric, alert.details.baseline_count) == (6.0, 17)


def test_a_refill_with_a_hole_of_its_own_is_not_bridged() -> None:
    market = Market()
    old = [
        Candle(open_ms=T0 + m * MINUTE, open=1, high=1, low=1, close=1, quote_usdt=1.0) for m in (*range(10), 12, 13)
    ]
    market.engine.refill("SOLUSDT", old)
    book = market.engine.book("SOLUSDT")
    assert book is not None
    assert [candle.open_ms for candle in book.closed] == [T0 + 12 * MINUTE, T0 + 13 * MINUTE]


def test_muted_and_unwatched_symbols_still_feed_their_baseline() -> None:
    market = Market(settings=Settings(muted={"SOLUSDT": None}))
    quiet(market, 12)
    market.close(12, 600_000.0)
    assert market.engine.verdicts["vol", Verdict.MUTED] == 1
    market.engine.apply(anybody(Settings()))
    market.close(13, 700_000.0)
    (alert,) = market.sink.alerts
    assert alert.details.baseline_count == 13


@pytest.mark.parametrize(("usual", "volume"), [(1e-320, 1e300), (5e-324, 50_000.0)])
def test_a_multiple_too_large_for_a_number_is_none(usual: float, volume: float) -> None:
    market = Market()
    quiet(market, 12, usual)
    market.close(12, volume)
    assert market.told == []
    assert market.engine.verdicts["vol", Verdict.NO_VALUE] == 1


def test_directions_cool_down_apart() -> None:
    market = Market(settings=Settings(pump_threshold=100.0, dump_threshold=-100.0))
    quiet(market, 12)
    market.close(12, 600_000.0, close=101.0)
    market.close(13, 600_000.0, close=101.0)
    market.close(14, 600_000.0, close=99.0)
    market.close(15, 600_000.0, close=101.0)
    assert market.told == [("vol", "UP", "1m"), ("vol", "DOWN", "1m"), ("vol", "UP", "1m")]
    assert market.engine.verdicts["vol", Verdict.COOLING_DOWN] == 1


def test_a_multiple_of_zero_switches_bursts_off_but_keeps_the_baseline() -> None:
    market = Market(settings=Settings(vol_burst_mult=0.0))
    quiet(market, 12)
    market.close(12, 6_000_000.0)
    assert market.told == []
    book = market.engine.book("SOLUSDT")
    assert book is not None
    assert len(book.closed) == 13


@given(
    st.lists(st.one_of(st.just(0.0), st.floats(min_value=0.001, max_value=1e9)), min_size=6, max_size=60),
    st.integers(min_value=5, max_value=25),
)
def test_a_burst_is_what_the_definition_says(volumes: list[float], lookback: int) -> None:
    market = Market(settings=Settings(vol_burst_lookback=lookback, cooldown_sec=0, rolling=False))
    expected = []
    for minute, volume in enumerate(volumes):
        before = volumes[max(0, minute - lookback) : minute]
        if len(before) >= 5 and statistics.median(before) > 0:
            ratio = volume / statistics.median(before)
            if volume >= 50_000 and ratio >= 5.0 * (1 - 1e-9):
                expected.append(T0 + minute * MINUTE)
        market.close(minute, volume)
    assert [alert.candle_ms for alert in market.sink.alerts] == expected
