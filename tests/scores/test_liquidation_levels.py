"""Levels, the cascade score, and stops beside them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmonitor.scores.liquidation_levels import (
    ClosedByForce,
    ForcedExit,
    OpenInterestStep,
    cascade_risk,
    cascade_score,
    estimated_exits,
    exit_map,
)
from altmonitor.scores.stops import bars, stop_plan


def test_exits_close_together_are_one_level_and_the_nearest_comes_first() -> None:
    exits = [
        ForcedExit(price=98.0, size_usd=1e6, is_long=True, leverage=20),
        ForcedExit(price=98.1, size_usd=3e6, is_long=True, leverage=40),
        ForcedExit(price=90.2, size_usd=5e6, is_long=True),
        ForcedExit(price=104.2, size_usd=2e6, is_long=False, leverage=10),
        ForcedExit(price=101.0, size_usd=9e6, is_long=True),  # past: a long above the price
    ]
    found = exit_map(exits, price=100.0, open_interest_usd=1e9, method="observed")
    assert [(round(one.price, 3), one.size_usd, one.avg_leverage) for one in found.long_levels] == [
        (98.075, 4e6, 35.0),
        (90.2, 5e6, None),
    ]
    assert found.nearest_long_liq_pct == pytest.approx(-1.925)
    assert found.nearest_short_liq_pct == pytest.approx(4.2)
    assert found.near_usd == 6e6


def test_j35_no_levels_no_risk_and_the_bounds_of_the_words() -> None:
    assert cascade_score([], price=100.0, open_interest_usd=1e9) == 0.0
    assert cascade_score([ForcedExit(price=99, size_usd=1e9, is_long=True)], price=100, open_interest_usd=0) == 0.0
    assert [cascade_risk(score) for score in (0.0, 0.33, 0.66, 1.0)] == ["LOW", "MEDIUM", "HIGH", "HIGH"]


_EXITS = st.lists(
    st.builds(
        ForcedExit,
        price=st.floats(min_value=50, max_value=150),
        size_usd=st.floats(min_value=0, max_value=1e12),
        is_long=st.booleans(),
    ),
    max_size=8,
)


@given(_EXITS, st.floats(min_value=95, max_value=105), st.floats(min_value=0, max_value=1e12))
def test_j35_more_size_near_the_price_never_lowers_the_score(exits: list[ForcedExit], at: float, more: float) -> None:
    before = cascade_score(exits, price=100.0, open_interest_usd=1e9)
    added = [*exits, ForcedExit(price=at, size_usd=more, is_long=at < 100)]
    after = cascade_score(added, price=100.0, open_interest_usd=1e9)
    assert 0.0 <= before <= after <= 1.0


def test_an_estimate_spreads_what_was_opened_and_drops_what_was_reached() -> None:
    step = OpenInterestStep(usd=1e6, price=100.0, lowest=97.0, highest=100.6)
    found = estimated_exits([step, OpenInterestStep(usd=-5.0, price=100.0, lowest=99.0, highest=101.0)])
    longs = [(round(one.price, 2), round(one.size_usd)) for one in found if one.is_long]
    shorts = [(round(one.price, 2), round(one.size_usd)) for one in found if not one.is_long]
    assert longs == [(80.5, 200_000), (90.5, 300_000), (95.5, 250_000)]
    assert shorts == [(119.5, 200_000), (109.5, 300_000), (104.5, 250_000), (101.5, 150_000)]


def test_j17_what_was_seen_to_end_by_force_beyond_the_reached_is_taken_from_the_nearest() -> None:
    step = OpenInterestStep(
        usd=1e6, price=100.0, lowest=97.0, highest=100.6
    )  # reached: 250,000 of longs, 100,000 of shorts
    whole = estimated_exits([step])

    def left(long_usd: float, short_usd: float) -> list[tuple[float, int]]:
        seen = ClosedByForce(long_usd=long_usd, short_usd=short_usd)
        return sorted((round(one.price, 2), round(one.size_usd)) for one in estimated_exits([step], closed=seen))

    assert left(250_000.0, 0.0) == sorted((round(one.price, 2), round(one.size_usd)) for one in whole)
    assert left(350_000.0, 350_000.0) == [
        (80.5, 200_000), (90.5, 300_000), (95.5, 150_000), (104.5, 150_000), (109.5, 300_000), (119.5, 200_000),
    ]  # fmt: skip
    assert left(9e9, 9e9) == []


@given(st.floats(min_value=0, max_value=1e7), st.floats(min_value=0, max_value=1e7))
def test_j17_more_that_ended_by_force_never_leaves_more(less: float, more: float) -> None:
    less, more = sorted((less, more))
    step = OpenInterestStep(usd=1e6, price=100.0, lowest=97.0, highest=100.6)

    def left(usd: float) -> float:
        seen = ClosedByForce(long_usd=usd, short_usd=usd)
        return sum(one.size_usd for one in estimated_exits([step], closed=seen))

    assert left(more) <= left(less) + 1e-6


def _minutes(start: float = 100.0) -> list[tuple[int, float, float, float]]:
    """A day that swings by half a percent."""
    return [(n * 60_000, start + 0.5 + n % 7 * 0.02, start - 0.5 - n % 5 * 0.02, start) for n in range(600)]


def test_j19_stops_of_a_long_lie_below_and_in_order_and_of_a_short_above() -> None:
    found = bars(_minutes())
    levels = exit_map(
        [ForcedExit(price=98.9, size_usd=1e7, is_long=True)], price=100.0, open_interest_usd=1e9, method="observed"
    ).long_levels
    long = stop_plan(found, is_long=True, entry=100.0, risk_pct=2.0, levels=levels)
    short = stop_plan(found, is_long=False, entry=100.0, risk_pct=2.0, levels=())
    assert long is not None
    assert short is not None
    tight, middle, wide = (long.stops[name].price for name in ("tight", "recommended", "wide"))
    assert 100.0 > tight > middle > wide
    tight, middle, wide = (short.stops[name].price for name in ("tight", "recommended", "wide"))
    assert 100.0 < tight < middle < wide
    assert list(long.targets) == sorted(long.targets)
    assert long.targets[0] > 100.0 > short.targets[0]
    zone = long.avoid_zones[0]
    assert all(not zone.low <= one.price <= zone.high for one in long.stops.values())
    assert long.stops["wide"].position_pct * long.stops["wide"].distance_pct == pytest.approx(200.0)


@given(
    st.floats(min_value=0.001, max_value=1e5),
    st.booleans(),
    st.lists(st.floats(min_value=0.9, max_value=1.1), max_size=6),
)
def test_stops_keep_their_order_whatever_levels_there_are(entry: float, is_long: bool, at: list[float]) -> None:
    found = bars([(t, high * entry / 100, low * entry / 100, entry) for t, high, low, _ in _minutes()])
    exits = [ForcedExit(price=share * entry, size_usd=1e6, is_long=is_long) for share in at]
    side = exit_map(exits, price=entry, open_interest_usd=1e9, method="observed")
    levels = side.long_levels if is_long else side.short_levels
    plan = stop_plan(found, is_long=is_long, entry=entry, risk_pct=2.0, levels=levels)
    assert plan is not None
    prices = [plan.stops[name].price for name in ("tight", "recommended", "wide")]
    assert prices == sorted(prices, reverse=is_long)
    assert all((price < entry) is is_long and price > 0 for price in prices)


def test_too_few_minutes_make_no_stop() -> None:
    assert stop_plan(bars(_minutes()[:100]), is_long=True, entry=100.0, risk_pct=2.0, levels=()) is None
