"""Changes over the tracked open interest and top traders' ratios, against values computed by hand."""

from __future__ import annotations

from dataclasses import replace

from altmonitor.positioning.statistics_history import (
    RatioMove,
    Span,
    StoredOiChange,
    stored_oi_change,
    stored_ratio_change,
)
from tests.tracker.samples import top_traders, velocity

T0 = 1_790_000_100_000
MINUTE = 60_000


def test_the_change_of_open_interest_over_an_hour_is_that_of_the_first_row_against_the_last() -> None:
    rows = [
        replace(velocity(T0 - 60 * MINUTE), coins=1_000.0, usd=10_000.0),
        replace(velocity(T0), coins=1_035.0, usd=9_936.0),
        replace(velocity(T0 - 30 * MINUTE), coins=1_200.0, usd=12_600.0),
    ]
    found = stored_oi_change(rows, minutes=60, now_ms=T0 + MINUTE)
    assert isinstance(found, StoredOiChange)
    assert (found.coins.from_coins, found.coins.to_coins, found.coins.change_pct) == (1_000.0, 1_035.0, 3.5)
    assert (found.from_usd, found.to_usd, found.usd_change_pct) == (10_000.0, 9_936.0, -0.64)
    assert found.span == Span(from_ms=T0 - 60 * MINUTE, to_ms=T0, minutes=60.0, is_off=False, samples=3)


def test_older_and_later_rows_do_not_count_and_a_short_history_says_so() -> None:
    rows = [velocity(T0 - 300 * MINUTE), velocity(T0 - 20 * MINUTE), velocity(T0), velocity(T0 + 5 * MINUTE)]
    found = stored_oi_change(rows, minutes=60, now_ms=T0)
    assert found is not None
    assert (found.span.minutes, found.span.is_off, found.span.samples) == (20.0, True, 2)
    assert stored_oi_change(rows[:2], minutes=60, now_ms=T0) is None
    unknown = [replace(velocity(T0 - MINUTE), usd=None), velocity(T0)]
    moved = stored_oi_change(unknown, minutes=60, now_ms=T0)
    assert moved is not None
    assert (moved.from_usd, moved.usd_change_pct, moved.coins.change_pct) == (None, None, 0.0)


def test_the_change_of_ratios_is_in_percentage_points() -> None:
    rows = [top_traders(at_ms=T0 - 60 * MINUTE, long=0.6215), top_traders(at_ms=T0, long=0.5954)]
    found = stored_ratio_change(rows, minutes=60, now_ms=T0)
    assert found is not None
    assert found.period == "5m"
    move = RatioMove(from_long_pct=62.15, to_long_pct=59.54, change_pct=-2.61, from_ratio=1.64, to_ratio=1.64)  # type: ignore[arg-type]
    assert (found.positions, found.accounts) == (move, move)
    assert stored_ratio_change(rows[:1], minutes=60, now_ms=T0) is None
