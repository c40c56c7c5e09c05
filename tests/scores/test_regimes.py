"""Rules of states, and what a log of them sums up to."""

from __future__ import annotations

import pytest

from altmonitor.scores.regimes import LABELS, REGIMES, PastPoint, RegimeSeen, mean_of, past_regimes, regime, spans
from tests.scores.score_samples import readings


def test_j24_the_table_of_rules() -> None:
    asked: dict[str, dict[str, float | str]] = {
        "breakout": {"price_change_4h_pct": 2.0, "oi_change_4h_pct": 0.0},
        "breakdown": {"price_change_4h_pct": -2.0, "oi_change_4h_pct": 1.0},
        "short_covering": {"price_change_4h_pct": 3.0, "oi_change_4h_pct": -1.0},
        "deleveraging": {"price_change_4h_pct": -3.0, "oi_change_4h_pct": -1.0},
        "accumulation": {"price_change_4h_pct": 0.2, "oi_change_4h_pct": 3.0, "top_trader_lsr": 1.2},
        "distribution": {"price_change_4h_pct": 0.2, "oi_change_4h_pct": 3.0, "top_trader_lsr": 0.9},
        "crowded_long": {"price_change_4h_pct": 0.2, "oi_change_4h_pct": 1.0, "long_pct": 65.0},
        "crowded_short": {"price_change_4h_pct": 0.2, "oi_change_4h_pct": 1.0, "long_pct": 40.0},
        "range": {"price_change_4h_pct": 0.2, "oi_change_4h_pct": 1.0, "long_pct": 50.0},
        "unknown": {"oi_change_4h_pct": "blocked"},
    }
    assert {name: regime(readings(**values)) for name, values in asked.items()} == {name: name for name in asked}
    assert set(asked) == set(REGIMES) == set(LABELS)


def test_j23_a_past_is_judged_by_the_same_rules_and_only_where_four_hours_before_are_known() -> None:
    hour = 3_600_000
    points = [
        PastPoint(at_ms=0, price=100.0, open_interest=1_000.0),
        PastPoint(at_ms=2 * hour, price=101.0, open_interest=1_000.0),
        PastPoint(at_ms=4 * hour, price=103.0, open_interest=1_100.0),  # +3 %, more open
        PastPoint(at_ms=6 * hour, price=101.5, open_interest=1_040.0, top_trader_lsr=1.2),  # still, 4 % more open
        PastPoint(at_ms=8 * hour, price=103.0, open_interest=1_100.0, long_pct=66.0),
        PastPoint(at_ms=14 * hour, price=103.0, open_interest=1_100.0),  # nothing four hours before
        PastPoint(at_ms=18 * hour, price=0.0, open_interest=1.0),  # no price is no point
    ]
    found = past_regimes(points, source="binance")
    assert [(one.ts, one.regime, one.price) for one in found] == [
        (4 * 3_600, "breakout", 103.0),
        (6 * 3_600, "accumulation", 101.5),
        (8 * 3_600, "crowded_long", 103.0),
    ]


def test_a_change_ends_a_span_and_a_hole_ends_it_where_it_was_last_seen() -> None:
    seen = [
        RegimeSeen(ts=0, regime="range", price=100.0),
        RegimeSeen(ts=300, regime="range", price=101.0),
        RegimeSeen(ts=600, regime="breakout", price=102.0),
        RegimeSeen(ts=9_000, regime="breakout", price=110.0),
        RegimeSeen(ts=9_300, regime="breakout", price=121.0),
    ]
    found = spans(seen, longest_gap_s=900)
    assert [(one.regime, one.from_ts, one.to_ts, one.is_over) for one in found] == [
        ("range", 0, 600, True),
        ("breakout", 600, 600, True),
        ("breakout", 9_000, 9_300, False),
    ]
    assert found[0].return_pct == pytest.approx(2.0)
    assert found[2].return_pct == pytest.approx(10.0)
    assert mean_of(found, lambda one: one.return_pct) == pytest.approx((2.0 + 0.0 + 10.0) / 3)
    assert spans([], longest_gap_s=900) == []
