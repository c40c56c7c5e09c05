"""How many of a group are in profit, and how far two groups lie apart."""

from __future__ import annotations

from typing import Final, Literal

from altmonitor.positioning.units import Fraction, round_half_up

CELLS: Final = 10

Standing = Literal["shorts_far_ahead", "longs_far_ahead", "shorts_ahead", "longs_ahead", "even"]


def profit_share(in_profit: int | None, count: int | None) -> Fraction | None:
    """0…1. None (not 0) for a group without members or of unknown size.

    The two counts are taken at different moments on the exchange's side: 999 of 347 is told as all of them, never as
    more.
    """
    if in_profit is None or count is None or count <= 0 or in_profit < 0:
        return None
    return Fraction(min(1.0, in_profit / count))


def profit_gap(one: Fraction | None, other: Fraction | None) -> Fraction | None:
    """The distance between two shares; the order does not matter: 0.05 and 0.92 → 0.87."""
    return None if one is None or other is None else Fraction(abs(one - other))


def filled_cells(share: Fraction | None) -> int | None:
    """Of a bar of ten cells: 0.87 → 9. Within 0…10 whatever the share."""
    return None if share is None else min(CELLS, max(0, int(round_half_up(CELLS * share))))


def standing(long: Fraction | None, short: Fraction | None) -> Standing | None:
    """Which side is more in profit, in words for a table that is switched on for it; a description of now.

    Further apart than 0.20 is far, than 0.10 a little, else even.
    """
    if long is None or short is None:
        return None
    lead = round_half_up(long - short, 9)
    if abs(lead) > 0.20:
        return "longs_far_ahead" if lead > 0 else "shorts_far_ahead"
    if abs(lead) > 0.10:
        return "longs_ahead" if lead > 0 else "shorts_ahead"
    return "even"
