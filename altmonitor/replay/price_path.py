"""A minute as it may have gone: an archive knows four prices of it, a detector wants to see it happen.

Through all four prices in straight steps, as a recorded market is played by the demo: a candle that closes at or above
its open goes to its low first, any other to its high first. So a bound counts as touched where high or low reach it, as
the live socket would have shown, and a move that doubles within the minute is seen to double. Which extreme came first
is a convention; where it matters both ways are counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

PricePath = Literal["touch", "close"]

FIRST_PUSH_MS: Final = 500
PUSH_EVERY_MS: Final = 3_000
CLOSE_PUSH_MS: Final = 60_400
"""After the open; measured closing frames come 0.2 to 2 s after the minute."""
LEG_STEPS: Final = (4, 8, 7)
"""Steps to the first extreme, to the second, to the close."""


def path_of(
    opened: float, high: float, low: float, close: float, *, decimals: int, is_flipped: bool = False
) -> Iterator[tuple[int, float]]:
    """(ms after the open, price) of every push before the closing one. decimals: of the prices in between, -1 for any.
    is_flipped: the other extreme first."""
    yield FIRST_PUSH_MS, opened
    if high == low:
        return
    is_low_first = (close >= opened) != is_flipped
    turns = (opened, low, high, close) if is_low_first else (opened, high, low, close)
    after_ms, scale = FIRST_PUSH_MS, 10.0**decimals
    for begin, end, steps in zip(turns, turns[1:], LEG_STEPS, strict=False):
        first, last = (round(begin * scale), round(end * scale)) if decimals >= 0 else (0, 0)
        for step in range(1, steps):
            after_ms += PUSH_EVERY_MS
            if decimals < 0:
                yield after_ms, begin + (end - begin) * step / steps
            else:
                yield after_ms, _rounded(first, last, step, steps) / scale
        after_ms += PUSH_EVERY_MS
        yield after_ms, end


def _rounded(first: int, last: int, step: int, steps: int) -> int:
    """first + (last − first) × step / steps, half to even."""
    whole, rest = divmod((last - first) * step, steps)
    found = first + whole
    return found + (rest * 2 > steps or (rest * 2 == steps and found % 2 == 1))
