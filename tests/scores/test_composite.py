"""Legs, weights, adjustments and gates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmonitor.positioning.ratios import composite
from altmonitor.scores.composite import LEG_WEIGHTS, gate, score_market, weighed
from altmonitor.scores.legs import (
    crowd_score,
    funding_score,
    leg,
    open_interest_score,
    share_pct,
    taker_score,
    top_trader_score,
    whale_score,
)
from altmonitor.scores.readings import FRESH_S, METRICS, UNITS, staleness_factor
from tests.scores.score_samples import NOW_MS, readings


def test_every_metric_has_a_unit_and_an_age() -> None:
    assert set(METRICS) == set(UNITS) == set(FRESH_S)


def test_factors_at_known_points() -> None:
    found = {
        "funding 0.01 %": funding_score(0.0001),
        "funding beyond its end": funding_score(-0.004),
        "60 % of accounts long": crowd_score(60.0),
        "takers 1.1": taker_score(1.1),
        "open interest up with the price": open_interest_score(2.5, 0.5),
        "open interest down under a rising price": open_interest_score(-2.5, 0.5),
        "top traders 1.5": top_trader_score(1.5),
        "whales 65 %": whale_score(65.0),
    }
    assert found == {
        "funding 0.01 %": pytest.approx(-0.1),
        "funding beyond its end": 1.0,
        "60 % of accounts long": -0.5,
        "takers 1.1": pytest.approx(0.47619, abs=1e-5),
        "open interest up with the price": 0.25,
        "open interest down under a rising price": -0.25,
        "top traders 1.5": pytest.approx(0.5),
        "whales 65 %": 0.5,
    }


def test_j31_sixty_point_two_percent_and_1_5126_are_the_same_ratio() -> None:
    assert share_pct(1.5126) == pytest.approx(60.2, abs=0.001)
    ratio = 60.2 / (100 - 60.2)
    assert ratio == pytest.approx(1.5126, abs=0.0001)


def test_m_three_scores_of_equal_weight_are_their_mean() -> None:
    assert composite({"derivatives": 0.81, "onchain": 0.68, "whale": 0.73}).score == pytest.approx(0.74)


def test_weights_are_0_40_0_35_0_25_and_the_rest_is_renormalised() -> None:
    assert dict(LEG_WEIGHTS) == {"derivatives": 0.40, "whale": 0.35, "onchain": 0.25}
    whole, weights = weighed({"derivatives": (0.81, 1.0), "whale": (0.73, 1.0), "onchain": (0.68, 1.0)})
    assert whole == pytest.approx(0.7495)
    assert weights == {"derivatives": pytest.approx(0.40), "whale": pytest.approx(0.35), "onchain": pytest.approx(0.25)}
    part, weights = weighed({"derivatives": (0.81, 1.0), "whale": (0.73, 1.0), "onchain": (None, 0.0)})
    assert part == pytest.approx((0.40 * 0.81 + 0.35 * 0.73) / 0.75)
    assert weights == {
        "derivatives": pytest.approx(0.53333, abs=1e-5),
        "whale": pytest.approx(0.46667, abs=1e-5),
        "onchain": 0.0,
    }
    assert weighed({"derivatives": (None, 0.0), "whale": (None, 0.0), "onchain": (None, 0.0)})[0] is None


def test_what_is_missing_in_a_leg_is_left_out_and_shown() -> None:
    found = leg("derivatives", readings(funding_rate="blocked until noon"), NOW_MS)
    assert found.coverage == 0.75
    assert [round(one.weight, 4) for one in found.factors] == [0.0, 0.3333, 0.3333, 0.3333]
    assert found.factors[0].unavailable == "funding_rate: blocked until noon"
    assert found.score == pytest.approx((0.25 - 0.5 + 0.47619) / 3, abs=1e-5)


def test_the_onchain_leg_is_null_with_its_reason_and_weighs_nothing() -> None:
    found = score_market(
        readings(mvrv="no on-chain provider is configured", sopr="no on-chain provider"), now_ms=NOW_MS
    )
    assert found.legs["onchain"].score is None
    assert "mvrv: no on-chain provider is configured" in (found.legs["onchain"].unavailable or "")
    assert found.weights_mode == "renormalised"
    assert sum(found.weights.values()) == pytest.approx(1.0)
    assert found.weights["onchain"] == 0.0


def test_an_old_number_counts_less_and_less_and_then_not_at_all() -> None:
    assert [staleness_factor("funding_rate", age_s) for age_s in (0, 300, 600, 900, 5_000)] == [1, 1, 0.5, 0, 0]
    half, gone = score_market(readings(age_s=990), now_ms=NOW_MS), score_market(readings(age_s=9_000), now_ms=NOW_MS)
    assert 0 < half.legs["derivatives"].staleness_factor < 1
    assert gone.legs["derivatives"].score is None
    assert "too old to count" in (gone.legs["derivatives"].unavailable or "")


def test_a_score_says_confirm_reduce_minimal_veto_or_nothing() -> None:
    table = []
    for long_pct, top, whales in ((30.0, 3.0, 80.0), (50.0, 1.5, 60.0), (50.0, 1.0, 50.0), (75.0, 0.4, 20.0)):
        bullish = {"funding_rate": 0.0, "taker_ratio": 1.0, "oi_change_1h_pct": 0.0}
        if long_pct == 30.0:
            bullish = {"funding_rate": -0.001, "taker_ratio": 1.3, "oi_change_1h_pct": 5.0, "price_change_1h_pct": 1.0}
        if long_pct == 75.0:
            bullish = {"funding_rate": 0.001, "taker_ratio": 0.7, "oi_change_1h_pct": 5.0, "price_change_1h_pct": -1.0}
        given = readings(
            long_pct=long_pct,
            top_trader_lsr=top,
            followed_whales_long_pct=whales,
            whale_notional_long_pct=whales,
            **bullish,
        )
        found = gate(score_market(given, now_ms=NOW_MS), "long")
        table.append((found.confidence, found.action, found.action_v1, found.size_mult))
    assert table == [
        ("HIGH", "CONFIRM_FULL", "CONFIRM", 1.5),
        ("LOW", "CONFIRM_MINIMAL", "SKIP", 0.5),
        ("LOW", "CONFIRM_MINIMAL", "SKIP", 0.5),
        ("VETO", "VETO_SKIP", "VETO", 0.0),
    ]
    nothing = gate(score_market({}, now_ms=NOW_MS), "long")
    assert (nothing.confidence, nothing.action, nothing.action_v1, nothing.size_mult) == (
        "NO_DATA",
        "NO_DATA_SKIP",
        "SKIP",
        0.0,
    )


def test_medium_is_reached_at_its_bound() -> None:
    given = readings(
        funding_rate=-0.0005,
        oi_change_1h_pct=0.0,
        long_pct=50.0,
        taker_ratio=1.0,
        top_trader_lsr=1.5,
        followed_whales_long_pct=65.0,
        whale_notional_long_pct=65.0,
    )
    found = gate(score_market(given, now_ms=NOW_MS), "long")
    assert (found.confidence, found.action_v1, found.size_mult) == ("MEDIUM", "REDUCE", 1.0)
    assert found.composite == pytest.approx(0.4 / 0.75 * 0.125 + 0.35 / 0.75 * 0.5)


def test_high_needs_both_legs() -> None:
    gone = "not asked"
    given = readings(
        funding_rate=-0.001,
        oi_change_1h_pct=5.0,
        price_change_1h_pct=1.0,
        long_pct=30.0,
        taker_ratio=1.3,
        top_trader_lsr=gone,
        followed_whales_long_pct=gone,
        whale_notional_long_pct=gone,
    )
    found = gate(score_market(given, now_ms=NOW_MS), "long")
    assert found.confidence == "MEDIUM"
    assert found.capped == "HIGH needs half of the whale leg to be known"


_PERCENT = st.floats(min_value=0, max_value=100)


@given(
    st.floats(min_value=-0.01, max_value=0.01),
    _PERCENT,
    st.floats(min_value=0.05, max_value=20),
    st.floats(min_value=-20, max_value=20),
    _PERCENT,
    st.floats(min_value=0, max_value=1),
)
def test_j7_short_is_minus_long(
    funding: float, long_pct: float, top: float, oi: float, whales: float, cascade: float
) -> None:
    given = readings(
        funding_rate=funding,
        long_pct=long_pct,
        top_trader_lsr=top,
        oi_change_1h_pct=oi,
        followed_whales_long_pct=whales,
        whale_notional_long_pct=100 - whales,
    )
    score = score_market(given, now_ms=NOW_MS, cascade_score=cascade)
    one, other = gate(score, "long").composite, gate(score, "short").composite
    assert one is not None
    assert other is not None
    assert other == -one
    assert -1 <= one <= 1
    assert score.base is not None
    assert abs(one) <= abs(score.base) + 1e-12
    assert one * score.base >= 0
