"""A source of kline frames in its own process, fast enough not to be what is measured.

`python -m benchmarks.feed_load --mode saturated` prints the port it listens on, then serves one connection after the
other: it speaks the handshake, acknowledges SUBSCRIBE, answers LIST_SUBSCRIPTIONS, and once every symbol is subscribed
sends `--frames` frames:

saturated   encoded beforehand, in writes of 256 KiB, as fast as the socket takes them
paced       `--rate` frames a second, each in a packet of its own, `E` stamped with the time of sending
boundary    the same stream, in which after `--frames` frames every symbol's candle closes at once
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import hashlib
import random
import re
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

SYMBOLS = 600
MINUTE_MS = 60_000
FIRST_OPEN_MS = 1_787_949_600_000
WRITE_BYTES = 256 * 1024
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_STAMP = b"1000000000000"


def symbol_of(index: int) -> str:
    return f"SYM{index:03d}USDT"


@dataclass(slots=True)
class _Candle:
    open: float
    high: float
    low: float
    close: float
    quote: float = 0.0


class Market:
    """600 contracts on a seeded random walk that stays within ±2.5 % of each candle's open (nothing to alert)."""

    def __init__(self, seed: int = 7) -> None:
        self._random = random.Random(seed)
        self._candles = [self._fresh(10 ** self._random.uniform(-3, 4)) for _ in range(SYMBOLS)]

    @staticmethod
    def _fresh(price: float) -> _Candle:
        return _Candle(price, price, price, price)

    def step(self, index: int, *, event_ms: int, open_ms: int, is_closed: bool = False) -> bytes:
        """One WebSocket text frame of the symbol; a closed candle is followed by a fresh one."""
        candle = self._candles[index]
        drift = candle.close * (1 + self._random.gauss(0, 0.0001))
        candle.close = min(max(drift, candle.open * 0.975), candle.open * 1.025)
        candle.high = max(candle.high, candle.close)
        candle.low = min(candle.low, candle.close)
        candle.quote += self._random.uniform(10, 5_000)
        payload = _payload(symbol_of(index), candle, event_ms=event_ms, open_ms=open_ms, is_closed=is_closed)
        if is_closed:
            self._candles[index] = self._fresh(candle.close)
        return text_frame(payload)


def _payload(symbol: str, candle: _Candle, *, event_ms: int, open_ms: int, is_closed: bool) -> bytes:
    coins = candle.quote / candle.close
    return (
        f'{{"stream":"{symbol.lower()}@kline_1m","data":{{"e":"kline","E":{event_ms},"s":"{symbol}","k":{{"t":{open_ms}'
        f',"T":{open_ms + MINUTE_MS - 1},"s":"{symbol}","i":"1m","f":8031029259,"L":8031029892,"o":"{candle.open:.7g}"'
        f',"c":"{candle.close:.7g}","h":"{candle.high:.7g}","l":"{candle.low:.7g}","v":"{coins:.3f}","n":622'
        f',"x":{"true" if is_closed else "false"},"q":"{candle.quote:.5f}","V":"{coins * 0.6:.3f}"'
        f',"Q":"{candle.quote * 0.6:.5f}","B":"0"}}}}}}'
    ).encode()


def text_frame(payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65_536:
        return struct.pack("!BBH", 0x81, 126, size) + payload
    return struct.pack("!BBQ", 0x81, 127, size) + payload


def saturated_writes(frames: int) -> list[bytes]:
    """`frames` frames over all symbols in turn, four updates a second each, candles closing as they go."""
    market, writes, pending, size = Market(), [], [], 0
    for count in range(frames):
        turn, index = divmod(count, SYMBOLS)
        event_ms = FIRST_OPEN_MS + 250 * turn + index % 250
        minute = (event_ms - FIRST_OPEN_MS) // MINUTE_MS
        closes = (event_ms + 250 - FIRST_OPEN_MS) // MINUTE_MS > minute
        frame = market.step(index, event_ms=event_ms, open_ms=FIRST_OPEN_MS + minute * MINUTE_MS, is_closed=closes)
        pending.append(frame)
        size += len(frame)
        if size >= WRITE_BYTES:
            writes.append(b"".join(pending))
            pending, size = [], 0
    return [*writes, b"".join(pending)]


class Connection:
    """One client: handshake and control messages on the calling thread, data on a second one."""

    def __init__(self, sock: socket.socket, options: argparse.Namespace, writes: list[bytes]) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self._options = options
        self._writes = writes
        self._streams: set[str] = set()
        self.path = ""
        self._lock = threading.Lock()
        self._sender: threading.Thread | None = None

    def serve(self) -> None:
        with contextlib.suppress(OSError), self._sock:
            self._shake_hands()
            for opcode, payload in self._incoming():
                if opcode == 0x8:
                    return
                if opcode == 0x1:
                    self._answer(payload.decode())

    def _shake_hands(self) -> None:
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            request += self._receive(1)
        found = re.search(rb"(?i)sec-websocket-key:\s*(\S+)", request)
        assert found is not None
        self.path = request.split()[1].decode()
        accept = base64.b64encode(hashlib.sha1(found[1] + _MAGIC).digest())  # noqa: S324  what RFC 6455 asks for
        self._sock.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )

    def _receive(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self._sock.recv(size - len(data))
            if not part:
                raise ConnectionResetError
            data += part
        return data

    def _incoming(self) -> Iterator[tuple[int, bytes]]:
        while True:
            first, second = self._receive(2)
            size = second & 0x7F
            if size == 126:
                (size,) = struct.unpack("!H", self._receive(2))
            mask, payload = self._receive(4), self._receive(size)
            yield first & 0xF, bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))

    def _answer(self, text: str) -> None:
        found = re.search(r'"id":\s*(\d+)', text)
        assert found is not None
        names = re.findall(r'"([^"]+@kline_1m|!contractInfo)"', text)
        if '"SUBSCRIBE"' in text:
            self._streams.update(names)
        listed = ",".join(f'"{name}"' for name in sorted(self._streams)) if "LIST" in text else None
        result = f"[{listed}]" if listed is not None else "null"
        with self._lock:
            self._sock.sendall(text_frame(f'{{"result":{result},"id":{found[1]}}}'.encode()))
        if len(self._streams - {"!contractInfo"}) >= SYMBOLS and self._sender is None:
            self._sender = threading.Thread(target=self._send, daemon=True)
            self._sender.start()

    def _send(self) -> None:
        # The client's LIST_SUBSCRIPTIONS and its answer shall not fall into the measured part.
        time.sleep(self._options.delay_s)
        with contextlib.suppress(OSError):
            if self._options.mode == "saturated":
                for write in self._writes:
                    self._sock.sendall(write)
            else:
                self._send_paced()

    def _send_paced(self) -> None:
        market, options = Market(), self._options
        started = time.perf_counter()
        open_ms = time.time_ns() // 1_000_000 // MINUTE_MS * MINUTE_MS
        for count in range(options.frames):
            self._send_stamped(market.step(count % SYMBOLS, event_ms=int(_STAMP), open_ms=open_ms))
            wait = started + (count + 1) / options.rate - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
        if options.mode == "boundary":
            closes = [
                market.step(index, event_ms=int(_STAMP), open_ms=open_ms, is_closed=True) for index in range(SYMBOLS)
            ]
            for frame in closes:
                self._send_stamped(frame)

    def _send_stamped(self, frame: bytes) -> None:
        stamp = str(time.time_ns() // 1_000_000).encode()
        with self._lock:
            self._sock.sendall(frame.replace(_STAMP, stamp, 1))


def serve(options: argparse.Namespace) -> None:
    writes = saturated_writes(options.frames) if options.mode == "saturated" else []
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            sock, _ = server.accept()
            threading.Thread(target=Connection(sock, options, writes).serve, daemon=True).start()


@contextlib.contextmanager
def running(mode: str, *, frames: int, rate: int = 2_400, delay_s: float = 0.7) -> Iterator[str]:
    """Start the source; yields the address to connect to (`…/stream` is served like any other path)."""
    arguments = [sys.executable, "-m", "benchmarks.feed_load", "--mode", mode, "--frames", str(frames)]
    arguments += ["--rate", str(rate), "--delay-s", str(delay_s)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"ws://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mode", choices=("saturated", "paced", "boundary"), required=True)
    parser.add_argument("--frames", type=int, default=60_000)
    parser.add_argument("--rate", type=int, default=2_400)
    parser.add_argument("--delay-s", type=float, default=0.7)
    serve(parser.parse_args())


if __name__ == "__main__":
    main()
