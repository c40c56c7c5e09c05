from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmonitor.core.alert import Alert
from altmonitor.detectors.verdict import Verdict
from altmonitor.market.candles import Candle
from altmonitor.market.open_interest import OpenInterestRing
from altmonitor.market.quotes import DayTicker, Funding, OpenInterest
from altmonitor.settings.settings import Settings
from tests.fakes import MINUTE, T0, Market


def sweep(market: Market, contracts: float, at_s: float, symbol: str = "SOLUSDT") -> None:
    market.engine.on_open_interest(
        OpenInterest(symbol=symbol, contracts=contracts, time_ms=T0 + round(at_s * 1000)),
    )
    market.engine.evaluate_open_interest([symbol])


def steady(**changes: object) -> Market:
    market = Market(settings=Settings(oi_min_usd=0.0, **changes))  # type: ignore[arg-type]
    market.push(100.0, at_s=0.5)
    return market


def test_the_golden_series_has_1m_11_1_and_5m_20() -> None:
    ring = OpenInterestRing(period_s=60)
    for minute, value in enumerate([100.0, 102.0, 104.0, 106.0, 108.0, 120.0]):
        ring.record("SOLUSDT", time_ms=T0 + minute * MINUTE, contracts=value)
    now = T0 + 5 * MINUTE
    one, one_span = ring.changes_pct(["SOLUSDT"], window_ms=60_000, now_ms=now, stale_ms=90_000)
    five, five_span = ring.changes_pct(["SOLUSDT"], window_ms=300_000, now_ms=now, stale_ms=90_000)
    assert one[0] == pytest.approx(11.1111, abs=1e-4)
    assert five[0] == pytest.approx(20.0)
    assert (one_span[0], five_span[0]) == (60.0, 300.0)


@pytest.mark.parametrize(
    ("age_s", "window_ms", "is_known"),
    [
        (60, 60_000, True),
        (45, 60_000, True),
        (44.9, 60_000, False),
        (75, 60_000, True),
        (75.1, 60_000, False),
        (95, 60_000, False),
        (300, 300_000, True),
        (225, 300_000, True),
        (224, 300_000, False),
        (375, 300_000, True),
        (376, 300_000, False),
    ],
)
def test_a_sample_stands_for_a_window_within_a_quarter_of_it(age_s: float, window_ms: int, is_known: bool) -> None:
    ring = OpenInterestRing(period_s=60)
    ring.record("SOLUSDT", time_ms=T0 - round(age_s * 1000), contracts=100.0)
    ring.record("SOLUSDT", time_ms=T0, contracts=110.0)
    changes, _ = ring.changes_pct(["SOLUSDT"], window_ms=window_ms, now_ms=T0, stale_ms=90_000)
    assert (not math.isnan(changes[0])) is is_known


@pytest.mark.parametrize(("age_s", "is_known"), [(89, True), (90, True), (91, False), (3600, False)])
def test_a_newest_sample_older_than_one_and_a_half_sweeps_gives_no_value(age_s: int, is_known: bool) -> None:
    ring = OpenInterestRing(period_s=60)
    ring.record("SOLUSDT", time_ms=T0 - MINUTE, contracts=100.0)
    ring.record("SOLUSDT", time_ms=T0, contracts=110.0)
    changes, _ = ring.changes_pct(["SOLUSDT"], window_ms=60_000, now_ms=T0 + age_s * 1000, stale_ms=90_000)
    assert (not math.isnan(changes[0])) is is_known


@pytest.mark.parametrize("period_s", [15, 20, 60, 120, 300])
def test_the_5_minute_window_spans_300_s_at_every_sweep_period(period_s: int) -> None:
    ring = OpenInterestRing(period_s=period_s)
    for index in range(1200 // period_s + 1):
        ring.record("SOLUSDT", time_ms=T0 + index * period_s * 1000, contracts=100.0 + index)
    newest = ring.newest("SOLUSDT")
    assert newest is not None
    _, spans = ring.changes_pct(["SOLUSDT"], window_ms=300_000, now_ms=newest[0], stale_ms=10**9)
    assert abs(spans[0] - 300) <= 75


def test_extra_samples_do_not_push_the_old_ones_out() -> None:
    ring = OpenInterestRing(period_s=60)
    for second in range(0, 601, 60):
        ring.record("SOLUSDT", time_ms=T0 + second * 1000, contracts=100.0)
        for extra in range(1, 40):
            ring.record("SOLUSDT", time_ms=T0 + second * 1000 + extra * 100, contracts=100.0)
    _, spans = ring.changes_pct(["SOLUSDT"], window_ms=300_000, now_ms=T0 + 603_900, stale_ms=90_000)
    assert spans[0] == pytest.approx(300, abs=5)


def test_unknown_symbols_and_an_old_value_of_zero_have_no_change() -> None:
    ring = OpenInterestRing(period_s=60)
    ring.record("ZEROUSDT", time_ms=T0 - MINUTE, contracts=0.0)
    ring.record("ZEROUSDT", time_ms=T0, contracts=5.0)
    changes, _ = ring.changes_pct(["ZEROUSDT", "NEWUSDT"], window_ms=60_000, now_ms=T0, stale_ms=90_000)
    assert math.isnan(changes[0])
    assert math.isnan(changes[1])


def test_a_sample_that_is_not_newer_is_refused() -> None:
    ring = OpenInterestRing(period_s=60)
    assert ring.record("SOLUSDT", time_ms=T0, contracts=1.0) is True
    assert ring.record("SOLUSDT", time_ms=T0, contracts=2.0) is False
    assert ring.record("SOLUSDT", time_ms=T0 - 1, contracts=2.0) is False
    assert ring.newest("SOLUSDT") == (T0, 1.0)


def test_rows_of_delisted_symbols_are_emptied_before_they_are_given_away() -> None:
    ring = OpenInterestRing(period_s=60)
    ring.record("OLDUSDT", time_ms=T0 - MINUTE, contracts=1.0)
    ring.forget("OLDUSDT")
    ring.record("NEWUSDT", time_ms=T0, contracts=100.0)
    assert ring.newest("OLDUSDT") is None
    changes, _ = ring.changes_pct(["NEWUSDT"], window_ms=60_000, now_ms=T0, stale_ms=90_000)
    assert math.isnan(changes[0])


def test_one_step_of_ten_percent_in_a_flat_series_is_one_alert() -> None:
    market = steady()
    for minute in range(20):
        sweep(market, 1_000.0 if minute < 8 else 1_100.0, minute * 60)
    (alert,) = market.sink.alerts
    assert (alert.kind, alert.direction, alert.note) == ("oi", "UP", "5m")
    assert alert.oi_change == pytest.approx(10.0)
    assert alert.details.window_s == 300.0
    assert alert.key == f"oi:SOLUSDT:UP:5m:{T0 + 8 * MINUTE}"
    assert market.engine.verdicts["oi", Verdict.PLATEAU] == 4


def test_the_one_minute_window_speaks_when_five_minutes_are_not_known_yet() -> None:
    market = steady()
    sweep(market, 1_000.0, 0)
    sweep(market, 1_030.0, 60)
    assert market.told == [("oi", "UP", "1m")]


def test_a_jump_told_by_the_one_minute_window_is_not_told_again_when_five_minutes_become_known() -> None:
    market = steady()
    for minute in range(16):
        sweep(market, 1_000.0 if minute < 2 else 1_090.0, minute * 60)
    assert market.told == [("oi", "UP", "1m")]


def test_it_is_armed_again_after_the_change_fell_below_half_the_threshold() -> None:
    market = steady(cooldown_sec=60)
    values = [1_000.0] * 6 + [1_070.0] * 7 + [1_140.0] * 2
    for minute, value in enumerate(values):
        sweep(market, value, minute * 60)
    assert market.told == [("oi", "UP", "5m"), ("oi", "UP", "5m")]


def test_build_up_and_flush_are_both_told() -> None:
    market = steady()
    for minute, value in enumerate([1_000.0] * 6 + [1_100.0] * 2 + [900.0]):
        sweep(market, value, minute * 60)
    assert market.told == [("oi", "UP", "5m"), ("oi", "DOWN", "5m")]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (Settings(oi_min_usd=0.0, oi_surge_5m=0.0), [("oi", "UP", "1m")]),
        (Settings(oi_min_usd=0.0, oi_surge_1m=0.0), [("oi", "UP", "5m")]),
        (Settings(oi_min_usd=0.0, oi_surge_1m=0.0, oi_surge_5m=0.0), []),
        (Settings(oi_min_usd=110_000.0), [("oi", "UP", "5m")]),
        (Settings(oi_min_usd=110_001.0), []),
        (Settings(oi_min_usd=0.0, muted={"SOLUSDT": None}), []),
        (Settings(oi_min_usd=0.0, min_24h_usdt=5_000_000.0), []),
        (Settings(oi_min_usd=0.0, min_24h_usdt=1_000_000.0), [("oi", "UP", "5m")]),
    ],
)
def test_switches_and_floors(settings: Settings, told: list[tuple[str, str, str]]) -> None:
    market = Market(settings=settings)
    market.context.days["SOLUSDT"] = DayTicker(
        symbol="SOLUSDT", last_price=100.0, change_pct=1.0, quote_usdt=2_000_000.0
    )
    market.push(100.0, at_s=0.5)
    for minute, value in enumerate([1_000.0] * 6 + [1_100.0]):
        sweep(market, value, minute * 60)
    assert market.told == told


def test_while_the_feed_is_blind_the_mark_price_tells_what_it_is_worth() -> None:
    market = Market(settings=Settings(oi_min_usd=1_000_000.0))
    market.context.fundings["SOLUSDT"] = Funding(symbol="SOLUSDT", rate=0.0001, mark_price=2_000.0, next_ms=T0)
    sweep(market, 1_000.0, 0)
    sweep(market, 1_100.0, 60)
    (alert,) = market.sink.alerts
    assert (alert.price, alert.details.oi_usd) == (2_000.0, 2_200_000.0)


def test_after_a_restart_the_same_jump_is_not_told_again() -> None:
    before = steady()
    for minute, value in enumerate([1_000.0] * 6 + [1_100.0]):
        sweep(before, value, minute * 60)
    after = steady()
    after.engine.restore(before.sink.told, firsts={})
    for minute, value in enumerate([1_000.0] * 3 + [1_100.0], start=4):
        sweep(after, value, minute * 60)
    assert len(before.sink.alerts) == 1
    assert after.told == []


def beside_a_rise(*samples: tuple[float, float], event_s: float) -> Alert:
    """samples: (second, contracts), of the sweep. The price alert of a rise in the candle that opened at 60 s."""
    market = steady(oi_surge_1m=0.0, oi_surge_5m=0.0)
    for at_s, contracts in samples:
        sweep(market, contracts, at_s)
    market.push(103.0, at_s=event_s)
    (alert,) = market.sink.alerts
    return alert


def test_what_the_sweep_saw_of_the_move_stands_beside_it_at_once_with_its_span() -> None:
    alert = beside_a_rise((10.0, 900.0), (45.0, 1_000.0), (70.0, 1_050.0), event_s=75.0)
    assert (alert.oi_change, alert.quadrant) == (pytest.approx(5.0), "up_up")
    assert (alert.details.oi_span_s, alert.details.oi_age_s) == (25.0, 5.0)


def test_a_sample_that_may_be_from_before_the_price_moved_is_left_to_a_fresh_one() -> None:
    samples = (45.0, 1_000.0), (70.0, 1_050.0)
    assert beside_a_rise(*samples, event_s=80.0).details.oi_span_s == 25.0
    assert beside_a_rise(*samples, event_s=80.1).oi_change is None


def test_samples_from_before_the_move_say_nothing_of_it() -> None:
    alert = beside_a_rise((10.0, 900.0), (59.0, 1_000.0), event_s=75.0)
    assert (alert.oi_change, alert.quadrant, alert.details.oi_span_s) == (None, None, None)


def test_samples_from_within_the_move_alone_say_too_little_of_it() -> None:
    alert = beside_a_rise((61.0, 900.0), (70.0, 1_000.0), event_s=75.0)
    assert (alert.oi_change, alert.quadrant) == (None, None)


def test_a_move_found_afterwards_stands_beside_no_open_interest() -> None:
    market = steady()
    market.engine.after_blind(T0 + 60_500, T0 + 200_000)
    for at_s, contracts in ((50.0, 1_000.0), (110.0, 1_010.0), (170.0, 1_020.0)):
        market.engine.on_open_interest(
            OpenInterest(symbol="SOLUSDT", contracts=contracts, time_ms=T0 + int(at_s * 1000))
        )
    market.engine.refill(
        "SOLUSDT", [Candle(open_ms=T0 + MINUTE, open=100.0, high=104.0, low=100.0, close=104.0, quote_usdt=1.0)]
    )
    (alert,) = market.sink.alerts
    assert (alert.late, alert.oi_change, alert.details.oi_contracts) == (True, None, None)


@given(st.lists(st.floats(min_value=1e5, max_value=1e6), min_size=2, max_size=40))
def test_between_two_alerts_of_a_direction_the_change_was_below_half_or_unknown(values: list[float]) -> None:
    settings = Settings(oi_min_usd=0.0, cooldown_sec=0, oi_surge_5m=0.0)
    market = Market(settings=settings)
    market.push(100.0, at_s=0.5)
    armed = {"UP": True, "DOWN": True}
    for minute, value in enumerate(values):
        count = len(market.sink.alerts)
        sweep(market, value, minute * 60)
        if minute == 0:
            continue
        change = (value - values[minute - 1]) / values[minute - 1] * 100
        for direction, sign in (("UP", 1), ("DOWN", -1)):
            armed[direction] = armed[direction] or change * sign < 1.5
        direction = "UP" if change > 0 else "DOWN"
        expected = abs(change) >= 3.0 * (1 - 1e-9) and armed[direction]
        assert (len(market.sink.alerts) > count) is expected
        if expected:
            armed[direction] = False
