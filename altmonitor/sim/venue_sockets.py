"""The WebSocket side of the simulated exchange as other venues speak: one market, each in its own frames and quirks."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
from aiohttp import WSMessage, WSMsgType, web

from altmonitor.sim.connections import BINARY, TEXT, ClientConnection, SimSockets, encode_frame
from altmonitor.sim.control import ExchangeFaults, ExchangeStats
from altmonitor.sim.market import Market
from altmonitor.sim.wire import Frame


class SimKline(msgspec.Struct, frozen=True, rename={"event_ms": "E", "symbol": "s", "kline": "k"}):
    """A push of the market, as the main exchange writes it."""

    event_ms: int
    symbol: str
    kline: dict[str, str | int | bool]


@dataclass(frozen=True, slots=True)
class Push:
    """One message to all who subscribed to `stream`."""

    stream: str
    text: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """To a client's message. adds, removes: streams. texts: what is answered. close: with which code."""

    texts: tuple[bytes, ...] = ()
    adds: tuple[str, ...] = ()
    removes: tuple[str, ...] = ()
    close: int | None = None


class VenueWire(Protocol):
    """How one venue speaks. paths: of its sockets. idle_s: a connection over which nothing went for so long is closed;
    garbage: odd frames of its own."""

    @property
    def paths(self) -> tuple[str, ...]: ...
    @property
    def idle_s(self) -> float: ...
    @property
    def garbage(self) -> tuple[bytes, ...]: ...

    def on_text(self, text: str, subscriptions: set[str], path: str) -> Reply:
        """What a message of a client does."""

    def kline(self, update: SimKline) -> Push | None:
        """None for what it does not list."""

    def tables(self, now_ms: int) -> list[Push]:
        """What it tells of all symbols, asked a few times a second; empty when nothing is due."""


@dataclass(slots=True, kw_only=True)
class SimVenue:
    """What can be made to go wrong at one venue, and what it saw. lag_ms: its market moves so much after the main one.
    pace_ms: of each contract at most one running candle in so long, the newest; 0: every one there is.
    Of `faults` everything but `rest` counts; REST is spoiled at the exchange, by path."""

    faults: ExchangeFaults = field(default_factory=ExchangeFaults)
    stats: ExchangeStats = field(default_factory=ExchangeStats)
    lag_ms: int = 0
    pace_ms: int = 0
    extra: list[Push] = field(default_factory=list)
    """Sent at the next tick, for whoever subscribed: liquidations, broken frames."""


_kline = msgspec.json.Decoder(SimKline).decode


class VenueSockets(SimSockets):
    """wire: how the venue speaks. venue: what goes wrong there."""

    def __init__(
        self,
        wire: VenueWire,
        venue: SimVenue,
        *,
        monotonic: Callable[[], float],
        now_ms: Callable[[], int],
    ) -> None:
        super().__init__(faults=venue.faults, stats=venue.stats, monotonic=monotonic, now_ms=now_ms)
        self._wire = wire
        self._venue = venue
        self._heard_s: dict[ClientConnection, float] = {}
        self._due: list[tuple[int, int, Push]] = []
        self._numbers = itertools.count()
        self._newest: dict[str, Push] = {}
        self._sent_ms: dict[str, int] = {}
        self._garbage = itertools.cycle([*((TEXT, text) for text in wire.garbage), (BINARY, b"\x00\x01\x02")])
        venue.faults.connect(drop=self.drop_all, close=self.close_all)

    def routes(self) -> list[web.RouteDef]:
        return [web.get(path, self.accept) for path in self._wire.paths]

    def push(self, frames: Sequence[Frame]) -> None:
        """What has just happened in the market; told when the venue's time for it has come."""
        if not self.has_listeners():
            self._due.clear()
            self._venue.extra.clear()
            return
        now_ms, skew_ms = self._now_ms(), self._venue.faults.clock_skew_ms
        wanted: set[str] = set().union(*(connection.stats.subscriptions for connection in self._open))
        for frame in frames:
            if b'"kline"' not in frame.event[:16]:
                continue
            update = _kline(frame.event)
            if update.symbol in self._venue.faults.mute_symbols:
                continue
            shown = msgspec.structs.replace(update, event_ms=update.event_ms + self._venue.lag_ms + skew_ms)
            push = self._wire.kline(shown)
            if push is not None and push.stream in wanted:
                due_ms = update.event_ms + self._venue.lag_ms
                if self._venue.pace_ms and not update.kline["x"]:
                    self._newest[push.stream] = push
                    continue
                heapq.heappush(self._due, (due_ms, next(self._numbers), push))
        ready = self._paced(now_ms)
        while self._due and self._due[0][0] <= now_ms:
            ready.append(heapq.heappop(self._due)[2])
        ready += self._wire.tables(now_ms + skew_ms)
        ready += self._venue.extra
        self._venue.extra.clear()
        if not self._venue.faults.mute:
            self._send([(push.stream, encode_frame(TEXT, push.text)) for push in ready])

    def _paced(self, now_ms: int) -> list[Push]:
        due = [name for name in self._newest if now_ms - self._sent_ms.get(name, 0) >= self._venue.pace_ms]
        self._sent_ms.update(dict.fromkeys(due, now_ms))
        return [self._newest.pop(name) for name in due]

    def _send(self, encoded: Sequence[tuple[str, bytes]]) -> None:
        for connection in self._open:
            wanted = connection.stats.subscriptions
            if connection.is_closing or not wanted:
                continue
            mine = [data for stream, data in encoded if stream in wanted]
            connection.stats.frames_pushed += len(mine)
            if self._venue.faults.garbage:
                mine.insert(0, encode_frame(*next(self._garbage)))
            if mine:
                self._heard_s[connection] = self._monotonic()
                connection.write(b"".join(mine))

    def tend(self) -> None:
        """Connections over which nothing goes, clients that do not read. Called at every tick."""
        now_s = self._monotonic()
        for connection in self.still_open(now_s):
            if now_s - self._heard_s[connection] > self._wire.idle_s:
                connection.close(1000, "Inactive", at_s=now_s)

    def opened(self, connection: ClientConnection, request: web.Request) -> None:
        self._heard_s[connection] = connection.opened_s

    def ended(self, connection: ClientConnection) -> None:
        self._heard_s.pop(connection, None)

    def on_message(self, connection: ClientConnection, message: WSMessage, recent: int) -> None:
        if message.type is WSMsgType.TEXT:
            stats = connection.stats
            stats.control_messages += 1
            stats.largest_frame_bytes = max(stats.largest_frame_bytes, len(message.data.encode()))
            self._heard_s[connection] = self._monotonic()
            reply = self._wire.on_text(message.data, stats.subscriptions, stats.path)
            stats.subscriptions.update(reply.adds)
            stats.subscriptions.difference_update(reply.removes)
            if not self._venue.faults.swallow_acks:
                for text in reply.texts:
                    connection.write(encode_frame(TEXT, text))
            if reply.close is not None:
                connection.close(reply.close, "", at_s=self._monotonic())


def listed(market: Market, now_ms: int) -> list[str]:
    """USDT perpetuals that trade now, stocks and metals among them."""
    return [
        contract.symbol
        for contract in market.contracts()
        if contract.quote_asset == "USDT"
        and contract.contract_type in ("PERPETUAL", "TRADIFI_PERPETUAL")
        and contract.status_at(now_ms) == "TRADING"
    ]
