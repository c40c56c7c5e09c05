"""Which minutes the engine is shown."""

from __future__ import annotations

from math import isnan

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from altmonitor.core.types import Destination
from altmonitor.detectors.volume import FEWEST_CANDLES
from altmonitor.market.candles import MINUTE_MS, NO_MINUTES, ClosedRun
from altmonitor.replay.measures import could_burst, day_sums, medians, reached, run_lengths
from altmonitor.replay.selection import marks_of
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import Settings
from tests.replay.history import FEB_2025, minutes_of, wild_columns


def marked(quotes: list[float], **changes: float) -> list[int]:
    candles = minutes_of([FEB_2025 + at * MINUTE_MS for at in range(len(quotes))], quotes=quotes)
    settings = Settings(**changes)  # type: ignore[arg-type]
    audience = Audience(destination=Destination(chat_id=1), settings=settings)
    marks = marks_of(candles, run_lengths(candles.open_ms), [audience], [settings])
    found: list[int] = np.flatnonzero(marks.any).tolist()
    return found


def test_a_minute_is_shown_from_the_multiple_of_the_median_on() -> None:
    assert marked([100_000.0] * 20 + [500_000.0]) == [20]
    assert marked([100_000.0] * 20 + [499_990.0]) == []


def test_of_an_even_number_of_minutes_the_median_lies_between_the_two_in_the_middle() -> None:
    before = [100_000.0] * 10 + [300_000.0] * 10  # half of them are small enough, their median is 200,000
    assert marked([*before, 999_990.0]) == []
    assert marked([*before, 1_000_000.0]) == [20]


def test_no_minute_is_a_multiple_of_nothing() -> None:
    assert marked([0.0] * 15 + [100_000.0] * 5 + [900_000.0]) == []


def test_fewer_than_five_minutes_are_nothing_to_compare_with() -> None:
    assert marked([100_000.0] * 4 + [900_000.0]) == []
    assert marked([100_000.0] * 5 + [900_000.0]) == [5]


@given(seed=st.integers(0, 9_999), lookback=st.sampled_from([5, 6, 20, 99]), holes=st.sampled_from([0.0, 0.05]))
def test_medians_of_all_minutes_at_once_are_those_that_a_book_finds_one_by_one(
    seed: int, lookback: int, holes: float
) -> None:
    candles = wild_columns(130, seed=seed, holes=holes)
    run, closed, expected = run_lengths(candles.open_ms), ClosedRun(99), []
    for at in range(len(candles)):
        before = closed.usual(lookback) if closed.reaches(int(candles.open_ms[at])) else NO_MINUTES
        expected.append(before.median if before.minutes >= FEWEST_CANDLES else None)
        closed.append(candles.candle(at))
    found = medians(candles, run, np.arange(len(candles)), lookback=lookback).tolist()
    assert [None if isnan(one) else one for one in found] == expected


@given(
    seed=st.integers(0, 9_999),
    minutes=st.sampled_from([1, 5, 15]),
    rise=st.sampled_from([0.0, 0.8, 3.1]),
    first=st.integers(0, 130),
    holes=st.sampled_from([0.0, 0.05]),
)
def test_minutes_that_went_so_far_are_those_that_measuring_each_of_them_finds(
    seed: int, minutes: int, rise: float, first: int, holes: float
) -> None:
    candles = wild_columns(130, seed=seed, holes=holes)
    run, first = run_lengths(candles.open_ms), min(first, len(candles))
    ups: list[tuple[int, float]] = []
    downs: list[tuple[int, float]] = []
    for at in range(max(first, minutes - 1), len(candles)):
        before = at - minutes + 1
        if candles.open_ms[at] - candles.open_ms[before] == (minutes - 1) * MINUTE_MS:
            up = (float(candles.high[at]) / float(candles.open[before]) - 1) * 100
            down = (float(candles.low[at]) / float(candles.open[before]) - 1) * 100
            ups += [(at, up)] if up >= rise else []
            downs += [(at, down)] if down <= -rise else []
    found = reached(candles, run, minutes=minutes, rise=rise, fall=-rise, first=first)
    assert [list(zip(one.rows.tolist(), one.pct.tolist(), strict=True)) for one in found] == [ups, downs]


def test_more_minutes_are_compared_with_than_a_byte_counts() -> None:
    quotes = [100.0] * 300 + [1_000.0]
    candles = minutes_of([FEB_2025 + at * MINUTE_MS for at in range(301)], quotes=quotes)
    run = run_lengths(candles.open_ms)
    assert np.flatnonzero(could_burst(candles, run, lookback=300, multiple=5.0)).tolist() == [300]
    assert np.flatnonzero(could_burst(candles, run, lookback=999, multiple=5.0)).tolist() == [300]


def test_the_volume_of_a_day_is_known_from_its_second_one_on_and_without_missing_minutes() -> None:
    opens = [FEB_2025 + at * MINUTE_MS for at in range(3_000) if at != 2_000]
    candles = minutes_of(opens, quotes=[1.0] * len(opens))
    rows = np.array([0, 1_439, 1_440, 1_999, 2_000, 2_998])
    found = day_sums(candles, run_lengths(candles.open_ms), rows).tolist()
    assert found == [float("inf"), float("inf"), 1_440.0, 1_440.0, 1_439.0, 1_439.0]
