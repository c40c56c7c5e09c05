"""Candles and charts shared by the chart tests."""

from __future__ import annotations

from datetime import UTC
from io import BytesIO
from typing import Any

from PIL import Image

from altmonitor.market.candles import MINUTE_MS, Candle
from altmonitor.render.charts.canvas import Colour
from altmonitor.render.charts.layout import ChartSpec, Mark

T0 = 1_787_958_000_000  # 2026-08-28 23:00 UTC


def candle(
    minute: int,
    open: float = 100.0,
    close: float = 100.0,
    *,
    high: float | None = None,
    low: float | None = None,
    quote: float = 50_000.0,
) -> Candle:
    """minute: after T0, may be negative."""
    return Candle(
        open_ms=T0 + minute * MINUTE_MS,
        open=open,
        high=max(open, close) if high is None else high,
        low=min(open, close) if low is None else low,
        close=close,
        quote_usdt=quote,
    )


def zigzag(count: int, *, base: float = 100.0, step: float = 0.4) -> tuple[Candle, ...]:
    """Ends at T0; every second candle rises by `step`, the others fall by it."""
    return tuple(
        candle(minute, base, base + step) if minute % 2 == 0 else candle(minute, base + step, base)
        for minute in range(1 - count, 1)
    )


def chart(*candles: Candle, **fields: Any) -> ChartSpec:
    return ChartSpec(**({"symbol": "SOLUSDT", "candles": candles, "tz": UTC} | fields))


def pumped() -> ChartSpec:
    """Thirty calm minutes, then +3 % with open interest joining."""
    return chart(
        *zigzag(30)[:-1],
        candle(0, 100.0, 103.0, high=103.2, low=99.8, quote=900_000.0),
        open_interest=tuple((T0 - (17 - i) * MINUTE_MS + 20_000, 5e6 + i * 2_000) for i in range(18)),
        marks=(Mark(time_ms=T0 + 39_000, from_ms=T0, label="+3.00 %", direction="up"),),
        subtitle="+3.00 % · 1m · 2026-08-28 23:00:39 UTC",
    )


class Seen:
    """A picture to look at."""

    def __init__(self, png: bytes) -> None:
        self.image = Image.open(BytesIO(png))
        self._pixels = self.image.convert("RGB")

    def at(self, x: float, y: float) -> Colour:
        red, green, blue = self._pixels.getpixel((round(x), round(y)))  # type: ignore[misc]
        return red, green, blue

    def columns_with(self, colour: Colour, *, top: int, bottom: int) -> set[int]:
        """Pixel columns in which the colour occurs between these rows."""
        strip = self._pixels.crop((0, top, self._pixels.width, bottom))
        pixels = strip.load()
        assert pixels is not None
        return {x for x in range(strip.width) for y in range(strip.height) if pixels[x, y] == colour}

    def has(self, colour: Colour) -> bool:
        return bool(self.columns_with(colour, top=0, bottom=self._pixels.height))
