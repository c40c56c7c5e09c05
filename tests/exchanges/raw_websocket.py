"""A WebSocket server that says exactly what a test writes, byte for byte, on a loopback socket."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import re
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from ssl import SSLContext

TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 0x1, 0x2, 0x0, 0x8, 0x9, 0xA


def frame(payload: bytes, opcode: int = TEXT, *, is_last: bool = True) -> bytes:
    first = opcode | (0x80 if is_last else 0)
    size = len(payload)
    if size < 126:
        return bytes((first, size)) + payload
    if size < 65_536:
        return struct.pack("!BBH", first, 126, size) + payload
    return struct.pack("!BBQ", first, 127, size) + payload


@dataclass(slots=True)
class Peer:
    """The server's end of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def receive(self) -> tuple[int, bytes]:
        """Opcode and payload of the client's next frame; raises IncompleteReadError at the end."""
        first, second = await self.reader.readexactly(2)
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", await self.reader.readexactly(2))
        mask = await self.reader.readexactly(4)
        payload = await self.reader.readexactly(size)
        return first & 0xF, bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))

    async def until_gone(self) -> None:
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(65_536):
                pass


Script = Callable[[Peer], Awaitable[None]]


async def _serve(peer: Peer, script: Script, refusal: bytes | None) -> None:
    request = await peer.reader.readuntil(b"\r\n\r\n")
    if refusal is not None:
        peer.send(refusal)
        await peer.until_gone()
        return
    key = re.search(rb"(?i)sec-websocket-key:\s*(\S+)", request)
    assert key is not None
    accept = base64.b64encode(hashlib.sha1(key[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())  # noqa: S324
    peer.send(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        + accept
        + b"\r\n\r\n"
    )
    await script(peer)


@contextlib.asynccontextmanager
async def raw_server(
    script: Script, *, refusal: bytes | None = None, tls: SSLContext | None = None
) -> AsyncIterator[int]:
    """Yields the port. `refusal`: the whole HTTP answer instead of a handshake, empty for none at all."""
    serving: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving[task] = writer
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await _serve(Peer(reader, writer), script, refusal)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task, writer in serving.items():
            task.cancel()
            writer.transport.abort()
        await asyncio.sleep(0.01)
