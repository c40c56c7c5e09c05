"""Open-interest change by time stamp: holes, repeats, disorder."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest

from altmonitor.positioning.open_interest import BAR_MS, OiBar, OiVelocity, oi_velocity
from tests.positioning.samples import T0, bars


def velocity(*coins: float | None) -> OiVelocity:
    found = oi_velocity(bars(*coins))
    assert found is not None
    return found


def test_each_window_is_measured_against_its_own_bar() -> None:
    found = velocity(*[1000.0] * 36, 800.0, *[900.0] * 8, 1050.0, 1080.0, 1089.0, 1100.0)
    assert found.change_5m_pct == pytest.approx(1.0101, abs=1e-4)
    assert found.change_15m_pct == pytest.approx(4.7619, abs=1e-4)
    assert found.change_1h_pct == pytest.approx(37.5)
    assert found.change_4h_pct == pytest.approx(10.0)
    assert (found.time_ms, found.coins, found.usd) == (T0, 1100.0, 1100.0)


def test_twelve_bars_back_is_an_hour() -> None:
    assert velocity(1000.0, *[1500.0] * 11, 1100.0).change_1h_pct == pytest.approx(10.0)


def test_a_missing_bar_makes_its_window_unknown_and_shifts_no_other() -> None:
    coins: list[float | None] = [1000.0 + destination for destination in range(49)]
    coins[48 - 12] = None
    found = velocity(*coins)
    assert found.change_1h_pct is None
    assert found.change_15m_pct == pytest.approx((1048 - 1045) / 1045 * 100)
    assert found.change_4h_pct == pytest.approx(4.8)


def test_a_bar_a_little_off_its_time_counts_and_one_half_a_bar_off_is_the_limit() -> None:
    newest = OiBar(time_ms=T0, coins=110.0, usd=None)
    for off_ms, change in ((1_000, 10.0), (-1_000, 10.0), (BAR_MS // 2, 10.0), (BAR_MS // 2 + 1, None)):
        found = oi_velocity([OiBar(time_ms=T0 - 12 * BAR_MS + off_ms, coins=100.0, usd=None), newest])
        assert found is not None
        assert found.change_1h_pct == (None if change is None else pytest.approx(change))


def test_of_two_bars_near_the_windows_start_the_nearer_one_counts() -> None:
    start_ms = T0 - 12 * BAR_MS
    near = [
        OiBar(time_ms=start_ms + 100_000, coins=50.0, usd=None),
        OiBar(time_ms=start_ms - 20_000, coins=100, usd=None),
    ]
    for order in (near, near[::-1]):
        found = oi_velocity([*order, OiBar(time_ms=T0, coins=110.0, usd=None)])
        assert found is not None
        assert found.change_1h_pct == pytest.approx(10.0)


def test_order_and_repeats_do_not_matter() -> None:
    whole = bars(*[1000.0 + destination for destination in range(49)])
    shuffled = whole + whole[10:20]
    random.Random(5).shuffle(shuffled)
    assert oi_velocity(shuffled) == oi_velocity(whole)


@pytest.mark.parametrize("coins", [None, 0.0, math.nan, -5.0])
def test_a_bar_without_a_number_is_no_bar(coins: float | None) -> None:
    whole = bars(*[1000.0] * 13)
    whole[0] = replace(whole[0], coins=coins)
    found = oi_velocity(whole)
    assert found is not None
    assert found.change_1h_pct is None
    assert oi_velocity([replace(whole[0])]) is None


def test_no_bars_are_no_velocity_and_one_bar_has_no_changes() -> None:
    assert oi_velocity([]) is None
    alone = velocity(500.0)
    assert (alone.coins, alone.change_5m_pct, alone.change_4h_pct) == (500.0, None, None)


def test_an_unknown_worth_stays_unknown() -> None:
    found = oi_velocity([OiBar(time_ms=T0, coins=5.0, usd=math.nan)])
    assert found is not None
    assert found.usd is None
