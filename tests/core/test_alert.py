"""What an alert says of itself: when its move began, which direction is that of the few."""

from __future__ import annotations

import pytest

from altmonitor.core.alert import Alert, Details, Direction, against_the_crowd

MINUTE_MS = 60_000
OPEN_MS = 1_790_000_040_000


def move(at_s: float, window_s: float | None, *, candle_ms: int | None = OPEN_MS) -> Alert:
    """at_s: after the candle opened."""
    event_ms = OPEN_MS + round(at_s * 1000)
    details = Details(window_s=window_s)
    return Alert(
        key="a",
        ts=0.0,
        event_ms=event_ms,
        symbol="A",
        kind="price",
        direction="UP",
        candle_ms=candle_ms,
        details=details,
    )


@pytest.mark.parametrize(
    ("alert", "began_s"),
    [
        (move(39.1, 39.1), 0.0),
        (move(61.3, 60.0), 0.0),  # the last frame of a candle comes after its end
        (move(39.1, 60.0), -20.9),
        (move(39.1, 279.1), -240.0),
        (move(39.1, None, candle_ms=None), -20.9),
    ],
)
def test_a_move_began_where_its_window_begins(alert: Alert, began_s: float) -> None:
    assert alert.began_ms == OPEN_MS + round(began_s * 1000)


@pytest.mark.parametrize(
    ("pumps", "dumps", "few"),
    [
        (0, 0, None),
        (4, 0, None),
        (5, 0, "DUMP"),
        (0, 5, "PUMP"),
        (1, 4, None),
        (2, 8, "PUMP"),
        (2, 7, None),
        (8, 2, "DUMP"),
    ],
)
def test_four_in_five_of_at_least_five_are_a_crowd(pumps: int, dumps: int, few: Direction | None) -> None:
    assert against_the_crowd(pumps, dumps) == few
