"""(g) Chart pictures: what one costs, and how long the event loop is held up while they are drawn in their thread."""

from __future__ import annotations

import asyncio
import gc
import random
import statistics
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC

from altmonitor.delivery.alert_charts import Charting
from altmonitor.market.candles import MINUTE_MS, Candle
from altmonitor.render.charts.chart import chart_png
from altmonitor.render.charts.layout import ChartSpec, Mark

CHARTS = 200
CANDLES = 45
_T0 = 1_787_958_000_000
_TICK_S = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How much later than asked a sleeper of 1 ms woke, milliseconds."""

    p50_ms: float
    p99_ms: float
    longest_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """draw_ms: CPU of the drawing alone, median. idle: the same sleeper when nothing is drawn."""

    draw_ms: float
    kilobytes: float
    idle: Lag
    drawing: Lag


async def run() -> Row:
    specs = [_spec(seed) for seed in range(CHARTS)]
    chart_png(specs[0])  # loads the letters
    costs, sizes = [], []
    for spec in specs[:50]:
        began_s = time.process_time()
        sizes.append(len(chart_png(spec)) / 1000)
        costs.append((time.process_time() - began_s) * 1000)
    gc.collect()
    idle = await _lag_during(asyncio.sleep(2))
    drawing = await _lag_during(_draw(specs))
    return Row(draw_ms=statistics.median(costs), kilobytes=statistics.median(sizes), idle=idle, drawing=drawing)


async def _draw(specs: list[ChartSpec]) -> None:
    charting = Charting()
    try:
        for spec in specs:
            assert await charting.png(spec) is not None
    finally:
        charting.close()


async def _lag_during(work: Awaitable[None]) -> Lag:
    working = asyncio.ensure_future(work)
    late_ms = []
    while not working.done():
        began_s = time.perf_counter()
        await asyncio.sleep(_TICK_S)
        late_ms.append((time.perf_counter() - began_s - _TICK_S) * 1000)
    await working
    late_ms.sort()
    return Lag(p50_ms=late_ms[len(late_ms) // 2], p99_ms=late_ms[int(len(late_ms) * 0.99)], longest_ms=late_ms[-1])


def _spec(seed: int) -> ChartSpec:
    walk = random.Random(seed)
    price = 10 ** walk.uniform(-7, 5)
    candles = []
    for minute in range(CANDLES):
        first, price = price, price * (1 + walk.gauss(0, 0.002))
        high, low = max(first, price) * 1.0005, min(first, price) * 0.9995
        candles.append(
            Candle(
                open_ms=_T0 + minute * MINUTE_MS,
                open=first,
                high=high,
                low=low,
                close=price,
                quote_usdt=abs(walk.gauss(2e5, 9e4)),
            )
        )
    last_ms = candles[-1].open_ms
    return ChartSpec(
        symbol=f"COIN{seed}USDT",
        candles=tuple(candles),
        tz=UTC,
        open_interest=tuple((last_ms - back * MINUTE_MS, 5e6 + walk.gauss(0, 2e4)) for back in range(18, -1, -1)),
        marks=(Mark(time_ms=last_ms + 30_000, from_ms=last_ms, label="+3.21 %", direction="up"),),
        subtitle="+3.21 % · 1m",
    )
