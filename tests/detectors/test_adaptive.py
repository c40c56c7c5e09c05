"""Bounds as multiples of what a contract does anyway: measured from the minutes before the full hour, with a floor."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest

from altmonitor.core.alert import Alert
from altmonitor.core.types import Destination
from altmonitor.detectors.adaptive import adapted, loosest, sigma_pct, sigmas_of
from altmonitor.engine.context import EngineDeps, anybody
from altmonitor.engine.engine import Engine
from altmonitor.market.candles import MINUTE_MS, Candle, CandleUpdate
from altmonitor.market.open_interest import OpenInterestRing
from altmonitor.replay.measures import run_lengths, sigmas
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
    own = adapted(Settings(adaptive_sigmas=6, adaptive_floor_pct=1, move_5m_pct=4), 0.35)
    assert (own.pump_threshold, own.dump_threshold) == (pytest.approx(2.1), pytest.approx(-2.1))
    assert own.move_5m_pct == pytest.approx(2.1 * 5**0.5)
    assert own.move_15m_pct == 0.0, "a window that is off stays off"
    assert sigmas_of("1m", own.dump_threshold, own) == pytest.approx(6)
    assert sigmas_of("5m", own.move_5m_pct, own) == pytest.approx(6)
    quiet = adapted(Settings(adaptive_sigmas=6, adaptive_floor_pct=1), 0.1)
    assert quiet.pump_threshold == 1.0
    assert sigmas_of("1m", 1.0, quiet) == pytest.approx(10)
    assert adapted(Settings(), 0.35) == Settings()
    assert adapted(OWN, None) is OWN
    assert adapted(OWN, 40.0).pump_threshold == 100.0
    assert (loosest(OWN).pump_threshold, loosest(Settings()).pump_threshold) == (0.5, 3.0)


class Told:
    def __init__(self) -> None:
        self.alerts: list[Alert] = []

    def put(self, alert: Alert, *, to: Sequence[Destination]) -> None:
        self.alerts.append(alert)


def market(chosen: Settings) -> tuple[Engine, Told]:
    told = Told()
    links = EngineDeps(clock=ManualClock(), sink=told, context=KnownContext(), oi_ring=OpenInterestRing(period_s=60))
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


def test_until_its_minutes_are_known_and_after_a_hole_the_bounds_that_are_set_count() -> None:
    prices = [100 * (1 + 0.001 * (number % 2)) for number in range(130)]
    engine, told = market(OWN)
    live_through(engine, prices[:50], first_ms=FEB_2025, last_high=101.2)  # the first full hour is not over
    assert told.alerts == []
    late_ms = FEB_2025 + 200 * MINUTE_MS
    live_through(engine, prices, first_ms=FEB_2025 + 50 * MINUTE_MS)
    live_through(engine, prices[:3], first_ms=late_ms, last_high=101.2)
    assert told.alerts == []


def test_a_wild_contract_is_left_alone_until_it_does_more_than_usual() -> None:
    prices = [100 * (1 + 0.03 * (number % 2)) for number in range(130)]
    engine, told = market(OWN)
    live_through(engine, prices, first_ms=FEB_2025, last_high=110.0)
    assert [alert.candle_ms for alert in told.alerts if (alert.candle_ms or 0) >= FEB_2025 + 60 * MINUTE_MS] == []


def test_of_every_minute_at_once_it_is_what_the_engine_measures_one_by_one() -> None:
    candles = wild_columns(500, seed=4, holes=0.004)
    run = run_lengths(candles.open_ms)
    found = sigmas(candles, run)
    hours = candles.open_ms // 3_600_000 * 3_600_000
    wrong = []
    for at in range(len(candles)):
        before = np.flatnonzero(candles.open_ms < hours[at])
        last = int(before[-1]) if len(before) else -1
        is_unbroken = last >= 0 and run[at] >= at - last and candles.open_ms[last] == hours[at] - MINUTE_MS
        known = candles.close[last - min(int(run[last]), 99) : last + 1].tolist() if is_unbroken else []
        expected = sigma_pct(known)
        if not (np.isnan(found[at]) if expected is None else found[at] == pytest.approx(expected)):
            wrong.append((at, expected, found[at]))
    assert wrong == []
    assert np.isfinite(found).sum() > 100
