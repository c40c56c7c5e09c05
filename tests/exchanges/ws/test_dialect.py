"""The feed on a venue that speaks another language: everything it says and understands comes from the dialect."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, replace

from altmonitor.exchanges.binance.dialect import BINANCE
from altmonitor.exchanges.ws.dialect import Dialect, Method, OtherFrame, Skipped, SubscribeAnswer
from altmonitor.exchanges.ws.feed import FeedOptions, KlineFeed
from altmonitor.exchanges.ws.transport import OnFrames, TransportOptions
from altmonitor.market.candles import Candle, CandleUpdate
from tests.exchanges.feed_kit import RecordingSink, ScriptedSocket, running
from tests.movable_clock import MovableClock


@dataclass(frozen=True)
class Line:
    data: CandleUpdate


def encode(method: Method, streams: tuple[str, ...] | None, request_id: int) -> str:
    return json.dumps({"op": method.lower(), "args": streams, "req": request_id})


def decode_kline(payload: bytes) -> Line:
    """`candle|SYMBOL|event ms|close`"""
    kind, *fields = payload.decode().split("|")
    if kind != "candle":
        raise ValueError(kind)
    symbol, event_ms, close = fields
    candle = Candle(
        open_ms=int(event_ms) // 60_000 * 60_000, open=1.0, high=9.0, low=1.0, close=float(close), quote_usdt=0.0
    )
    return Line(CandleUpdate(event_ms=int(event_ms), symbol=symbol, kline=candle))


def decode_other(payload: bytes) -> OtherFrame:
    kind, *fields = payload.decode().split("|")
    return SubscribeAnswer(request_id=int(fields[0])) if kind == "ok" else Skipped.UNKNOWN_EVENT


OTHER_VENUE = Dialect(
    path="/v9/candles",
    news_streams=(),
    kline_stream=lambda symbol: f"candle.{symbol}",
    encode=encode,
    decode_kline=decode_kline,
    not_a_kline=(ValueError,),
    decode_other=decode_other,
    streams_per_connection=2,
    connection_life_s=3_600.0,
    handshakes=5,
    handshake_window_s=60.0,
    largest_message_bytes=1_000,
    control_interval_s=1.0,
    has_list=False,
    heartbeat="ping",
    heartbeat_s=20.0,
)


class Socket(ScriptedSocket):
    """Acknowledges every request in this exchange's own way, and brings a candle of each stream once a second."""

    def __init__(self, url: str, clock: MovableClock, on_frames: OnFrames) -> None:
        self.url = url
        self.said: list[str] = []
        self.asked: list[str] = []
        super().__init__(clock, on_frames)

    async def send_text(self, text: str) -> None:
        self.said.append(text)
        if text != "ping":
            request = json.loads(text)
            self.asked += request["args"]
            self.on_frames([f"ok|{request['req']}".encode()])

    def speak(self) -> None:
        for stream in self.asked:
            self.on_frames([f"candle|{stream.removeprefix('candle.')}|{self.clock.now_ms()}|2.5".encode()])


class Exchange:
    def __init__(self) -> None:
        self.clock = MovableClock()
        self.sockets: list[Socket] = []
        self.sink = RecordingSink()

    async def open(self, url: str, *, on_frames: OnFrames, options: TransportOptions) -> Socket:
        self.sockets.append(Socket(url, self.clock, on_frames))
        return self.sockets[-1]

    def feed(self, dialect: Dialect) -> KlineFeed:
        options = FeedOptions(open_transport=self.open, jitter=random.Random(1))
        return KlineFeed("ws://venue", dialect=dialect, sink=self.sink, clock=self.clock, options=options)


async def test_a_venue_is_spoken_to_in_its_own_words() -> None:
    exchange = Exchange()
    feed = exchange.feed(OTHER_VENUE)
    feed.set_symbols(["AAA", "BBB", "CCC"])
    async with running(feed):
        await exchange.clock.advance(30)
        status = feed.status()
    assert [socket.url for socket in exchange.sockets] == ["ws://venue/v9/candles"] * 2  # two streams each
    assert exchange.sockets[0].said == ['{"op": "subscribe", "args": ["candle.AAA", "candle.CCC"], "req": 1}', "ping"]
    assert sorted(exchange.sink.heard) == ["AAA", "BBB", "CCC"]
    assert (status.symbols_covered, status.is_blind, status.frames_skipped) == (3, False, {})


async def test_a_dialect_s_words_are_all_that_is_understood() -> None:
    exchange = Exchange()
    feed = exchange.feed(replace(OTHER_VENUE, decode_kline=BINANCE.decode_kline, not_a_kline=BINANCE.not_a_kline))
    feed.set_symbols(["AAA"])
    async with running(feed):
        await exchange.clock.advance(10)
        assert not exchange.sink.heard
        assert set(feed.status().frames_skipped) == {"unknown_event"}
