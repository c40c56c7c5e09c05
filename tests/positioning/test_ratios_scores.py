"""Composite, Kelly share and funding spread: what holds where descriptions do not add up."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmonitor.core.types import Fraction
from altmonitor.positioning.funding import funding_spread, rate_8h
from altmonitor.positioning.ratios import composite, kelly_share


def test_a_composite_is_the_plain_mean_of_its_parts() -> None:
    found = composite({"derivatives": 0.81, "onchain": 0.68, "whales": 0.73})
    assert found.score == pytest.approx(0.74)
    assert sum(found.weights.values()) == pytest.approx(1.0)


def test_an_unknown_part_is_left_out_and_the_others_weigh_more() -> None:
    found = composite({"derivatives": 0.8, "onchain": None, "whales": 0.6})
    assert found.score == pytest.approx(0.7)
    assert found.weights == {"derivatives": 0.5, "whales": 0.5}
    assert composite({"onchain": None, "whales": math.nan}).score is None


@given(st.dictionaries(st.text(max_size=3), st.floats(min_value=-1, max_value=1), min_size=1))
def test_the_opposite_view_has_the_opposite_score(parts: dict[str, float]) -> None:
    one, other = composite(parts).score, composite({name: -score for name, score in parts.items()}).score
    assert one is not None
    assert other == pytest.approx(-one)


def test_a_score_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match="whales score 74"):
        composite({"whales": 74.0})


def test_the_kelly_share_is_the_textbooks_and_not_twice_the_win_rate_minus_one() -> None:
    share = kelly_share(win_rate=Fraction(0.68), reward_risk=2.1, samples=100)
    assert share == pytest.approx(0.5276, abs=5e-5)
    assert kelly_share(win_rate=Fraction(0.68), reward_risk=1.0, samples=100) == pytest.approx(0.36)


def test_bad_odds_are_worth_nothing_and_few_samples_say_nothing() -> None:
    assert kelly_share(win_rate=Fraction(0.2), reward_risk=1.0, samples=100) == 0.0
    assert kelly_share(win_rate=Fraction(0.68), reward_risk=2.1, samples=5) is None
    for win_rate, reward_risk in ((68.0, 2.1), (0.68, 0.0), (0.68, math.nan), (math.nan, 2.1)):
        with pytest.raises(ValueError, match="is impossible"):
            kelly_share(win_rate=Fraction(win_rate), reward_risk=reward_risk, samples=100)


def test_rates_of_different_intervals_are_compared_per_8_hours() -> None:
    hourly, per_8h = rate_8h(Fraction(0.0001), interval_h=1.0), rate_8h(Fraction(0.0001), interval_h=8.0)
    assert hourly is not None
    assert per_8h is not None
    found = funding_spread({"binance": per_8h, "hyperliquid": hourly})
    assert found is not None
    assert found.spread_8h == pytest.approx(0.0007)
    assert found.apr_pct == pytest.approx(76.65)
    assert (found.lower_venue, found.higher_venue) == ("binance", "hyperliquid")
    assert found.usd_8h(10_000.0) == pytest.approx(7.0)


def test_one_venue_has_no_spread_and_an_unknown_rate_is_no_zero() -> None:
    assert funding_spread({"binance": Fraction(0.0001)}) is None
    assert rate_8h(None, interval_h=8.0) is None
    assert rate_8h(Fraction(0.0001), interval_h=0.0) is None
