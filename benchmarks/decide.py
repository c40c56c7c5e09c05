"""What deciding costs, without a socket: decoded frames of 600 symbols into the engine.

Calm is a market in which nothing is near a bound. In the crash every symbol has fallen and was told; it trembles on
beyond its bound, so each frame could be news and none is. CPU, microseconds per frame, rounds in turns.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from statistics import median

from altmonitor.exchanges.binance.dialect import decode_kline
from altmonitor.market.candles import MINUTE_MS, KlineUpdate
from altmonitor.sim.wire import KlineRow, kline_event
from benchmarks import feed
from benchmarks.feed_load import symbol_of

SYMBOLS = 600
FRAMES_PER_MINUTE = 240
MINUTES = 3
ROUNDS = 5
T0 = 1_790_000_040_000


@dataclass(frozen=True, slots=True)
class Decided:
    """told: alerts while the symbols fell; told_after: while they trembled."""

    calm_us: float
    crash_us: float
    told: int
    told_after: int


def run(*, symbols: int = SYMBOLS, rounds: int = ROUNDS) -> Decided:
    calm, crash, told, told_after = [], [], 0, 0
    for number in range(rounds):
        calm.append(_measure(symbols, fallen_pct=0.0, seed=number)[0])
        us, told, told_after = _measure(symbols, fallen_pct=4.0, seed=number)
        crash.append(us)
    return Decided(calm_us=median(calm), crash_us=median(crash), told=told, told_after=told_after)


def _measure(symbols: int, *, fallen_pct: float, seed: int) -> tuple[float, int, int]:
    sink = feed.EngineSink()
    names = [symbol_of(index) for index in range(symbols)]
    sink.engine.set_symbols(names)
    chance = random.Random(seed)
    opens = [chance.uniform(0.1, 100.0) for _ in names]
    for name, price in zip(names, opens, strict=True):  # the first candle is open where it began, then it falls
        sink.on_kline(_update(name, price, price, at_ms=T0 + 500, is_closed=False))
        sink.on_kline(_update(name, price, price * (1 - fallen_pct / 100), at_ms=T0 + 1_000, is_closed=False))
    told = len(sink.alerts)
    spent_s, count = 0.0, 0
    for minute in range(MINUTES):
        updates = _minute(names, opens, minute, fallen_pct=fallen_pct, chance=chance)
        begin_s = time.process_time()
        for update in updates:
            sink.on_kline(update)
        spent_s += time.process_time() - begin_s
        count += len(updates)
    return spent_s / count * 1e6, told, len(sink.alerts) - told


def _minute(
    names: list[str], opens: list[float], minute: int, *, fallen_pct: float, chance: random.Random
) -> list[KlineUpdate]:
    """Every symbol four times a second, and its close."""
    updates = []
    for step in range(8, FRAMES_PER_MINUTE):
        at_ms = T0 + minute * MINUTE_MS + step * 250
        for name, price in zip(names, opens, strict=True):
            now = price * (1 - (fallen_pct + chance.uniform(-0.5, 0.5)) / 100)
            updates.append(_update(name, price, now, at_ms=at_ms, is_closed=False))
    closed_ms = T0 + (minute + 1) * MINUTE_MS - 1
    for name, price in zip(names, opens, strict=True):
        updates.append(_update(name, price, price * (1 - fallen_pct / 100), at_ms=closed_ms, is_closed=True))
    return updates


def _update(symbol: str, opened: float, now: float, *, at_ms: int, is_closed: bool) -> KlineUpdate:
    open_ms = at_ms // MINUTE_MS * MINUTE_MS
    high, low = max(opened, now) * 1.001, min(opened, now) * 0.999
    prices = [f"{price:.6f}" for price in (opened, high, low, now)]
    row: KlineRow = [open_ms, *prices, "10.0", open_ms + MINUTE_MS - 1, "1000.0", 5, "5.0", "500.0", "0"]
    event = kline_event(symbol, row, event_ms=at_ms, is_closed=is_closed)
    return decode_kline(b'{"data":%b}' % event).data
