"""`python -m tests.e2e.browser.proxy PORT PREFIX`: a reverse proxy that shows what listens there below an address of
its own. It writes its port."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, prefix: bytes) -> None:
    """One request a connection; what lies outside the prefix is not found."""
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        method, path, rest = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)
        if path.startswith(prefix + b"/"):
            behind, ahead = await asyncio.open_connection("127.0.0.1", port)
            rest = rest.replace(b"Connection: keep-alive", b"Connection: close")
            ahead.write(method + b" " + path.removeprefix(prefix) + b" " + rest)
            while data := await behind.read(65_536):
                writer.write(data)
                await writer.drain()
            ahead.close()
        else:
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    writer.close()


async def main(port: int, prefix: str) -> None:
    server = await asyncio.start_server(
        lambda reader, writer: pass_on(reader, writer, port, prefix.encode()), "127.0.0.1", 0
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
