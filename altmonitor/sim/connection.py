"""One client of the simulated exchange's WebSocket side, written to past the library."""

from __future__ import annotations

import asyncio
import struct
from collections import deque

import msgspec

from altmonitor.sim.stats import ConnectionStats

TEXT, BINARY, CLOSE, PING, PONG = 0x81, 0x82, 0x88, 0x89, 0x8A  # first byte of an unfragmented frame
_MAX_UNSENT_BYTES = 64 << 20
_PONG_WITHIN_S = 600.0


def encode_frame(first_byte: int, payload: bytes) -> bytes:
    """An unmasked, unfragmented WebSocket frame. Source: RFC 6455 §5.2."""
    size = len(payload)
    if size < 126:
        return bytes((first_byte, size)) + payload
    if size < 65_536:
        return struct.pack("!BBH", first_byte, 126, size) + payload
    return struct.pack("!BBQ", first_byte, 127, size) + payload


class Connection:
    """One client. `is_routed`: connected under /market, where klines flow; elsewhere nothing does."""

    def __init__(self, transport: asyncio.Transport, stats: ConnectionStats) -> None:
        self.stats = stats
        self.is_routed = stats.path.startswith("/market")
        self.is_combined = stats.path.endswith("/stream")
        self.is_closing = False
        self._transport = transport
        self._recent: deque[float] = deque()
        self.opened_s = self.pinged_s = self.closing_s = 0.0
        self.unanswered_s: float | None = None  # when the oldest ping without an answer was sent

    def write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    def answer(self, value: object) -> None:
        self.write(encode_frame(TEXT, msgspec.json.encode(value)))

    def close(self, code: int, reason: str, *, at_s: float, twice: bool = False) -> None:
        if self.is_closing:
            return
        self.is_closing, self.closing_s = True, at_s
        self.stats.close_code = code
        frame = encode_frame(CLOSE, struct.pack("!H", code) + reason.encode())
        self.write(frame * 2 if twice else frame)

    def hang_up(self) -> None:
        """End of the TCP connection, after what was written. Keeps the library from closing a second time."""
        self._transport.close()

    def abort(self) -> None:
        self.is_closing = True
        self._transport.abort()

    def count_message(self, now_s: float) -> int:
        """Client messages within the last second, this one included."""
        self._recent.append(now_s)
        while now_s - self._recent[0] >= 1.0:
            self._recent.popleft()
        self.stats.client_messages += 1
        self.stats.most_messages_in_1s = max(self.stats.most_messages_in_1s, len(self._recent))
        return len(self._recent)

    def is_overdue(self, now_s: float) -> bool:
        """A ping has waited ten minutes for its answer."""
        return self.unanswered_s is not None and now_s - self.unanswered_s > _PONG_WITHIN_S

    def is_choked(self) -> bool:
        """The client has not read for so long that the exchange gives it up."""
        return self._transport.get_write_buffer_size() > _MAX_UNSENT_BYTES
