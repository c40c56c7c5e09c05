from __future__ import annotations

from datetime import UTC

from altmonitor.web.pages.line_picture import LineSeries, line_picture

HOUR = 3_600_000
T0 = 1_790_000_000_000 // HOUR * HOUR


def drawn(*hours: int) -> tuple[int, int]:
    """Lines and lone dots of a series with a bucket in each of these hours."""
    points = [(T0 + hour * HOUR, 50.0 + hour) for hour in hours]
    picture = line_picture([LineSeries(name="", tone="", points=points)], UTC, shown=str)
    assert picture is not None
    return len(picture.lines[0].paths), len(picture.lines[0].dots)


def test_missing_buckets_are_a_gap_in_the_line_and_a_lone_one_is_a_dot() -> None:
    assert drawn(0, 1, 2, 3) == (1, 0)
    assert drawn(0, 1, 2, 6, 7, 8) == (2, 0)
    assert drawn(0, 1, 2, 6, 9, 10) == (2, 1)


def test_axes_have_round_labels_within_the_picture() -> None:
    points = [(T0 + hour * HOUR, 40.0 + hour) for hour in range(24)]
    picture = line_picture([LineSeries(name="", tone="", points=points)], UTC, shown=lambda value: f"{value:g} %")
    assert picture is not None
    assert [tick.text for tick in picture.value_ticks] == ["40 %", "50 %", "60 %"]
    assert all(tick.text.endswith(":00") for tick in picture.time_ticks)
    assert len(picture.time_ticks) >= 3
    assert all(10 <= tick.at <= 214 for tick in picture.value_ticks)


def test_one_moment_is_no_line() -> None:
    assert line_picture([LineSeries(name="", tone="", points=[(T0, 1.0)])], UTC, shown=str) is None
