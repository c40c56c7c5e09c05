"""Every venue's candles at its full rate, each frame in a packet of its own, in the venues' own words.

`python -m benchmarks.venue_load START_MS SECONDS` prints the port it listens on and serves the socket addresses of
`altmonitor.sim.exchange` beside it: the same contracts, prices that start at the simulated market's and stay calm.
Written out by hand, because the simulated exchange sends what is due in a tick in one packet and keeps no such pace.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
import struct
import sys
import threading
import time
from argparse import Namespace
from dataclasses import dataclass, field

import msgspec

from altmonitor.core.types import Venue
from altmonitor.sim.bybit import BybitWire
from altmonitor.sim.hyperliquid import HyperliquidWire
from altmonitor.sim.market import SeededMarket
from altmonitor.sim.okx import OkxWire
from altmonitor.sim.venue_sockets import Push, Reply, SimKline, VenueWire, listed
from benchmarks.feed_load import MINUTE_MS, Connection, text_frame

SEED = 5
SYMBOLS_LISTED = 760
BINANCE_PER_S = 2_400.0
PACED_S = 0.002
PATHS: dict[str, Venue] = {
    "/market/stream": "binance",
    "/v5/public/linear": "bybit",
    "/ws/v5/business": "okx",
    "/hyperliquid/ws": "hyperliquid",
}


def market(start_ms: int) -> SeededMarket:
    return SeededMarket(seed=SEED, start_ms=start_ms, symbols=SYMBOLS_LISTED, frames_per_s=BINANCE_PER_S)


def address(venue: Venue, port: int) -> str:
    """What the setting of that venue's socket address holds."""
    path = next(path for path, name in PATHS.items() if name == venue)
    return f"ws://127.0.0.1:{port}{path.rpartition('/')[0]}"


@dataclass(slots=True)
class _Walk:
    """A contract's running candle."""

    symbol: str
    price: float
    open_ms: int = 0
    high: float = 0.0
    low: float = 0.0
    open: float = 0.0
    quote: float = 0.0

    def begin(self, open_ms: int) -> None:
        self.open_ms, self.quote = open_ms, 0.0
        self.open = self.high = self.low = self.price

    def step(self, jitter: random.Random) -> None:
        price = self.price * (1 + jitter.gauss(0, 0.0001))
        self.price = min(max(price, self.open * 0.99), self.open * 1.01)
        self.high, self.low = max(self.high, self.price), min(self.low, self.price)
        self.quote += jitter.uniform(10, 500)

    def update(self, event_ms: int, *, is_closed: bool) -> SimKline:
        coins = self.quote / self.price
        kline: dict[str, str | int | bool] = {
            "t": self.open_ms,
            "T": self.open_ms + MINUTE_MS - 1,
            "o": f"{self.open:.7g}",
            "c": f"{self.price:.7g}",
            "h": f"{self.high:.7g}",
            "l": f"{self.low:.7g}",
            "v": f"{coins:.3f}",
            "n": 622,
            "x": is_closed,
            "q": f"{self.quote:.5f}",
            "V": f"{coins * 0.6:.3f}",
            "Q": f"{self.quote * 0.6:.5f}",
        }
        return SimKline(event_ms, self.symbol, kline)


class _BinanceWire:
    paths = ("/market/stream",)
    idle_s = 600.0
    garbage: tuple[bytes, ...] = ()

    def on_text(self, text: str, subscriptions: set[str], path: str) -> Reply:
        request = msgspec.json.decode(text, type=dict[str, object])
        asked = request.get("params")
        names = tuple(str(name) for name in asked) if isinstance(asked, list) else ()
        is_list = request["method"] == "LIST_SUBSCRIPTIONS"
        result = sorted(subscriptions) if is_list else None
        answer = msgspec.json.encode({"result": result, "id": request["id"]})
        return Reply(texts=(answer,), adds=names)

    def kline(self, update: SimKline) -> Push:
        k, symbol = update.kline, update.symbol
        name = f"{symbol.lower()}@kline_1m"
        text = (
            f'{{"stream":"{name}","data":{{"e":"kline","E":{update.event_ms},"s":"{symbol}","k":{{"t":{k["t"]}'
            f',"T":{k["T"]},"s":"{symbol}","i":"1m","f":8031029259,"L":8031029892,"o":"{k["o"]}","c":"{k["c"]}"'
            f',"h":"{k["h"]}","l":"{k["l"]}","v":"{k["v"]}","n":{k["n"]},"x":{"true" if k["x"] else "false"}'
            f',"q":"{k["q"]}","V":"{k["V"]}","Q":"{k["Q"]}","B":"0"}}}}}}'
        )
        return Push(name, text.encode())

    def tables(self, now_ms: int) -> list[Push]:
        return []


@dataclass(slots=True)
class _Side:
    """One venue. by_stream: what a stream's name stands for. turns: who gets the next frame, in turn."""

    wire: VenueWire
    per_s_and_contract: float
    by_stream: dict[str, _Walk]
    turns: list[tuple[_Client, _Walk]] = field(default_factory=list)
    clients: list[_Client] = field(default_factory=list)
    owed: float = 0.0
    at: int = 0


class _Client(Connection):
    """Takes what is asked; `_Pace` sends."""

    def __init__(self, sock: socket.socket, sides: dict[Venue, _Side]) -> None:
        super().__init__(sock, Namespace(mode="paced"), [])
        self._sides = sides
        self._subscribed: set[str] = set()

    def serve(self) -> None:
        side: _Side | None = None
        try:
            self._shake_hands()
            side = self._sides[PATHS[self.path]]
            side.clients.append(self)
            for opcode, payload in self._incoming():
                if opcode == 0x9:
                    self.send(struct.pack("!BB", 0x8A, len(payload)) + payload)
                elif opcode == 0x1:
                    self._obey(side, payload.decode())
                elif opcode == 0x8:
                    return
        except OSError:
            pass
        finally:
            if side is not None:
                side.clients.remove(self)
                side.turns = [turn for turn in side.turns if turn[0] is not self]
            self._sock.close()

    def _obey(self, side: _Side, text: str) -> None:
        reply = side.wire.on_text(text, self._subscribed, self.path)
        added = [side.by_stream[name] for name in reply.adds if name in side.by_stream and name not in self._subscribed]
        self._subscribed.update(reply.adds)
        for answer in reply.texts:
            self.send(text_frame(answer))
        side.turns = [*side.turns, *((self, walk) for walk in added)]

    def takes(self, stream: str) -> bool:
        return stream in self._subscribed

    def send(self, frame: bytes) -> None:
        with contextlib.suppress(OSError), self._lock:
            self._sock.sendall(frame)


class _Pace(threading.Thread):
    """Sends what is due every two milliseconds, frame by frame, and every candle's end as a minute turns."""

    def __init__(self, sides: dict[Venue, _Side]) -> None:
        super().__init__(daemon=True)
        self._sides = sides
        self._jitter = random.Random(7)

    def run(self) -> None:
        before_s = time.perf_counter()
        minute_ms = _now_ms() // MINUTE_MS * MINUTE_MS
        while True:
            time.sleep(PACED_S)
            now_s, now_ms = time.perf_counter(), _now_ms()
            if now_ms >= minute_ms + MINUTE_MS:
                minute_ms += MINUTE_MS
                self._close(minute_ms)
            for side in self._sides.values():
                if side.clients:
                    self._send(side, min(1.0, now_s - before_s), minute_ms)
            before_s = now_s

    def _send(self, side: _Side, elapsed_s: float, open_ms: int) -> None:
        turns = side.turns
        side.owed += elapsed_s * side.per_s_and_contract * len(turns)
        for _ in range(int(side.owed)):
            side.at = (side.at + 1) % len(turns)
            client, walk = turns[side.at]
            if walk.open_ms != open_ms:
                walk.begin(open_ms)
            walk.step(self._jitter)
            push = side.wire.kline(walk.update(_now_ms(), is_closed=False))
            if push is not None:
                client.send(text_frame(push.text))
        side.owed -= int(side.owed)
        for push in side.wire.tables(_now_ms()):
            for client in side.clients:
                if client.takes(push.stream):
                    client.send(text_frame(push.text))

    def _close(self, minute_ms: int) -> None:
        for side in self._sides.values():
            for client, walk in side.turns:
                if walk.open_ms == minute_ms - MINUTE_MS:
                    push = side.wire.kline(walk.update(_now_ms(), is_closed=True))
                    if push is not None:
                        client.send(text_frame(push.text))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _sides(start_ms: int) -> dict[Venue, _Side]:
    one = market(start_ms)
    names = listed(one, _now_ms())
    prices = dict(zip(names, one.prices(names, _now_ms()), strict=True))
    wires: dict[Venue, VenueWire] = {
        "binance": _BinanceWire(),
        "bybit": BybitWire(one, now_ms=_now_ms),
        "okx": OkxWire(one, now_ms=_now_ms),
        "hyperliquid": HyperliquidWire(one, now_ms=_now_ms),
    }
    found = {}
    for venue, wire in wires.items():
        walks = {}
        for symbol, price in prices.items():
            walk = _Walk(symbol, price)
            walk.begin(0)
            push = wire.kline(walk.update(0, is_closed=False))
            if push is not None:
                walks[push.stream] = walk
        found[venue] = _Side(wire, BINANCE_PER_S / len(walks) if venue == "binance" else 1.0, walks)
    return found


def main() -> None:
    start_ms, seconds = int(sys.argv[1]), float(sys.argv[2])
    sides = _sides(start_ms)
    threading.Timer(seconds, _end).start()
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        print(server.getsockname()[1], flush=True)
        _Pace(sides).start()
        while True:
            sock, _ = server.accept()
            threading.Thread(target=_Client(sock, sides).serve, daemon=True).start()


def _end() -> None:
    """Whoever started it has been killed."""
    os._exit(0)


if __name__ == "__main__":
    main()
