"""A day of moves before the start, large ones rarer than small ones: what a budget of alerts is counted from."""

from __future__ import annotations

from altmonitor.market.candles import MINUTE_MS
from altmonitor.sim.script import Burst, Dump, Event, Pump
from tests.e2e.stage import START_MS

SYMBOLS = ("ADAUSDT", "BCHUSDT", "UNIUSDT", "ATOMUSDT", "APTUSDT", "OPUSDT", "SEIUSDT", "INJUSDT", "FILUSDT", "ETCUSDT")


def _move(number: int) -> Event:
    """Of 48 the first ones are the largest; 17 are of 5 % or more, 12 of 6 % or more. None is twice as large as that: a
    move that doubles is told again, and a budget of 20 then is missed or met by a twentieth of an alert."""
    symbol, size = SYMBOLS[number // 2 % 10], min(9.9, 3 * (48 / (number + 1)) ** 0.5)
    return (Pump if number % 2 else Dump)(symbol, START_MS - 29 * MINUTE_MS * (number + 1) + 7_000, size)


def _burst(number: int) -> Event:
    """The first of 75 has 173 times the usual volume; 12 have 50 times or more, 8 have 60 times or more."""
    return Burst(
        SYMBOLS[number % 10], START_MS - 18 * MINUTE_MS * (number + 1) + 7_000, 20 * (75 / (number + 1)) ** 0.5
    )


LATELY = (*map(_move, range(48)), *map(_burst, range(75)))
