from __future__ import annotations

from datetime import UTC, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest

from altmonitor.render.charts.layout import Axis, compact, price_labels, round_ticks, span_of, time_ticks
from tests.render.charts.chart_cases import T0

MINUTE = 60_000


def test_an_axis_places_values_between_its_ends() -> None:
    axis = Axis(low=100.0, high=110.0, at_low=300.0, at_high=100.0)
    assert [axis.destination(value) for value in (100.0, 105.0, 110.0)] == [300.0, 200.0, 100.0]


def test_a_narrow_span_is_widened_around_its_middle() -> None:
    assert span_of(99.0, 101.0, least_share=0.002) == (99.0, 101.0)
    assert span_of(100.0, 100.0, least_share=0.02) == (99.0, 101.0)


@pytest.mark.parametrize(
    ("low", "high", "at_most", "expected"),
    [
        (0.0, 10.0, 5, [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]),
        (99.7, 103.3, 4, [100.0, 101.0, 102.0, 103.0]),
        (0.00585, 0.00625, 4, [0.0059, 0.006, 0.0061, 0.0062]),
        (104_321.0, 104_329.0, 4, [104_322.0, 104_324.0, 104_326.0, 104_328.0]),
        (3.0e-7, 3.5e-7, 5, [3.0e-7, 3.1e-7, 3.2e-7, 3.3e-7, 3.4e-7, 3.5e-7]),
    ],
)
def test_ticks_are_round_and_free_of_rounding_dust(
    low: float, high: float, at_most: int, expected: list[float]
) -> None:
    assert round_ticks(low, high, at_most=at_most) == expected


def test_labels_of_one_axis_have_the_same_count_of_decimals() -> None:
    assert price_labels([0.9995, 1.0, 1.0005]) == ["0.9995", "1.0000", "1.0005"]
    assert price_labels([104_000.0, 104_500.0]) == ["104,000", "104,500"]
    assert price_labels([0.0000003, 0.00000031]) == ["0.00000030", "0.00000031"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.5, "0.500"),
        (951.26, "951.3"),
        (999.96, "1.000K"),
        (12_340.0, "12.34K"),
        (7_823_456_000.0, "7.823B"),
        (4.2e6, "4.200M"),
        (1.5e15, "1,500,000B"),
    ],
)
def test_open_interest_has_four_digits(value: float, shown: str) -> None:
    assert compact(value) == shown


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        (UTC, [-20, -10, 0]),
        (ZoneInfo("Asia/Shanghai"), [-20, -10, 0]),
        (timezone(timedelta(hours=5, minutes=45)), [-25, -15, -5]),
    ],
)
def test_times_are_round_where_the_reader_lives(zone: tzinfo, expected: list[int]) -> None:
    ticks = time_ticks(T0 - 29 * MINUTE, T0 + MINUTE, zone, at_most=4)
    assert [(tick - T0) // MINUTE for tick in ticks] == expected


def test_a_long_chart_has_few_times() -> None:
    ticks = time_ticks(T0 - 240 * MINUTE, T0, UTC, at_most=6)
    assert [(tick - T0) // MINUTE for tick in ticks] == [-240, -180, -120, -60, 0]
