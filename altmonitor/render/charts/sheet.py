"""Where everything of one chart lies: panels, axes, the places of minutes and prices."""

from __future__ import annotations

from dataclasses import dataclass

from altmonitor.market.candles import Kline
from altmonitor.render import format as n
from altmonitor.render.charts.layout import (
    OI_SPAN_MIN,
    PRICE_SPAN_MIN,
    Axis,
    compact,
    price_labels,
    round_ticks,
    span_of,
)
from altmonitor.render.charts.lettering import font
from altmonitor.render.charts.spec import ChartSpec, drawable, samples_between

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
