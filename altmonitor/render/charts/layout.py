"""From values to places on an axis, and which values are worth a label."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Literal

from altmonitor.market.candles import MINUTE_MS, Kline
from altmonitor.render import format as n
from altmonitor.render.charts.canvas import font

PRICE_SPAN_MIN = 0.002
"""Share of the price an axis covers at least, so that a flat market looks flat."""
OI_SPAN_MIN = 0.005
_NICE = (1, 2, 5, 10)
_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440, 2880, 7200, 14_400, 43_200)


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A linear axis: `low` lies at pixel `at_low`, `high` at pixel `at_high` (upwards: at_high < at_low)."""

    low: float
    high: float
    at_low: float
    at_high: float

    def destination(self, value: float) -> float:
        return self.at_low + (value - self.low) / (self.high - self.low) * (self.at_high - self.at_low)


def span_of(low: float, high: float, *, least_share: float) -> tuple[float, float]:
    """(low, high) widened around its middle to at least this share of `high` (> 0)."""
    lacking = high * least_share - (high - low)
    return (low - lacking / 2, high + lacking / 2) if lacking > 0 else (low, high)


def round_ticks(low: float, high: float, *, at_most: int) -> list[float]:
    """Round values in [low, high], lowest first: steps of 1, 2 or 5 times a power of ten."""
    raw = (high - low) / at_most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(nice * power for nice in _NICE if nice * power >= raw * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    # Through the decimal text of the step: 3 * 0.1 would be 0.30000000000000004 on the label.
    exact = Decimal(f"{step:.0e}")
    return [float(exact * number) for number in range(first, last + 1)]


def price_labels(prices: list[float]) -> list[str]:
    """`numbers.price`, with the same count of decimals on each."""
    shown = [n.price(price) for price in prices]
    decimals = max((len(label.partition(".")[2]) for label in shown), default=0)
    return [_padded(label, decimals) for label in shown]


def compact(value: float) -> str:
    """Four significant digits: `7.823B`, `951.2`, `12.34K`."""
    number, unit = Decimal(repr(value)), ""
    for unit in ("", "K", "M", "B"):
        destinations = max(0, 3 - max(0, number.adjusted()))
        rounded = number.quantize(Decimal(1).scaleb(-destinations), ROUND_HALF_UP)
        if rounded < 1000 or unit == "B":
            break
        number /= 1000
    return f"{rounded:,f}{unit}"


def time_ticks(from_ms: int, until_ms: int, tz: tzinfo, *, at_most: int) -> list[int]:
    """Unix ms of round local times in [from_ms, until_ms], oldest → newest."""
    offset_ms = local_offset_ms(from_ms, tz)
    least_ms = (until_ms - from_ms) / at_most
    step_ms = next((m * MINUTE_MS for m in _MINUTES if m * MINUTE_MS >= least_ms), _MINUTES[-1] * MINUTE_MS)
    step_ms *= max(1, math.ceil(least_ms / step_ms))
    first = -(-(from_ms + offset_ms) // step_ms)
    last = (until_ms + offset_ms) // step_ms
    return [number * step_ms - offset_ms for number in range(first, last + 1)]


def local_offset_ms(unix_ms: int, tz: tzinfo) -> int:
    """Zone offset at that moment; 0 for a moment no calendar holds."""
    moment = moment_of(unix_ms, tz)
    offset = None if moment is None else moment.utcoffset()
    return 0 if offset is None else int(offset.total_seconds() * 1000)


def moment_of(unix_ms: int, tz: tzinfo) -> datetime | None:
    """None for a number that is no time."""
    try:
        return datetime.fromtimestamp(unix_ms // 1000, tz)
    except (OverflowError, ValueError, OSError):
        return None


def _padded(label: str, decimals: int) -> str:
    whole, _, fraction = label.partition(".")
    return label if label == n.NA or not decimals else f"{whole}.{fraction.ljust(decimals, '0')}"


# ---
# What a chart shows, as values: nothing here draws, and nothing depends on the reader's language.


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


# ---
# Where everything of one chart lies: panels, axes, the places of minutes and prices.


WIDTH, HEIGHT = 900, 560
LEFT = 18
HEADER_BOTTOM = 96
PANELS_BOTTOM = HEIGHT - 44
AXIS_PX = 22
LABEL_ROOM = 34
"""Pixels at the top of the price panel that belong to the labels of marks."""
_AXIS_GAP = 12
_SLOTS_LEAST = 20  # a young contract's few candles are not blown up
_BODY_MAX = 21
_PANEL_GAP = 12
_VOLUME_SHARE, _OI_SHARE = 0.19, 0.21
_PAD_SHARE = 0.06


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Pixel rows: top < bottom. axis: values to rows."""

    top: int
    bottom: int
    axis: Axis


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One chart laid out. right: last pixel column of the panels. ticks: price → its label.

    open_interest None: there is no such panel.
    """

    spec: ChartSpec
    candles: tuple[Kline, ...]
    samples: tuple[tuple[int, float], ...]
    right: int
    from_ms: int
    until_ms: int
    price: Panel
    volume: Panel
    open_interest: Panel | None
    ticks: tuple[tuple[float, str], ...]

    def x(self, unix_ms: float) -> float:
        return LEFT + (unix_ms - self.from_ms) / (self.until_ms - self.from_ms) * (self.right - LEFT)

    @property
    def slot_px(self) -> float:
        """Width of one interval."""
        return self.spec.interval_ms / (self.until_ms - self.from_ms) * (self.right - LEFT)

    @property
    def body_px(self) -> int:
        """Width of a candle's body: odd, so that the wick is its middle."""
        return max(1, min(_BODY_MAX, round(self.slot_px * 0.68)) - 1 | 1)

    def middle(self, candle: Kline) -> int:
        return round(self.x(candle.open_ms + self.spec.interval_ms / 2))


def laid_out(spec: ChartSpec) -> Sheet | None:
    """None: there is no candle to draw."""
    candles = drawable(spec)
    if not candles:
        return None
    step = spec.interval_ms
    until_ms = candles[-1].open_ms + step
    from_ms = min(candles[0].open_ms, until_ms - _SLOTS_LEAST * step)
    samples = samples_between(spec, from_ms, until_ms)
    tops = _rows(has_open_interest=bool(samples))
    price = _price_panel(candles, *tops[0])
    ticks = round_ticks(price.axis.low, price.axis.high, at_most=max(2, (tops[0][1] - tops[0][0]) // 40))
    labels = price_labels(ticks)
    volume_axis = Axis(
        low=0.0, high=max(1e-9, *(c.quote_usdt for c in candles)), at_low=tops[1][1], at_high=tops[1][0] + 24
    )
    open_interest = _oi_panel([value for _, value in samples], *tops[2]) if samples else None
    texts = [*labels, n.price(candles[-1].close), n.usd(volume_axis.high)]
    if open_interest is not None:
        texts += [compact(open_interest.axis.low), compact(open_interest.axis.high)]
    widest = max(font(AXIS_PX, "bold").getlength(text) for text in texts)
    return Sheet(
        spec=spec,
        candles=tuple(candles),
        samples=tuple(samples),
        right=round(WIDTH - widest - 2 * _AXIS_GAP - 4),
        from_ms=from_ms,
        until_ms=until_ms,
        price=price,
        volume=Panel(top=tops[1][0], bottom=tops[1][1], axis=volume_axis),
        open_interest=open_interest,
        ticks=tuple(zip(ticks, labels, strict=True)),
    )


def _rows(*, has_open_interest: bool) -> list[tuple[int, int]]:
    """(top, bottom) of the panels for price, volume and open interest."""
    height = PANELS_BOTTOM - HEADER_BOTTOM
    oi_top = PANELS_BOTTOM - round(height * _OI_SHARE) if has_open_interest else PANELS_BOTTOM + _PANEL_GAP
    volume_bottom = oi_top - _PANEL_GAP
    volume_top = volume_bottom - round(height * _VOLUME_SHARE)
    return [(HEADER_BOTTOM, volume_top - _PANEL_GAP), (volume_top, volume_bottom), (oi_top, PANELS_BOTTOM)]


def _price_panel(candles: list[Kline], top: int, bottom: int) -> Panel:
    low, high = span_of(min(c.low for c in candles), max(c.high for c in candles), least_share=PRICE_SPAN_MIN)
    pad = (high - low) * _PAD_SHARE
    axis = Axis(low=low - pad, high=high + pad, at_low=bottom, at_high=top + LABEL_ROOM)
    return Panel(top=top, bottom=bottom, axis=axis)


def _oi_panel(values: list[float], top: int, bottom: int) -> Panel:
    low, high = span_of(min(values), max(values), least_share=OI_SPAN_MIN)
    return Panel(top=top, bottom=bottom, axis=Axis(low=low, high=high, at_low=bottom - 8, at_high=top + 34))
