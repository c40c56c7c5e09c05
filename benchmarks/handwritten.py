"""What somebody would write by hand for the same alerts, straight on picows and msgspec: the yardstick of the feed.

It decodes the same fields and judges the same three rules with the settings of a first start: ±3 % against the
candle's open, ±3 % against the price 60 s earlier, a running or closed volume of 5 × the median of 20 candles. It has
one socket for ever, believes every number, and knows nothing of gaps, silences, cooldowns, several readers or history.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from statistics import median

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from altmonitor.exchanges.binance.dialect import KlineFields, decode_kline
from benchmarks import feed_load

RISE, FALL = 1.03, 0.97
MULTIPLE, LOOKBACK, LEAST_USDT = 5.0, 20, 50_000.0
SPACING_MS, WINDOW_MS = 500, 60_000


class Symbol:
    __slots__ = ("burst_at", "open_ms", "prices", "sampled_ms", "told_ms", "volumes")

    def __init__(self) -> None:
        self.open_ms = self.sampled_ms = self.told_ms = 0
        self.burst_at = float("inf")
        self.prices: deque[tuple[int, float]] = deque()
        self.volumes: deque[float] = deque(maxlen=LOOKBACK)

    def take(self, kline: KlineFields, event_ms: int) -> list[str]:
        """What is to be told of this update."""
        found, close = [], kline.close
        if kline.open_ms != self.open_ms:
            self.open_ms = kline.open_ms
            enough = len(self.volumes) >= LOOKBACK
            self.burst_at = max(LEAST_USDT, MULTIPLE * median(self.volumes)) if enough else float("inf")
        if not kline.open * FALL < close < kline.open * RISE:
            found.append("candle")
        prices = self.prices
        while prices and prices[0][0] < event_ms - WINDOW_MS:
            prices.popleft()
        if prices and not prices[0][1] * FALL < close < prices[0][1] * RISE:
            found.append("60 s")
        if event_ms - self.sampled_ms >= SPACING_MS:
            self.sampled_ms = event_ms
            prices.append((event_ms, close))
        if kline.quote_usdt >= self.burst_at:
            found.append("volume")
        if kline.is_closed:
            self.volumes.append(kline.quote_usdt)
        if found and self.told_ms != kline.open_ms:
            self.told_ms = kline.open_ms
            return found
        return []


class Listener(WSListener):
    """ages_ms: of the updates that were judged, sent → judged. is_timed: whether they are kept."""

    def __init__(self, answers: int, frames: int, *, is_timed: bool) -> None:
        super().__init__()
        self._answers, self._frames = answers, frames
        self._symbols: dict[str, Symbol] = {}
        self._is_timed = is_timed
        self.ages_ms: list[float] = []
        self.alerts = 0
        self.count = -answers
        self.begun_s = (0.0, 0.0)
        self.done: asyncio.Future[tuple[float, float]] = asyncio.get_running_loop().create_future()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        self.count += 1
        if self.count <= 0:
            if self.count == 0:
                self.begun_s = time.process_time(), time.perf_counter()
            return
        data = decode_kline(frame.get_payload_as_bytes()).data
        symbol = self._symbols.get(data.symbol)
        if symbol is None:
            symbol = self._symbols[data.symbol] = Symbol()
        if symbol.take(data.kline, data.event_ms):
            self.alerts += 1
        if self._is_timed:
            self.ages_ms.append(time.time_ns() / 1e6 - data.event_ms)
        if self.count == self._frames:
            cpu_s, wall_s = self.begun_s
            self.done.set_result((time.process_time() - cpu_s, time.perf_counter() - wall_s))


async def measure(url: str, frames: int, *, is_timed: bool = False) -> tuple[float, float]:
    """CPU and wall seconds from the end of subscribing to the last frame."""
    names = [f"{feed_load.symbol_of(index).lower()}@kline_1m" for index in range(feed_load.SYMBOLS)]
    chunks = [names[start : start + 150] for start in range(0, len(names), 150)]
    listener = Listener(len(chunks), frames, is_timed=is_timed)
    transport, _ = await ws_connect(lambda: listener, url + "/stream", read_buffer_init_size=256 * 1024)
    for number, chunk in enumerate(chunks, 1):
        message = json.dumps({"method": "SUBSCRIBE", "params": chunk, "id": number})
        transport.send(WSMsgType.TEXT, message.encode())
    spent = await listener.done
    transport.disconnect(graceful=False)
    await transport.wait_disconnected()
    return spent
