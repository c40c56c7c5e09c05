"""How far a price must go before anybody wants to hear of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

Window = tuple[int, float, float]
"""(minutes, rise, fall): factors of the open of the candle that began so many minutes before the running one ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Anything inside them is of interest to nobody; what lies outside may still be found uninteresting.

    rise, fall: smallest factors of a change since any price of the last minute, rise > 1, 0 ≤ fall < 1.
    windows: the same for longer ones. above, below: prices.
    """

    rise: float = inf
    fall: float = 0.0
    windows: tuple[Window, ...] = ()
    above: float = inf
    below: float = 0.0


NOTHING = Bounds()


def loosest(all_bounds: Iterable[Bounds]) -> Bounds:
    """What is outside of any of them is outside of this."""
    rise, fall, above, below = inf, 0.0, inf, 0.0
    windows: dict[int, tuple[float, float]] = {}
    for bounds in all_bounds:
        rise, fall = min(rise, bounds.rise), max(fall, bounds.fall)
        above, below = min(above, bounds.above), max(below, bounds.below)
        for minutes, up, down in bounds.windows:
            known_up, known_down = windows.get(minutes, (inf, 0.0))
            windows[minutes] = min(known_up, up), max(known_down, down)
    return Bounds(
        rise=rise,
        fall=fall,
        windows=tuple((minutes, *windows[minutes]) for minutes in sorted(windows)),
        above=above,
        below=below,
    )
