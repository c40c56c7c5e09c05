"""Bounds as multiples of what a contract does anyway: measured from the minutes before the full hour, with a floor."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from altmonitor.core.alert import Alert
from altmonitor.core.types import Destination
from altmonitor.detectors.adaptive import (
    UsualMinutes,
    adapted,
    busy_multiple,
    busy_times,
    loosest,
    sigma_pct,
    sigmas_of,
    usual_minutes,
)
from altmonitor.engine.context import EngineDeps, anybody
from altmonitor.engine.engine import Engine
from altmonitor.market.candles import MINUTE_MS, Candle, CandleUpdate
from altmonitor.market.open_interest import OpenInterestRing
from altmonitor.replay.measures import busy_multiples, run_lengths, sigmas
from altmonitor.settings.settings import Settings
from tests.fakes import KnownContext, ManualClock
from tests.replay.history import FEB_2025, wild_columns

OWN = Settings(adaptive_sigmas=6.0, adaptive_floor_pct=0.5, rolling=False)


def closes(sigma: float, *, count: int = 100, storm: int = 0) -> list[float]:
    dice, price, found = random.Random(3), 100.0, []
    for number in range(count):
        price *= 1 + dice.gauss(0, 10 if number < storm else sigma) / 100
        found.append(price)
    return found


def test_a_storm_among_its_minutes_hardly_moves_it() -> None:
    assert sigma_pct(closes(0.1, count=5_000)) == pytest.approx(0.1, rel=0.05)
    assert sigma_pct(closes(0.1, count=100, storm=10)) == pytest.approx(0.1, rel=0.35)
    assert sigma_pct([100.0] * 100) == 0.0
    assert sigma_pct(closes(0.1, count=29)) is None


def test_bounds_are_multiples_with_a_floor_and_windows_grow_with_the_root_of_their_length() -> None:
    own = adapted(Settings(adaptive_sigmas=6, adaptive_floor_pct=1, move_5m_pct=4), UsualMinutes(sigma_pct=0.35))
    assert (own.pump_threshold, own.dump_threshold) == (pytest.approx(2.1), pytest.approx(-2.1))
    assert own.move_5m_pct == pytest.approx(2.1 * 5**0.5)
    assert own.move_15m_pct == 0.0, "a window that is off stays off"
    assert sigmas_of("1m", own.dump_threshold, own) == pytest.approx(6)
    assert sigmas_of("5m", own.move_5m_pct, own) == pytest.approx(6)
    quiet = adapted(Settings(adaptive_sigmas=6, adaptive_floor_pct=1), UsualMinutes(sigma_pct=0.1))
    assert quiet.pump_threshold == 1.0
    assert sigmas_of("1m", 1.0, quiet) == pytest.approx(10)
    assert adapted(Settings(), UsualMinutes(sigma_pct=0.35)) == Settings()
    assert adapted(OWN, None) is OWN
    assert adapted(OWN, UsualMinutes(sigma_pct=40.0)).pump_threshold == 100.0
    assert (loosest(OWN).pump_threshold, loosest(Settings()).pump_threshold) == (0.5, 3.0)


def test_the_busy_minute_is_the_95th_percentile_over_the_median_of_the_same_minutes() -> None:
    assert busy_multiple([float(number) for number in range(1, 101)]) == pytest.approx(95 / 50.5)
    assert busy_multiple([10.0] * 95 + [1e9] * 5) == 1.0, "one storm of five minutes in a hundred moves nothing"
    assert busy_multiple([10.0] * 94 + [40.0] * 6) == 4.0
    assert busy_multiple([10.0] * 27 + [40.0] * 3) == 4.0, "of thirty the second largest"
    assert busy_multiple([10.0] * 29) is None
    assert busy_multiple([0.0] * 60 + [10.0] * 40) is None, "no multiple of nothing"


def test_the_bound_of_volume_is_a_multiple_of_the_busy_minute_between_a_floor_and_the_highest_setting() -> None:
    chosen = Settings(adaptive_volume_mult=2, adaptive_volume_floor=3)
    own = adapted(chosen, UsualMinutes(busy_multiple=4.2))
    assert (own.vol_burst_mult, own.pump_threshold) == (pytest.approx(8.4), 3.0)
    assert busy_times(own) == pytest.approx(2)
    calm = adapted(chosen, UsualMinutes(busy_multiple=1.2))
    assert calm.vol_burst_mult == 3.0
    assert busy_times(calm) == pytest.approx(2.5), "a floor is more of its busy minutes than was asked for"
    assert adapted(chosen, UsualMinutes(busy_multiple=900.0)).vol_burst_mult == 1000.0
    assert adapted(chosen, UsualMinutes(sigma_pct=0.4)) == chosen, "what is not known stays as it is set"
    assert busy_times(chosen) is None
    off = Settings(vol_burst_mult=0, adaptive_volume_mult=2)
    assert adapted(off, UsualMinutes(busy_multiple=4.2)).vol_burst_mult == 0, "what is off stays off"
    assert adapted(Settings(), UsualMinutes(busy_multiple=4.2)) == Settings()
    assert (loosest(chosen).vol_burst_mult, loosest(off).vol_burst_mult, loosest(Settings()).vol_burst_mult) == (
        3,
        0,
        5,
    )


class Told:
    def __init__(self) -> None:
        self.alerts: list[Alert] = []

    def put(self, alert: Alert, *, to: Sequence[Destination]) -> None:
        self.alerts.append(alert)


def market(chosen: Settings, *, now_ms: int | None = None) -> tuple[Engine, Told]:
    told, clock = Told(), ManualClock() if now_ms is None else ManualClock(now_ms)
    links = EngineDeps(clock=clock, sink=told, context=KnownContext(), oi_ring=OpenInterestRing(period_s=60))
    engine = Engine(links, audiences=anybody(chosen))
    engine.set_symbols(["BTCUSDT"])
    return engine, told


def live_through(engine: Engine, prices: Sequence[float], *, first_ms: int, last_high: float = 0.0) -> None:
    """Each minute opens where the one before closed; in the last one the price is seen at `last_high`."""
    before = prices[0]
    for number, close in enumerate(prices):
        opened_ms = first_ms + number * MINUTE_MS
        high = max(before, close)
        if last_high and number == len(prices) - 1:
            high = last_high
            touched = Candle(
                open_ms=opened_ms,
                open=before,
                high=high,
                low=min(before, close),
                close=high,
                quote_usdt=1.0,
                is_closed=False,
            )
            engine.on_kline(CandleUpdate(event_ms=opened_ms + 30_000, symbol="BTCUSDT", kline=touched))
        candle = Candle(open_ms=opened_ms, open=before, high=high, low=min(before, close), close=close, quote_usdt=1.0)
        engine.on_kline(CandleUpdate(event_ms=opened_ms + 60_400, symbol="BTCUSDT", kline=candle))
        before = close


def test_a_quiet_contract_is_told_at_its_own_bound_and_the_alert_says_how_many_sigmas_that_is() -> None:
    prices = [100 * (1 + 0.001 * (number % 2)) for number in range(130)]  # 0.1 % to and fro: a sigma of 0.148
    engine, told = market(OWN)
    live_through(engine, prices, first_ms=FEB_2025, last_high=101.2)
    (alert,) = told.alerts
    assert alert.details.threshold == pytest.approx(0.89, abs=0.01)
    assert alert.details.threshold_sigmas == pytest.approx(6)
    fixed, told_fixed = market(Settings(rolling=False))
    live_through(fixed, prices, first_ms=FEB_2025, last_high=101.2)
    assert told_fixed.alerts == []
    checks = {
        str(one.rule): one for one in engine.explain("BTCUSDT", Destination(chat_id=0), at_ms=None, now_ms=0).checks
    }
    assert checks["price_1m"].sigmas == pytest.approx(6)


BURSTING = Settings(
    adaptive_volume_mult=2, adaptive_volume_floor=3, vol_burst_min_usdt=0, vol_burst_mult=5, cooldown_sec=0
)


def trade_through(engine: Engine, volumes: Sequence[float], *, first_ms: int) -> None:
    """Minutes at one price; the whole volume of each is there 30 s into it."""
    for number, quote_usdt in enumerate(volumes):
        opened_ms = first_ms + number * MINUTE_MS
        for after_ms, is_closed in ((30_000, False), (60_400, True)):
            candle = Candle(
                open_ms=opened_ms, open=1, high=1, low=1, close=1, quote_usdt=quote_usdt, is_closed=is_closed
            )
            engine.on_kline(CandleUpdate(event_ms=opened_ms + after_ms, symbol="BTCUSDT", kline=candle))


def test_a_contract_that_bursts_often_has_to_burst_higher_and_the_alert_says_from_what_its_bound_follows() -> None:
    often = [4_000.0 if number % 10 == 5 else 1_000.0 for number in range(120)]  # the busy minute: four medians
    quiet = [1_000.0] * 120
    for volumes, last, expected in ((often, 7_000.0, []), (often, 8_000.0, [8.0]), (quiet, 3_000.0, [3.0])):
        engine, told = market(BURSTING)
        trade_through(engine, [*volumes, last], first_ms=FEB_2025)
        found = [alert for alert in told.alerts if alert.kind == "vol"]
        assert [alert.metric for alert in found] == expected
        assert [alert.details.threshold for alert in found] == expected
        assert [alert.details.threshold_busy_times for alert in found] == [3.0 if last == 3_000 else 2.0] * len(found)
    checks = {
        str(one.rule): one for one in engine.explain("BTCUSDT", Destination(chat_id=0), at_ms=None, now_ms=0).checks
    }
    assert (checks["vol_1m"].threshold, checks["vol_1m"].busy_times) == (3.0, 3.0)
    fixed, told_fixed = market(Settings(vol_burst_min_usdt=0))
    trade_through(fixed, [*quiet, 3_000.0], first_ms=FEB_2025)
    assert told_fixed.alerts == []


def test_the_last_minute_of_an_hour_is_judged_by_the_bound_of_its_own_hour_also_at_its_close() -> None:
    volumes = [2_500.0 if number in range(120, 130) else 1_000.0 for number in range(179)]  # the next hour's bound: 5×
    found = []
    for is_early in (False, True):
        engine, told = market(replace(BURSTING, vol_burst_early=is_early))
        trade_through(engine, [*volumes, 3_500.0, 1_000.0, 3_500.0], first_ms=FEB_2025)
        found.append([(alert.candle_ms, alert.details.threshold) for alert in told.alerts])
    assert found == [[(FEB_2025 + 179 * MINUTE_MS, 3.0)]] * 2


def test_a_minute_of_the_hour_before_is_explained_by_the_bound_of_that_hour() -> None:
    volumes = [2_500.0 if number in range(120, 130) else 1_000.0 for number in range(190)]
    engine, _ = market(BURSTING, now_ms=FEB_2025)
    trade_through(engine, volumes, first_ms=FEB_2025)
    found = []
    for minute in (150, 185):
        at_ms, now_ms = FEB_2025 + minute * MINUTE_MS, FEB_2025 + 190 * MINUTE_MS
        explained = engine.explain("BTCUSDT", Destination(chat_id=0), at_ms=at_ms, now_ms=now_ms)
        check = next(one for one in explained.checks if one.rule.kind == "vol")
        found.append((check.threshold, check.busy_times))
    assert found == [(3.0, 3.0), (5.0, 2.0)]


def test_until_its_minutes_are_known_and_after_a_hole_the_bounds_that_are_set_count() -> None:
    prices = [100 * (1 + 0.001 * (number % 2)) for number in range(130)]
    engine, told = market(OWN)
    live_through(engine, prices[:50], first_ms=FEB_2025, last_high=101.2)  # the first full hour is not over
    assert told.alerts == []
    late_ms = FEB_2025 + 200 * MINUTE_MS
    live_through(engine, prices, first_ms=FEB_2025 + 50 * MINUTE_MS)
    live_through(engine, prices[:3], first_ms=late_ms, last_high=101.2)
    assert told.alerts == []


def test_what_history_closes_a_hole_with_is_judged_by_the_bound_it_makes_known_and_so_is_the_running_minute() -> None:
    engine, told = market(BURSTING, now_ms=FEB_2025 + 132 * MINUTE_MS)
    trade_through(engine, [1_000.0] * 130, first_ms=FEB_2025)
    trade_through(engine, [1_000.0], first_ms=FEB_2025 + 132 * MINUTE_MS)
    volumes = {**dict.fromkeys(range(110, 131), 1_000.0), 131: 3_000.0}
    history = [
        Candle(open_ms=FEB_2025 + minute * MINUTE_MS, open=1, high=1, low=1, close=1, quote_usdt=quote_usdt)
        for minute, quote_usdt in volumes.items()
    ]
    engine.refill("BTCUSDT", history)
    assert [(alert.late, alert.metric, alert.details.threshold_busy_times) for alert in told.alerts] == [
        (True, 3.0, 3.0)
    ]
    trade_through(engine, [3_500.0], first_ms=FEB_2025 + 133 * MINUTE_MS)
    assert [(alert.is_running, alert.details.threshold) for alert in told.alerts[1:]] == [(True, 3.0)]


def test_a_wild_contract_is_left_alone_until_it_does_more_than_usual() -> None:
    prices = [100 * (1 + 0.03 * (number % 2)) for number in range(130)]
    engine, told = market(OWN)
    live_through(engine, prices, first_ms=FEB_2025, last_high=110.0)
    assert [alert.candle_ms for alert in told.alerts if (alert.candle_ms or 0) >= FEB_2025 + 60 * MINUTE_MS] == []


def test_of_every_minute_at_once_it_is_what_the_engine_measures_one_by_one() -> None:
    candles = wild_columns(500, seed=4, holes=0.004)
    run, rows = run_lengths(candles.open_ms), np.arange(len(candles))
    found, busy = sigmas(candles, run, rows), busy_multiples(candles, run, rows)
    some = rows[::7]
    assert np.array_equal(busy_multiples(candles, run, some), busy[some], equal_nan=True)
    hours = candles.open_ms // 3_600_000 * 3_600_000
    wrong = []
    for at in range(len(candles)):
        before = np.flatnonzero(candles.open_ms < hours[at])
        last = int(before[-1]) if len(before) else -1
        is_unbroken = last >= 0 and run[at] >= at - last and candles.open_ms[last] == hours[at] - MINUTE_MS
        known = slice(last - min(int(run[last]), 99), last + 1) if is_unbroken else slice(0)
        expected = usual_minutes(candles.close[known].tolist(), candles.quote_usdt[known].tolist())
        for name, one, other in (
            ("sigma", expected.sigma_pct, found[at]),
            ("busy", expected.busy_multiple, busy[at]),
        ):
            if not (np.isnan(other) if one is None else other == pytest.approx(one)):
                wrong.append((at, name, one, other))
    assert wrong == []
    assert np.isfinite(found).sum() > 100
    assert np.isfinite(busy).sum() > 100
