"""Conditions somebody set: armed, crossed, armed again. Told is the crossing, once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from altmonitor.market.book import NOTHING, Bounds, loosest
from altmonitor.market.math import TOLERANCE, change_pct, factor_of, reaches
from altmonitor.settings.conditions import (
    EQUAL_WITHIN_SHARE,
    FUNDING_HYSTERESIS_SHARE,
    METRIC_HYSTERESIS_SHARE,
    PRICE_HYSTERESIS_SHARE,
    WINDOW_MINUTES,
    Condition,
    ConditionMetric,
    FundingCrosses,
    MetricCrosses,
    PriceCrosses,
    PriceMoves,
)

MOVE_HYSTERESIS_SHARE = 0.1
"""Of the level: a move is armed again once a tenth of it is gone."""

METRIC_NOTE = "score"
"""Note of an alert about a metric."""

Side = Literal["up", "down"]
EVERY_FRAME = Bounds(above=0.0)
PriceBefore = Callable[[int], float | None]
"""Minutes → open of the candle that began so many minutes before the running one ends; None when it is not known."""


class Armed(msgspec.Struct, frozen=True):
    """What is remembered of a condition. side: on which it is true, None while it is false. since_ms: event time.
    told_ms: when it was told last, of those that have a cooldown; 0: never."""

    side: Side | None
    since_ms: int
    told_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """A condition that has just become true. value: price, percent of a move, or funding rate."""

    condition: Condition
    side: Side
    value: float
    level: float
    note: str


class Conditions:
    """on_change: called with `dump()` after every change of what is remembered."""

    def __init__(self, on_change: Callable[[str], None]) -> None:
        self._on_change = on_change
        self._of_symbol: dict[str, list[Condition]] = {}
        self._keys: set[str] = set()
        self._states: dict[str, Armed] = {}

    def apply(self, conditions: Sequence[Condition]) -> None:
        """All that exist."""
        self._of_symbol = {}
        for condition in conditions:
            self._of_symbol.setdefault(condition.symbol, []).append(condition)
        self._keys = {condition.key for condition in conditions}

    def restore(self, text: str | None) -> None:
        """What `dump` gave an earlier run. What cannot be read is as if it were not there: then a condition that is
        true must first become false."""
        try:
            self._states = {} if text is None else msgspec.json.decode(text, type=dict[str, Armed])
        except msgspec.DecodeError:
            self._states = {}

    def dump(self) -> str:
        """What is remembered of the conditions that exist."""
        self._states = {key: state for key, state in self._states.items() if key in self._keys}
        return msgspec.json.encode(self._states).decode()

    def record_raised(self, key: str, side: Side, event_ms: int) -> None:
        """The crossing of an earlier run was told; that it is remembered may not have reached the disk."""
        state = self._states.get(key)
        if state is None or state.since_ms < event_ms:
            self._states[key] = Armed(side, event_ms)

    @property
    def symbols(self) -> Iterable[str]:
        return self._of_symbol.keys()

    def bounds(self, symbol: str) -> Bounds:
        """Prices beyond which something may change for the conditions of a symbol."""
        return loosest(self._bounds(condition) for condition in self._of_symbol.get(symbol, ()))

    def evaluate(self, symbol: str, price: float, before: PriceBefore, event_ms: int) -> tuple[list[Crossing], bool]:
        """What crosses at this price, and whether anything changed (then the bounds did)."""
        crossings, is_changed = [], False
        for condition in self._of_symbol.get(symbol, ()):
            value = _price_value(condition, price, before)
            if value is not None:
                crossing, is_new = self._step(condition, value, event_ms)
                crossings += [crossing] if crossing else []
                is_changed |= is_new
        if is_changed:
            self._on_change(self.dump())
        return crossings, is_changed

    def look_at_funding(self, rate_of: Callable[[str], float | None], event_ms: int) -> list[Crossing]:
        """rate_of(symbol): fraction per interval, None when it is not known."""
        crossings, is_changed = [], False
        for symbol, conditions in self._of_symbol.items():
            asked = [one for one in conditions if isinstance(one.predicate, FundingCrosses)]
            rate = rate_of(symbol) if asked else None
            for condition in asked:
                if rate is not None:
                    crossing, is_new = self._step(condition, rate, event_ms)
                    crossings += [crossing] if crossing else []
                    is_changed |= is_new
        if is_changed:
            self._on_change(self.dump())
        return crossings

    def look_at_metrics(self, symbol: str, values: Mapping[ConditionMetric, float], event_ms: int) -> list[Crossing]:
        """values: by metric; what is not in it is not known now."""
        crossings, is_changed = [], False
        for condition in self._of_symbol.get(symbol, ()):
            predicate = condition.predicate
            if isinstance(predicate, MetricCrosses) and (value := values.get(predicate.metric)) is not None:
                crossing, is_new = self._step(condition, value, event_ms)
                crossings += [crossing] if crossing else []
                is_changed |= is_new
        if is_changed:
            self._on_change(self.dump())
        return crossings

    def _step(self, condition: Condition, value: float, event_ms: int) -> tuple[Crossing | None, bool]:
        state = self._states.get(condition.key)
        if state is not None and event_ms < state.since_ms:  # hindsight: something newer is known
            return None, False
        side = _side_of(condition, value)
        if side is None and state is not None and state.side is not None and not _is_rearmed(condition, state, value):
            return None, False
        if state is not None and state.side == side:
            return None, False
        told_ms = 0 if state is None else state.told_ms
        is_told = side is not None and (state is not None or _is_told_at_once(condition))
        if is_told and told_ms and event_ms - told_ms < _cooldown_ms(condition):
            is_told = False
        if is_told and _cooldown_ms(condition):
            told_ms = event_ms
        self._states[condition.key] = Armed(side, event_ms, told_ms)
        if side is None or not is_told:  # what is true when it is first looked at must become false first
            return None, True
        level, note = _level_of(condition), _note_of(condition)
        return Crossing(condition=condition, side=side, value=value, level=level, note=note), True

    def _bounds(self, condition: Condition) -> Bounds:
        predicate = condition.predicate
        if isinstance(predicate, FundingCrosses | MetricCrosses):
            return NOTHING
        state = self._states.get(condition.key)
        if state is None:
            return EVERY_FRAME
        if isinstance(predicate, PriceCrosses):
            if state.side is None:
                is_above = predicate.side == "above"
                return (
                    Bounds(above=predicate.level * (1 - TOLERANCE))
                    if is_above
                    else Bounds(below=predicate.level * (1 + TOLERANCE))
                )
            rearmed = _rearmed_price(predicate)
            return Bounds(below=rearmed) if state.side == "up" else Bounds(above=rearmed)
        minutes, share = WINDOW_MINUTES[predicate.window], predicate.pct / 100
        kept = share * (1 - MOVE_HYSTERESIS_SHARE)
        window = {
            None: (minutes, factor_of(predicate.pct), factor_of(-predicate.pct)),
            "up": (minutes, float("inf"), (1 + kept) * (1 + TOLERANCE)),
            "down": (minutes, (1 - kept) * (1 - TOLERANCE), 0.0),
        }[state.side]
        return Bounds(windows=(window,))


def _price_value(condition: Condition, price: float, before: PriceBefore) -> float | None:
    predicate = condition.predicate
    if price <= 0 or isinstance(predicate, FundingCrosses | MetricCrosses):
        return None
    if isinstance(predicate, PriceCrosses):
        return price
    reference = before(WINDOW_MINUTES[predicate.window])
    return None if reference is None else change_pct(reference, price)


def _side_of(condition: Condition, value: float) -> Side | None:
    """None while it is false."""
    predicate = condition.predicate
    if isinstance(predicate, PriceMoves):
        if reaches(abs(value), predicate.pct):
            return "up" if value > 0 else "down"
        return None
    if isinstance(predicate, MetricCrosses):
        return _metric_side(predicate, value)
    level = predicate.level if isinstance(predicate, PriceCrosses) else predicate.rate
    if predicate.side == "above":
        return "up" if value >= level else None
    return "down" if value <= level else None


def _is_rearmed(condition: Condition, state: Armed, value: float) -> bool:
    """It is false by more than the hysteresis."""
    predicate = condition.predicate
    if isinstance(predicate, PriceMoves):
        return abs(value) < predicate.pct * (1 - MOVE_HYSTERESIS_SHARE)
    if isinstance(predicate, MetricCrosses):
        return _is_metric_rearmed(predicate, value)
    if isinstance(predicate, PriceCrosses):
        rearmed = _rearmed_price(predicate)
    else:
        slack = abs(predicate.rate) * FUNDING_HYSTERESIS_SHARE
        rearmed = predicate.rate - slack if predicate.side == "above" else predicate.rate + slack
    return value <= rearmed if state.side == "up" else value >= rearmed


def _rearmed_price(predicate: PriceCrosses) -> float:
    share = -PRICE_HYSTERESIS_SHARE if predicate.side == "above" else PRICE_HYSTERESIS_SHARE
    return predicate.level * (1 + share)


def _level_of(condition: Condition) -> float:
    predicate = condition.predicate
    match predicate:
        case PriceMoves(pct=level) | PriceCrosses(level=level) | FundingCrosses(rate=level):
            return level
        case MetricCrosses(threshold=level):
            return level


def _note_of(condition: Condition) -> str:
    predicate = condition.predicate
    match predicate:
        case PriceMoves(window=window):
            return window
        case PriceCrosses():
            return "price"
        case FundingCrosses():
            return "funding"
        case MetricCrosses():
            return METRIC_NOTE


def _is_told_at_once(condition: Condition) -> bool:
    """Also when it is true at the first look."""
    predicate = condition.predicate
    return isinstance(predicate, MetricCrosses) and not predicate.operator.startswith("crosses")


def _cooldown_ms(condition: Condition) -> int:
    predicate = condition.predicate
    return predicate.cooldown_min * 60_000 if isinstance(predicate, MetricCrosses) else 0


def _metric_side(predicate: MetricCrosses, value: float) -> Side | None:
    level = predicate.threshold
    match predicate.operator:
        case "gt":
            return "up" if value > level else None
        case "gte" | "crosses_above":
            return "up" if value >= level else None
        case "lt":
            return "down" if value < level else None
        case "lte" | "crosses_below":
            return "down" if value <= level else None
        case "eq":
            return "up" if abs(value - level) <= EQUAL_WITHIN_SHARE * abs(level) else None


def _is_metric_rearmed(predicate: MetricCrosses, value: float) -> bool:
    level, slack = predicate.threshold, METRIC_HYSTERESIS_SHARE * abs(predicate.threshold)
    match predicate.operator:
        case "gt" | "gte" | "crosses_above":
            return value <= level - slack
        case "lt" | "lte" | "crosses_below":
            return value >= level + slack
        case "eq":
            return abs(value - level) > 2 * EQUAL_WITHIN_SHARE * abs(level)
