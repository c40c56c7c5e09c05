"""In which state a contract is, by rules over price, open interest and the crowd. No term of it needs on-chain data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from altmonitor.scores.readings import Metric, MetricReading, Readings, value_of

RegimeName = Literal[
    "breakout",
    "breakdown",
    "short_covering",
    "deleveraging",
    "accumulation",
    "distribution",
    "crowded_long",
    "crowded_short",
    "range",
    "unknown",
]
REGIMES: Final[tuple[RegimeName, ...]] = get_args(RegimeName)

MOVE_PCT: Final = 2.0
"""Over four hours."""
STILL_PCT: Final = 1.0
BUILD_PCT: Final = 3.0
SHED_PCT: Final = -3.0
CROWDED_LONG_PCT: Final = 65.0
CROWDED_SHORT_PCT: Final = 40.0
TOP_SHARE: Final = 1.15
"""Long / short of the top traders' positions."""

HOUR_MS: Final = 3_600_000

LABELS: Final[dict[RegimeName, str]] = {
    "breakout": "price up and new positions with it",
    "breakdown": "price down and new positions with it",
    "short_covering": "price up while positions are closed",
    "deleveraging": "price down while positions are closed",
    "accumulation": "price still, positions growing, top traders longer",
    "distribution": "price still, positions growing, top traders not longer",
    "crowded_long": "price still, most accounts long",
    "crowded_short": "price still, most accounts short",
    "range": "price still, nothing stands out",
    "unknown": "price or open interest of four hours is not known",
}


def regime(readings: Readings) -> RegimeName:
    """The first rule that holds."""
    move, held = value_of(readings, "price_change_4h_pct"), value_of(readings, "oi_change_4h_pct")
    if move is None or held is None:
        return "unknown"
    if abs(move) >= MOVE_PCT:
        if held >= 0:
            return "breakout" if move > 0 else "breakdown"
        return "short_covering" if move > 0 else "deleveraging"
    top, crowd = value_of(readings, "top_trader_lsr"), value_of(readings, "long_pct")
    if held >= BUILD_PCT and abs(move) < STILL_PCT and top is not None:
        return "accumulation" if top >= TOP_SHARE else "distribution"
    if held <= SHED_PCT:
        return "deleveraging"
    if crowd is not None and crowd >= CROWDED_LONG_PCT:
        return "crowded_long"
    if crowd is not None and crowd <= CROWDED_SHORT_PCT:
        return "crowded_short"
    return "range"


@dataclass(frozen=True, slots=True, kw_only=True)
class PastPoint:
    """What a venue's statistics tell of one moment of the past. top_trader_lsr, long_pct: None where it has no row."""

    at_ms: int
    price: float
    open_interest: float
    top_trader_lsr: float | None = None
    long_pct: float | None = None


def past_regimes(points: Sequence[PastPoint], *, source: str) -> list[RegimeSeen]:
    """Of the points that have another one exactly four hours before them; the rules are those of a look. Oldest →
    newest."""
    by_time = {one.at_ms: one for one in points if one.price > 0 and one.open_interest > 0}
    found = []
    for at_ms in sorted(by_time):
        now, then = by_time[at_ms], by_time.get(at_ms - 4 * HOUR_MS)
        if then is None:
            continue
        values: dict[Metric, float | None] = {
            "price_change_4h_pct": (now.price / then.price - 1) * 100,
            "oi_change_4h_pct": (now.open_interest / then.open_interest - 1) * 100,
            "top_trader_lsr": now.top_trader_lsr,
            "long_pct": now.long_pct,
        }
        readings: Readings = {
            metric: MetricReading(value=value, at_ms=at_ms, venue=source, endpoint="")
            for metric, value in values.items()
            if value is not None
        }
        found.append(RegimeSeen(ts=at_ms // 1000, regime=regime(readings), price=now.price))
    return found


# --- a log of them ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeSeen:
    """One look. price: then."""

    ts: int
    regime: RegimeName
    price: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeSpan:
    """from_ts … to_ts: unix seconds; the last one is still going on. return_pct: None where a price is missing."""

    regime: RegimeName
    from_ts: int
    to_ts: int
    return_pct: float | None
    is_over: bool


def spans(seen: Sequence[RegimeSeen], *, longest_gap_s: int) -> list[RegimeSpan]:
    """seen: oldest → newest. A hole longer than `longest_gap_s` ends a span where it was last seen."""
    found: list[RegimeSpan] = []
    begin = last = None
    for one in seen:
        if begin is None or last is None:
            begin = last = one
            continue
        is_hole = one.ts - last.ts > longest_gap_s
        if one.regime != begin.regime or is_hole:
            found.append(_span(begin, last if is_hole else one, is_over=True))
            begin = one
        last = one
    if begin is not None and last is not None:
        found.append(_span(begin, last, is_over=False))
    return found


def _span(begin: RegimeSeen, end: RegimeSeen, *, is_over: bool) -> RegimeSpan:
    has_prices = begin.price is not None and end.price is not None and begin.price > 0
    return RegimeSpan(
        regime=begin.regime,
        from_ts=begin.ts,
        to_ts=end.ts,
        return_pct=((end.price or 0) / (begin.price or 1) - 1) * 100 if has_prices else None,
        is_over=is_over,
    )


def mean_of(found: Sequence[RegimeSpan], value: Callable[[RegimeSpan], float | None]) -> float | None:
    """Of those that have a value; None: none has."""
    known = [number for one in found if (number := value(one)) is not None]
    return sum(known) / len(known) if known else None
