"""A minute as it may have gone: an archive knows four prices of it, a detector wants to see it happen.

Through all four prices in straight steps, as a recorded market is played by the demo: a candle that closes at or above
its open goes to its low first, any other to its high first. So a bound counts as touched where high or low reach it, as
the live socket would have shown, and a move that doubles within the minute is seen to double. Which extreme came first
is a convention; where it matters both ways are counted.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import ceil
from typing import Final, Literal, NamedTuple

PricePath = Literal["touch", "close"]

FIRST_PUSH_MS: Final = 500
PUSH_EVERY_MS: Final = 3_000
CLOSE_PUSH_MS: Final = 60_400
"""After the open; measured closing frames come 0.2 to 2 s after the minute."""
LEG_STEPS: Final = (4, 8, 7)
"""Steps to the first extreme, to the second, to the close."""


class PathPoint(NamedTuple):
    """after_ms: after the open. high, low: of the candle so far."""

    after_ms: int
    price: float
    high: float
    low: float


_point_of: Callable[[tuple[int, float, float, float]], PathPoint] = partial(tuple.__new__, PathPoint)
"""Without the call in Python that a named tuple makes for each of itself."""


def pushes_of(high: float, low: float) -> int:
    """How many pushes a minute has before the closing one."""
    return 1 if high == low else 1 + sum(LEG_STEPS)


def push_at(after_ms: int) -> int:
    """Number of the last push at that moment, without an end; 1 before the first."""
    return max(1, (after_ms - FIRST_PUSH_MS) // PUSH_EVERY_MS + 1)


def push_of_volume(quote_usdt: float, bound_usdt: float, total: int, *, after: int = 0) -> int:
    """Number of the first push behind `after` in which a minute's volume, which grows evenly over its `total` pushes,
    has reached a bound; beyond `total` where none has."""
    if not 0.0 < quote_usdt >= bound_usdt:
        return total + 1
    number = max(after + 1, ceil(bound_usdt / quote_usdt * total))
    while number > after + 1 and quote_usdt * ((number - 1) / total) >= bound_usdt:
        number -= 1
    while number <= total and quote_usdt * (number / total) < bound_usdt:
        number += 1
    return number


def point_of(
    number: int, opened: float, high: float, low: float, close: float, *, decimals: int, is_flipped: bool = False
) -> PathPoint:
    """The push of that number, from 1 on. decimals: of the prices in between, -1 for any. is_flipped: the other extreme
    first."""
    after_ms = FIRST_PUSH_MS + (number - 1) * PUSH_EVERY_MS
    if number == 1:
        return _point_of((after_ms, opened, opened, opened))
    is_low_first = (close >= opened) != is_flipped
    first, second = (low, high) if is_low_first else (high, low)
    step, (to_first, to_second, to_close) = number - 1, LEG_STEPS
    if step <= to_first:
        price = _between(opened, first, step, to_first, decimals)
        return _point_of((after_ms, price, max(opened, price), min(opened, price)))
    if step <= to_first + to_second:
        price = _between(first, second, step - to_first, to_second, decimals)
        return _point_of((after_ms, price, max(opened, first, price), min(opened, first, price)))
    return _point_of((after_ms, _between(second, close, step - to_first - to_second, to_close, decimals), high, low))


def prices_of(
    opened: float, high: float, low: float, close: float, *, decimals: int, is_flipped: bool = False
) -> list[float]:
    """Of all pushes before the closing one, as `point_of` has them one by one."""
    if high == low:
        return [opened]
    first, second = (low, high) if (close >= opened) != is_flipped else (high, low)
    found, begin = [opened], opened
    for steps, end in zip(LEG_STEPS, (first, second, close), strict=True):
        if decimals < 0:
            found += [begin + (end - begin) * step / steps for step in range(1, steps)]
        else:
            scale = 10.0**decimals
            whole, far = round(begin * scale), round(end * scale) - round(begin * scale)
            found += [_rounded(whole, whole + far, step, steps) / scale for step in range(1, steps)]
        found.append(end)
        begin = end
    return found


def _between(begin: float, end: float, step: int, steps: int, decimals: int) -> float:
    if step == steps:
        return end
    if decimals < 0:
        return begin + (end - begin) * step / steps
    scale = 10.0**decimals
    return _rounded(round(begin * scale), round(end * scale), step, steps) / scale


def _rounded(first: int, last: int, step: int, steps: int) -> int:
    """first + (last − first) × step / steps, half to even."""
    whole, rest = divmod((last - first) * step, steps)
    found = first + whole
    return found + (rest * 2 > steps or (rest * 2 == steps and found % 2 == 1))
