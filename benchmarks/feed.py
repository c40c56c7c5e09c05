"""What the feed costs: socket to decision, saturated, paced and at the minute boundary.

Each function runs the load in another process and returns plain numbers. CPU is this process's own (`process_time`),
so the generator's share does not count. A "sink factory" makes the consumer: `engine_sink` the real engine,
`reading_sink` one that only reads what a detector needs.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from statistics import median, quantiles
from typing import Any, TypeVar

from websockets.asyncio.client import connect

from altmonitor.core.alert import Alert
from altmonitor.core.clock import SystemClock
from altmonitor.core.event_loop import loop_factory
from altmonitor.core.types import Destination
from altmonitor.engine.context import EngineDeps, anybody
from altmonitor.engine.engine import Engine
from altmonitor.exchanges.binance.dialect import BINANCE, decode_kline
from altmonitor.exchanges.ws.feed import FeedOptions, KlineFeed
from altmonitor.exchanges.ws.transport import OpenTransport
from altmonitor.exchanges.ws.websockets import open_websockets
from altmonitor.interfaces.exchange import FeedEvent, FeedSink
from altmonitor.market.candles import KlineUpdate
from altmonitor.market.contracts import ContractNews
from altmonitor.market.open_interest import OpenInterestRing
from altmonitor.market.quotes import DayTicker, Funding
from altmonitor.settings.settings import Settings
from benchmarks import feed_load

SATURATED_FRAMES = 60_000
ROUNDS = 5
PACED_RATE = 2_400
PACED_FRAMES = 24_000
BOUNDARY_LEAD_FRAMES = 4_800
GATHER_MS = 20.0

T = TypeVar("T")

SinkFactory = Callable[[], FeedSink]


class EngineSink:
    """The real engine with nothing behind it. symbols: None: those of `feed_load`."""

    def __init__(self, symbols: Sequence[str] | None = None) -> None:
        self.alerts: list[Alert] = []
        links = EngineDeps(clock=SystemClock(), sink=self, context=self, oi_ring=OpenInterestRing(period_s=60))
        self.engine = Engine(links, audiences=anybody(Settings()))
        self.engine.set_symbols(_symbols() if symbols is None else symbols)
        self.on_kline = self.engine.on_kline

    def put(self, alert: Alert, *, to: Sequence[Destination]) -> None:
        self.alerts.append(alert)

    def day(self, symbol: str) -> DayTicker | None:
        return None

    def funding(self, symbol: str) -> Funding | None:
        return None

    def funding_hours(self, symbol: str) -> float:
        return 8.0

    def on_contract(self, news: ContractNews) -> None:
        pass

    def on_feed_event(self, event: FeedEvent) -> None:
        pass


class ReadingSink:
    """Looks at every field a detector needs and decides nothing."""

    def __init__(self) -> None:
        self.last: dict[str, tuple[int, float]] = {}

    def on_kline(self, update: KlineUpdate) -> None:
        kline = update.kline
        if kline.close > kline.open * 1.5 or kline.is_closed:
            self.last[update.symbol] = (update.event_ms, kline.quote_usdt)

    def on_contract(self, news: ContractNews) -> None:
        pass

    def on_feed_event(self, event: FeedEvent) -> None:
        pass


class _TimingSink:
    """Notes how old each update is once its decision has been made, milliseconds."""

    def __init__(self, inner: FeedSink) -> None:
        self.ages_ms: list[float] = []
        self.close_ages_ms: list[float] = []
        self._inner = inner
        self.on_contract = inner.on_contract
        self.on_feed_event = inner.on_feed_event

    def on_kline(self, update: KlineUpdate) -> None:
        self._inner.on_kline(update)
        age_ms = time.time_ns() / 1e6 - update.event_ms
        self.ages_ms.append(age_ms)
        if update.kline.is_closed:
            self.close_ages_ms.append(age_ms)


def engine_sink() -> FeedSink:
    return EngineSink()


def reading_sink() -> FeedSink:
    return ReadingSink()


@dataclass(frozen=True, slots=True)
class Saturated:
    """Microseconds of CPU per frame, medians of interleaved rounds; ratio: median of the rounds' ratios."""

    transport: str
    feed_us: float
    bare_us: float
    ratio: float


@dataclass(frozen=True, slots=True)
class Paced:
    """At 2,400 frames a second, one packet each. core_pct: share of one core, percent. Ages: sent → decided."""

    transport: str
    gather_ms: float
    cpu_us: float
    core_pct: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Boundary:
    """600 candles closing at once on a running stream. last_ms: from sending to decision, the slowest of them."""

    transport: str
    gather_ms: float
    p50_ms: float
    last_ms: float


def transports() -> dict[str, OpenTransport]:
    found: dict[str, OpenTransport] = {"websockets": open_websockets}
    if find_spec("picows") is not None:
        from altmonitor.exchanges.ws.picows import open_picows

        found["picows"] = open_picows
    return found


def run_saturated(sink_factory: SinkFactory = engine_sink, *, rounds: int = ROUNDS) -> list[Saturated]:
    """(a) As fast as the socket delivers, against a bare receive-and-decode loop written straight on the library."""
    results = []
    for name, open_transport in transports().items():
        bare = _bare_websockets if name == "websockets" else _bare_picows
        with feed_load.running("saturated", frames=SATURATED_FRAMES, delay_s=1.0) as url:
            _alone(bare(url))  # both sides once without counting
            pairs = [
                (_alone(_saturate(url, open_transport, sink_factory()), gather_ms=GATHER_MS), _alone(bare(url)))
                for _ in range(rounds)
            ]
        results.append(
            Saturated(
                transport=name,
                feed_us=median(feed for feed, _ in pairs),
                bare_us=median(bare for _, bare in pairs),
                ratio=median(feed / bare for feed, bare in pairs),
            )
        )
    return results


def run_paced(
    sink_factory: SinkFactory = engine_sink, *, gathers_ms: tuple[float, ...] = (0, GATHER_MS)
) -> list[Paced]:
    """(b) Frames one by one, as they come in life."""
    results = []
    with feed_load.running("paced", frames=PACED_FRAMES, rate=PACED_RATE, delay_s=1.5) as url:
        for name, open_transport in transports().items():
            for gather_ms in gathers_ms:
                sink = _TimingSink(sink_factory())
                cpu_s, wall_s = _alone(_measure(url, open_transport, sink, PACED_FRAMES), gather_ms=gather_ms)
                results.append(
                    Paced(
                        transport=name,
                        gather_ms=gather_ms,
                        cpu_us=cpu_s / PACED_FRAMES * 1e6,
                        core_pct=cpu_s / wall_s * 100,
                        p50_ms=median(sink.ages_ms),
                        p99_ms=quantiles(sink.ages_ms, n=100)[98],
                    )
                )
    return results


def run_by_hand(sink_factory: SinkFactory = engine_sink, *, rounds: int = ROUNDS) -> tuple[float, float]:
    """Saturated, on picows: microseconds of CPU per frame of what is written by hand, and how many times as much the
    feed takes; medians of interleaved rounds."""
    with feed_load.running("saturated", frames=SATURATED_FRAMES, delay_s=1.0) as url:
        return _beside_hand(url, SATURATED_FRAMES, sink_factory, rounds=rounds, is_timed=False)


def run_by_hand_paced(sink_factory: SinkFactory = engine_sink, *, rounds: int = 2) -> tuple[float, float]:
    """The same paced. What is written by hand runs in the loop that gathers, too."""
    with feed_load.running("paced", frames=PACED_FRAMES, rate=PACED_RATE, delay_s=1.5) as url:
        return _beside_hand(url, PACED_FRAMES, sink_factory, rounds=rounds, is_timed=True)


def _beside_hand(
    url: str, frames: int, sink_factory: SinkFactory, *, rounds: int, is_timed: bool
) -> tuple[float, float]:
    from altmonitor.exchanges.ws.picows import open_picows
    from benchmarks import handwritten

    def ours() -> float:
        sink = _TimingSink(sink_factory()) if is_timed else sink_factory()
        return _alone(_measure(url, open_picows, sink, frames), gather_ms=GATHER_MS)[0]

    def by_hand() -> float:
        return _alone(handwritten.measure(url, frames, is_timed=is_timed), gather_ms=GATHER_MS)[0]

    by_hand()  # once without counting
    pairs = [(ours(), by_hand()) for _ in range(rounds)]
    hand_us = median(hand for _, hand in pairs) / frames * 1e6
    return hand_us, median(our / hand for our, hand in pairs)


def run_boundary(sink_factory: SinkFactory = engine_sink, *, gather_ms: float = GATHER_MS) -> list[Boundary]:
    """(c) Every contract's candle closes in the same moment."""
    results = []
    frames = BOUNDARY_LEAD_FRAMES
    with feed_load.running("boundary", frames=frames, rate=PACED_RATE, delay_s=1.5) as url:
        for name, open_transport in transports().items():
            sink = _TimingSink(sink_factory())
            _alone(_measure(url, open_transport, sink, frames + feed_load.SYMBOLS), gather_ms=gather_ms)
            results.append(
                Boundary(
                    transport=name,
                    gather_ms=gather_ms,
                    p50_ms=median(sink.close_ages_ms),
                    last_ms=max(sink.close_ages_ms),
                )
            )
    return results


def _symbols() -> list[str]:
    return [feed_load.symbol_of(index) for index in range(feed_load.SYMBOLS)]


def _alone(work: Coroutine[Any, Any, T], *, gather_ms: float = 0.0) -> T:
    """In a loop of its own, as `altmonitor run` has one: it gathers, the socket does not."""
    with asyncio.Runner(loop_factory=loop_factory(gather_ms / 1000)) as runner:
        return runner.run(work)


def _feed(url: str, open_transport: OpenTransport, sink: FeedSink) -> KlineFeed:
    options = FeedOptions(gather_ms=0, proxy=False, open_transport=open_transport)
    feed = KlineFeed(url, dialect=BINANCE, sink=sink, clock=SystemClock(), options=options)
    feed.set_symbols(_symbols())
    return feed


async def _saturate(url: str, open_transport: OpenTransport, sink: FeedSink) -> float:
    cpu_s, _ = await _measure(url, open_transport, sink, SATURATED_FRAMES)
    return cpu_s / SATURATED_FRAMES * 1e6


async def _measure(url: str, open_transport: OpenTransport, sink: FeedSink, frames: int) -> tuple[float, float]:
    """CPU and wall seconds from the end of subscribing to the last frame."""
    feed = _feed(url, open_transport, sink)
    running = asyncio.create_task(feed.run())
    try:
        async with asyncio.timeout(120):
            await _until(lambda: feed.frames > 0 or feed.status().symbols_covered == feed_load.SYMBOLS)
            cpu_s, wall_s = time.process_time(), time.perf_counter()
            await _until(lambda: feed.frames >= frames)
            return time.process_time() - cpu_s, time.perf_counter() - wall_s
    finally:
        running.cancel()
        await asyncio.wait({running})


async def _until(is_true: Callable[[], bool]) -> None:
    while not is_true():  # noqa: ASYNC110  a poll every 250 ms costs less than a call per frame
        await asyncio.sleep(0.25)


def _subscribe_messages() -> list[str]:
    names = [f"{symbol.lower()}@kline_1m" for symbol in _symbols()]
    chunks = [names[start : start + 150] for start in range(0, len(names), 150)]
    return [
        json.dumps({"method": "SUBSCRIBE", "params": chunk, "id": number}) for number, chunk in enumerate(chunks, 1)
    ]


async def _bare_websockets(url: str) -> float:
    async with connect(url + "/stream", compression=None, max_queue=256, proxy=None) as socket:
        messages = _subscribe_messages()
        for message in messages:
            await socket.send(message)
        for _ in messages:
            await socket.recv(decode=False)
        started_s = time.process_time()
        for _ in range(SATURATED_FRAMES):
            decode_kline(await socket.recv(decode=False))
        cpu_s = time.process_time() - started_s
        socket.transport.abort()
    return cpu_s / SATURATED_FRAMES * 1e6


async def _bare_picows(url: str) -> float:
    from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

    messages = _subscribe_messages()
    done: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    class Bare(WSListener):
        def __init__(self) -> None:
            super().__init__()
            self.count = -len(messages)
            self.started_s = 0.0

        def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
            if self.count >= 0:
                decode_kline(frame.get_payload_as_bytes())
            self.count += 1
            if self.count == 0:
                self.started_s = time.process_time()
            elif self.count == SATURATED_FRAMES:
                done.set_result(time.process_time() - self.started_s)

    transport, _ = await ws_connect(Bare, url + "/stream", read_buffer_init_size=256 * 1024)
    for message in messages:
        transport.send(WSMsgType.TEXT, message.encode())
    cpu_s = await done
    transport.disconnect(graceful=False)
    await transport.wait_disconnected()
    return cpu_s / SATURATED_FRAMES * 1e6
