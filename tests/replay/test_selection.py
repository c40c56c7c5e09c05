"""Which minutes the engine is shown."""

from __future__ import annotations

import numpy as np

from altmonitor.core.types import Destination
from altmonitor.market.candles import MINUTE_MS
from altmonitor.replay.measures import run_lengths
from altmonitor.replay.selection import marks_of
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import Settings
from tests.replay.history import FEB_2025, minutes_of


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
