"""A feed on a simulated exchange, in fast time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from altmonitor.core.clock import Clock
from altmonitor.exchanges.binance.dialect import BINANCE
from altmonitor.exchanges.ws.feed import FeedOptions, KlineFeed
from altmonitor.exchanges.ws.transport import CloseReason, OnFrames
from altmonitor.interfaces.exchange import FeedEvent
from altmonitor.market.candles import KlineUpdate
from altmonitor.market.contracts import ContractNews
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import SeededMarket
from altmonitor.sim.script import Event
from tests.movable_clock import MovableClock
from tests.patient_clock import PatientClock

T0 = 1_790_000_040_000  # a full minute


@dataclass(slots=True)
class RecordingSink:
    """Remembers what a feed tells."""

    updates: int = 0
    heard: Counter[str] = field(default_factory=Counter)
    closed: list[tuple[str, int, float]] = field(default_factory=list)
    news: list[ContractNews] = field(default_factory=list)
    events: list[FeedEvent] = field(default_factory=list)

    def on_kline(self, update: KlineUpdate) -> None:
        self.updates += 1
        self.heard[update.symbol] += 1
        if update.kline.is_closed:
            self.closed.append((update.symbol, update.kline.open_ms, update.kline.close))

    def on_contract(self, news: ContractNews) -> None:
        self.news.append(news)

    def on_feed_event(self, event: FeedEvent) -> None:
        self.events.append(event)

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


@dataclass(slots=True)
class Stage:
    """`symbols`: what the feed was told to watch."""

    clock: Clock
    market: SeededMarket
    exchange: SimExchange
    sink: RecordingSink
    feed: KlineFeed
    symbols: list[str]

    async def until(self, is_true: Callable[[], bool], *, within_s: float) -> float:
        """Waits, in the clock's seconds; returns how long it took."""
        started_s = self.clock.monotonic()
        while not is_true():
            waited_s = self.clock.monotonic() - started_s
            assert waited_s < within_s, f"not within {within_s} s; events: {self.sink.events}; {self.feed.status()}"
            await asyncio.sleep(0.005)
        return self.clock.monotonic() - started_s

    async def until_covered(self) -> None:
        await self.until(lambda: self.feed.status().symbols_covered == len(self.symbols), within_s=60)
        await self.until(lambda: not self.feed.status().is_blind, within_s=60)


class ScriptedSocket:
    """A connection in memory: acknowledges Binance's requests and brings a candle of BTCUSDT every second, until it is
    closed or `is_dead`."""

    name = "scripted"

    def __init__(self, clock: MovableClock, on_frames: OnFrames) -> None:
        self.is_dead = False
        self.clock = clock
        self.on_frames = on_frames
        self._closed = asyncio.Event()
        self._talking = asyncio.create_task(self._talk())

    async def send_text(self, text: str) -> None:
        request = json.loads(text)
        result = ["btcusdt@kline_1m", "!contractInfo"] if request["method"] == "LIST_SUBSCRIPTIONS" else None
        if not self.is_dead:
            self.on_frames([json.dumps({"result": result, "id": request["id"]}).encode()])

    async def wait_closed(self) -> CloseReason:
        await self._closed.wait()
        return CloseReason(code=1006)

    async def close(self) -> None:
        self.abort()

    def abort(self) -> None:
        self._talking.cancel()
        self._closed.set()

    def push(self, event_ms: int) -> None:
        kline = {"t": event_ms // 60_000 * 60_000, "n": 1, "x": False, **dict.fromkeys("ohlcqQ", "1")}
        update = {"stream": "s", "data": {"e": "kline", "E": event_ms, "s": "BTCUSDT", "k": kline}}
        self.on_frames([json.dumps(update).encode()])

    def speak(self) -> None:
        """Once a second."""
        self.push(self.clock.now_ms())

    async def _talk(self) -> None:
        while True:
            if not self.is_dead:
                self.speak()
            await self.clock.sleep(1)


async def until(is_true: Callable[[], bool]) -> None:
    """Waits at most 30 s of real time."""
    async with asyncio.timeout(30):
        while not is_true():  # noqa: ASYNC110  what is waited for happens in code that knows no test
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def running(feed: KlineFeed) -> AsyncIterator[None]:
    task = asyncio.create_task(feed.run())
    try:
        yield
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.wait({task})


@contextlib.asynccontextmanager
async def stage(
    *,
    speed: float = 20,
    symbols: int = 60,
    frames_per_s: float = 100,
    script: Sequence[Event] = (),
    options: FeedOptions | None = None,
    path: str = "",
    before: Callable[[SimExchange], None] = lambda exchange: None,
    start_ms: int = T0 + 12_000,
) -> AsyncIterator[Stage]:
    """`path` replaces `/market` in the address. `before`: what is wrong from the beginning."""
    clock = PatientClock(start_ms=start_ms, speed=speed)
    market = SeededMarket(seed=7, start_ms=start_ms, symbols=symbols, frames_per_s=frames_per_s, script=script)
    sink = RecordingSink()
    options = options if options is not None else quick()
    async with SimExchange(market, clock=clock) as exchange:
        before(exchange)
        url = exchange.ws_url if not path else exchange.ws_url.removesuffix("/market") + path
        feed = KlineFeed(url.removesuffix("/"), dialect=BINANCE, sink=sink, clock=clock, options=options)
        watched = trading(market)
        feed.set_symbols(watched)
        async with running(feed):
            yield Stage(clock, market, exchange, sink, feed, watched)


def quick(**changes: object) -> FeedOptions:
    known: dict[str, object] = {"gather_ms": 2, "proxy": False, "jitter": random.Random(3), **changes}
    return FeedOptions(**known)  # type: ignore[arg-type]


def trading(market: SeededMarket) -> list[str]:
    return [
        contract.symbol
        for contract in market.contracts()
        if contract.status_at(market.start_ms) == "TRADING" and contract.quote_asset == "USDT"
    ]
