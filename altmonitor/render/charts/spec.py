"""What a chart shows, as values: nothing here draws, and nothing depends on the reader's language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from itertools import pairwise
from typing import Literal

from altmonitor.market.candles import MINUTE_MS, Kline

Direction = Literal["up", "down"]

SLOTS_MAX = 240
"""A chart reaches so many intervals back from its newest candle; what is older is not drawn."""
LARGEST = 1e18
SMALLEST = 1e-18


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The stretch an alert was measured over, in whole candles, and which way it went.

    from_ms None: the candle of time_ms alone. label: a few characters, `+3.21 %`; '' for none.
    """

    time_ms: int
    label: str
    direction: Direction
    from_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartSpec:
    """One chart; its texts are numbers, signs and names, so that it suits readers of every language.

    candles: oldest → newest, the last may still be open; a missing minute is drawn as a hole, an impossible candle as a
    missing one. open_interest: (unix ms, contracts), oldest → newest; empty: no such panel. title: '' for the symbol.
    tz: zone of the time axis. interval_ms: length of a candle.
    """

    symbol: str
    candles: tuple[Kline, ...]
    tz: tzinfo
    open_interest: tuple[tuple[int, float], ...] = ()
    marks: tuple[Mark, ...] = ()
    title: str = ""
    subtitle: str = ""
    interval_ms: int = MINUTE_MS


def drawable(spec: ChartSpec) -> list[Kline]:
    """The candles that can be drawn, oldest → newest, none older than `SLOTS_MAX` intervals before the newest."""
    possible = [candle for candle in spec.candles if _is_possible(candle)]
    if not possible:
        return []
    from_ms = possible[-1].open_ms - (SLOTS_MAX - 1) * spec.interval_ms
    kept: list[Kline] = []
    for candle in possible:
        if candle.open_ms >= from_ms and (not kept or candle.open_ms > kept[-1].open_ms):
            kept.append(candle)
    return kept


def shown_span(spec: ChartSpec) -> tuple[int, int]:
    """(from, until) of the candles that can be drawn, unix ms. Raises ValueError when there is none."""
    candles = drawable(spec)
    if not candles:
        raise ValueError(f"no candle of {spec.symbol} can be drawn")
    return candles[0].open_ms, candles[-1].open_ms + spec.interval_ms


def samples_between(spec: ChartSpec, from_ms: int, until_ms: int) -> list[tuple[int, float]]:
    """Open-interest samples of that time which can be drawn, oldest → newest."""
    kept: list[tuple[int, float]] = []
    for time_ms, contracts in spec.open_interest:
        is_next = not kept or time_ms > kept[-1][0]
        if from_ms <= time_ms <= until_ms and is_next and SMALLEST <= contracts <= LARGEST:
            kept.append((time_ms, contracts))
    return kept


def holes(candles: list[Kline], interval_ms: int) -> list[tuple[int, int]]:
    """(from, until) in unix ms of each stretch between two candles in which at least one is missing."""
    return [
        (before.open_ms + interval_ms, after.open_ms)
        for before, after in pairwise(candles)
        if after.open_ms - before.open_ms > interval_ms
    ]


def _is_possible(candle: Kline) -> bool:
    """False for NaN too. Volume may be zero."""
    body_low, body_high = min(candle.open, candle.close), max(candle.open, candle.close)
    return (
        SMALLEST <= candle.low <= body_low <= body_high <= candle.high <= LARGEST and 0 <= candle.quote_usdt <= LARGEST
    )
