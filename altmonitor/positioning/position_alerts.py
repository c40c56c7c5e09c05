"""When a side's size has changed enough to be told, and what makes two such tellings the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from altmonitor.positioning.history import Change, QtyChange
from altmonitor.positioning.units import Percent

THRESHOLD_PCT: Final = 5.0
WINDOW_MIN: Final = 30

Step = Literal["new", "add", "cut"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionAlert:
    """change_pct: None for a new position, which has no percent.

    fingerprint: side, direction and how many thresholds the change holds; the same one is not told again within the
    window, a larger step of the same move is.
    """

    symbol: str
    side: Literal["long", "short"]
    step: Step
    change_pct: Percent | None
    from_coins: float
    to_coins: float
    fingerprint: str


def position_alerts(change: Change, *, threshold_pct: float = THRESHOLD_PCT) -> list[PositionAlert]:
    """At most one per side. threshold_pct: percent, > 0; reached counts."""
    sides: tuple[tuple[Literal["long", "short"], QtyChange], ...] = (
        ("long", change.long.qty),
        ("short", change.short.qty),
    )
    return [
        found
        for side, qty in sides
        if (found := _alert(change.symbol, side, qty, threshold_pct=threshold_pct)) is not None
    ]


def _alert(
    symbol: str, side: Literal["long", "short"], qty: QtyChange, *, threshold_pct: float
) -> PositionAlert | None:
    if qty.from_coins is None or qty.to_coins is None:
        return None
    step: Step
    if qty.is_new:
        step, steps = "new", 0
    elif qty.change_pct is None or abs(qty.change_pct) < threshold_pct:
        return None
    else:
        step, steps = ("add" if qty.change_pct > 0 else "cut"), int(abs(qty.change_pct) / threshold_pct)
    return PositionAlert(
        symbol=symbol,
        side=side,
        step=step,
        change_pct=qty.change_pct,
        from_coins=qty.from_coins,
        to_coins=qty.to_coins,
        fingerprint=f"{side}:{step}:{steps}",
    )
