"""How often conditions (`/alert`) would have come true over closed minutes, by the detector that judges them live.

Each minute is shown at its open, both extremes and its close, and on the way between them where the price passes what
it is compared with, because there a move is armed again: so nothing in a minute is missed. Which extreme came first is
the convention of `price_path`.
Funding is not in candles: conditions about it are counted over its settlements, where those are stored.

A level is crossed often while the price is about it and never again once it has gone: what it did says nothing of what
it will do. So a level is asked about, in each day, at the distance from that day's first price that it has from the
newest price of all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from altmonitor.core.clock import Clock
from altmonitor.core.errors import ExchangeError
from altmonitor.detectors.conditions import Conditions
from altmonitor.interfaces.exchange import MarketRest, Priority
from altmonitor.market.candles import MINUTE_MS, ClosedCandle
from altmonitor.replay.columns import CandleColumns, FundingColumns
from altmonitor.settings.conditions import WINDOW_MINUTES, Condition, FundingCrosses, PriceCrosses, PriceMoves

ROWS_PER_REQUEST: Final = 1_000
"""As for a day of history; see `recorder`."""
FRESH_MS: Final = 600_000
DAY_MINUTES: Final = 1_440
LONGEST: Final = max(WINDOW_MINUTES.values())
WAITED_S: Final = 5.0
"""Somebody waits for the answer; what is not there by then is counted from the minutes that are at hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionRate:
    """counted: conditions that candles can show. per_day: how often all of them together came true, a day."""

    counted: int = 0
    per_day: float = 0.0


def condition_rate(
    conditions: Sequence[Condition], minutes_of: Mapping[str, Sequence[ClosedCandle]], *, begin_ms: int = 0
) -> ConditionRate:
    """minutes_of: of each symbol, oldest first; a symbol without any adds nothing. begin_ms: crossings before it only
    arm."""
    counted, per_day = 0, 0.0
    for symbol in sorted({one.symbol for one in conditions}):
        own = [one for one in conditions if one.symbol == symbol and not isinstance(one.predicate, FundingCrosses)]
        minutes = minutes_of.get(symbol, ())
        seen = sum(one.open_ms >= begin_ms for one in minutes)
        if own and seen:
            counted += len(own)
            levels = [one for one in own if isinstance(one.predicate, PriceCrosses)]
            moves = [one for one in own if one not in levels]
            found = crossings(moves, minutes, begin_ms=begin_ms) if moves else 0
            if levels:
                found += _level_crossings(levels, [one for one in minutes if one.open_ms >= begin_ms])
            per_day += found / seen * DAY_MINUTES
    return ConditionRate(counted=counted, per_day=per_day)


def funding_condition_rate(
    conditions: Sequence[Condition], paid_of: Mapping[str, FundingColumns], *, begin_ms: int
) -> ConditionRate:
    """Of those about funding, over settled rates from `begin_ms` on; earlier ones only arm. A symbol without any adds
    nothing."""
    counted, per_day = 0, 0.0
    for symbol, paid in paid_of.items():
        own = [one for one in conditions if one.symbol == symbol and isinstance(one.predicate, FundingCrosses)]
        days = float(paid.interval_h[paid.time_ms >= begin_ms].sum()) / 24
        if not own or not days:
            continue
        judged = Conditions(lambda dump: None)
        judged.apply(own)
        found = 0
        for time_ms, rate in zip(paid.time_ms.tolist(), paid.rate.tolist(), strict=True):
            crossed = judged.look_at_funding({symbol: rate}.get, time_ms)
            found += len(crossed) if time_ms >= begin_ms else 0
        counted += len(own)
        per_day += found / days
    return ConditionRate(counted=counted, per_day=per_day)


def _level_crossings(conditions: Sequence[Condition], minutes: Sequence[ClosedCandle]) -> int:
    newest, found = minutes[-1].close, 0
    for first in range(0, len(minutes), DAY_MINUTES):
        day = minutes[first : first + DAY_MINUTES]
        found += crossings([_moved(one, day[0].open / newest) for one in conditions], day)
    return found


def _moved(condition: Condition, factor: float) -> Condition:
    predicate = condition.predicate
    if not isinstance(predicate, PriceCrosses):
        return condition
    return replace(condition, predicate=replace(predicate, level=predicate.level * factor))


def crossings(conditions: Sequence[Condition], minutes: Sequence[ClosedCandle], *, begin_ms: int = 0) -> int:
    """Of conditions of one symbol, as the engine would tell them."""
    judged = Conditions(lambda dump: None)
    judged.apply(conditions)
    symbol, found, known = conditions[0].symbol, 0, [minutes[0]]  # known: without a hole, up to the running one

    def before(count: int) -> float | None:
        return known[-count].open if count <= len(known) else None

    windows = {WINDOW_MINUTES[one.predicate.window] for one in conditions if isinstance(one.predicate, PriceMoves)}
    for one in minutes:
        open_ms = one.open_ms
        known = [*known[1 - LONGEST :], one] if open_ms - known[-1].open_ms == MINUTE_MS else [one]
        references = [price for count in windows if (price := before(count)) is not None]
        for price in _way(one, references):
            crossed, _ = judged.evaluate(symbol, price, before, open_ms)
            found += len(crossed) if open_ms >= begin_ms else 0
    return found


def _way(minute: ClosedCandle, references: Sequence[float]) -> Iterator[float]:
    is_low_first = minute.close >= minute.open
    ends = (minute.low, minute.high) if is_low_first else (minute.high, minute.low)
    yield minute.open
    for begin, end in pairwise((minute.open, *ends, minute.close)):
        passed = [price for price in references if min(begin, end) < price < max(begin, end)]
        yield from sorted(passed, reverse=end < begin)
        yield end


def closed_minutes(candles: CandleColumns) -> list[ClosedCandle]:
    columns = (getattr(candles, name).tolist() for name in ClosedCandle._fields)
    return [ClosedCandle(*row) for row in zip(*columns, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionHistoryDeps:
    """conditions: all that exist. closed: closed minutes of a symbol that are at hand."""

    conditions: Callable[[], Sequence[Condition]]
    rest: MarketRest
    clock: Clock
    closed: Callable[[str], Sequence[ClosedCandle]]


class ConditionHistory:
    """The newest minutes of the symbols that conditions are about, for a running monitor: its books hold less than two
    hours, so they are asked for once and kept for ten minutes."""

    def __init__(self, deps: ConditionHistoryDeps) -> None:
        self._at = deps
        self._kept: dict[str, tuple[int, Sequence[ClosedCandle]]] = {}

    async def rate(self, is_asked: Callable[[Condition], bool]) -> ConditionRate:
        """Of those of all conditions."""
        asked = [one for one in self._at.conditions() if is_asked(one)]
        symbols = {one.symbol for one in asked}
        self._kept = {symbol: kept for symbol, kept in self._kept.items() if symbol in symbols}
        try:
            async with self._at.clock.timeout(WAITED_S):
                for symbol in sorted(symbols):
                    await self._read(symbol)
        except TimeoutError:
            pass
        minutes = {symbol: self._minutes(symbol) for symbol in symbols}
        return condition_rate(asked, minutes)

    async def _read(self, symbol: str) -> None:
        now_ms = self._at.clock.now_ms()
        read_ms, _ = self._kept.get(symbol, (0, ()))
        if now_ms - read_ms < FRESH_MS:
            return
        end_ms = now_ms // MINUTE_MS * MINUTE_MS - 1
        start_ms = end_ms + 1 - ROWS_PER_REQUEST * MINUTE_MS
        try:
            candles = await self._at.rest.klines(
                symbol, start_ms=start_ms, end_ms=end_ms, limit=ROWS_PER_REQUEST, priority=Priority.ENRICH
            )
        except ExchangeError:
            return
        self._kept[symbol] = now_ms, [ClosedCandle.of(one) for one in candles if one.is_closed and one.open > 0]

    def _minutes(self, symbol: str) -> Sequence[ClosedCandle]:
        _, read = self._kept.get(symbol, (0, ()))
        own = self._at.closed(symbol)
        return read if len(read) >= len(own) else own


ConditionRates = Callable[[Callable[[Condition], bool]], Awaitable[ConditionRate]]


async def no_conditions(is_asked: Callable[[Condition], bool]) -> ConditionRate:
    """Where nobody can set any."""
    return ConditionRate()
