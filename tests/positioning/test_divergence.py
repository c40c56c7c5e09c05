"""The gap between crowd and top traders: signal, join by time stamp, crossings told once."""

from __future__ import annotations

import pytest

from altmonitor.positioning.divergence import Histories, Signal, divergence, history, next_side, signal_of
from altmonitor.positioning.open_interest import BAR_MS
from altmonitor.positioning.units import Percent
from tests.positioning.samples import T0, bucket


@pytest.mark.parametrize(
    ("gap", "signal"),
    [
        (-10.21, "crowd_over_long"),
        (-8.00, "crowd_over_long"),
        (-7.99, "aligned"),
        (0.0, "aligned"),
        (7.99, "aligned"),
        (8.00, "smart_money_over_long"),
        (14.0, "smart_money_over_long"),
    ],
)
def test_eight_points_are_a_divergence_on_either_side(gap: float, signal: str) -> None:
    assert signal_of(Percent(gap)) == signal


def test_the_edge_is_not_missed_by_float_noise() -> None:
    found = divergence(Histories(retail=[bucket(65.62)], top_accounts=[], top_positions=[bucket(57.62)]))
    assert found is not None
    assert (found.long_pct_gap, found.signal) == (-8.0, "crowd_over_long")


def test_a_gap_that_is_only_shown_as_eight_points_is_none() -> None:
    for top, told in ((57.996, "aligned"), (58.0, "smart_money_over_long")):
        found = divergence(Histories(retail=[bucket(50)], top_accounts=[], top_positions=[bucket(top)]))
        assert found is not None
        assert found.signal == told


def test_the_newest_bucket_both_have_is_compared_never_two_different_ones() -> None:
    found = divergence(
        Histories(
            retail=[bucket(60, at=-2), bucket(67.98, at=-1)],
            top_accounts=[bucket(50, at=0)],
            top_positions=[bucket(53.89, at=-1), bucket(20, at=0)],
        )
    )
    assert found is not None
    assert (found.time_ms, found.long_pct_gap) == (T0 - BAR_MS, -14.09)
    assert (found.retail_long_pct, found.smart_money_long_pct) == (67.98, 53.89)


def test_without_a_common_bucket_there_is_no_divergence() -> None:
    assert divergence(Histories(retail=[bucket(60, at=0)], top_accounts=[], top_positions=[bucket(50, at=-1)])) is None
    assert divergence(Histories(retail=[], top_accounts=[], top_positions=[])) is None


def test_a_hole_in_one_series_is_null_there_and_shifts_nothing() -> None:
    whole = [bucket(60 + at, at=at) for at in range(4)]
    points = history(
        Histories(retail=whole[::-1], top_accounts=whole, top_positions=[*whole[:1], *whole[2:]]), limit=48
    )
    assert [point.time_ms for point in points] == [T0, T0 + BAR_MS, T0 + 2 * BAR_MS, T0 + 3 * BAR_MS]
    assert [point.top_positions is None for point in points] == [False, True, False, False]
    assert [point.long_pct_gap for point in points] == [0.0, None, 0.0, 0.0]
    assert points[3].retail == whole[3]


def test_history_is_cut_to_its_newest_moments() -> None:
    series = [bucket(60, at=at) for at in range(10)]
    points = history(Histories(retail=series, top_accounts=[], top_positions=series), limit=3)
    assert [point.time_ms for point in points] == [T0 + 7 * BAR_MS, T0 + 8 * BAR_MS, T0 + 9 * BAR_MS]


def test_a_crossing_is_told_once_until_the_gap_has_closed_again() -> None:
    told = []
    side: Signal = "aligned"
    for gap in (-5.0, -8.0, -7.9, -8.1, -12.0, -7.5, -8.0, -6.9, -8.0, 8.0, 7.0, 8.5, 6.99, 8.0):
        side, is_raised = next_side(side, Percent(gap))
        told.append(is_raised)
    assert told == [
        *(False, True, False, False, False, False, False),  # trembles around −8, told at the first
        *(False, True),  # had closed to 6.9: a new crossing
        *(True, False, False),  # straight to the other side
        *(False, True),
    ]
