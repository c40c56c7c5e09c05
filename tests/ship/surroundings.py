"""The simulated exchange and Bot API where containers and servers can reach them: behind relays on another address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.e2e.process import READER, TOKEN, World, world


@dataclass(frozen=True, slots=True)
class Surroundings:
    """settings: the content of an .env that points there."""

    world: World
    settings: str


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass  # one side is gone; the other is told by the close
    finally:
        writer.close()


@asynccontextmanager
async def relay(host: str, url: str) -> AsyncIterator[str]:
    """The same server under another address. Yields its `host:port`."""
    parts = urlsplit(url)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(parts.hostname, parts.port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pump(reader, back), _pump(there, writer))

    server = await asyncio.start_server(serve, host, 0)
    try:
        yield f"{host}:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@asynccontextmanager
async def surroundings(folder: Path, *, host: str) -> AsyncIterator[Surroundings]:
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(world(folder))
        exchange = await stack.enter_async_context(relay(host, here.exchange.rest_url))
        telegram = await stack.enter_async_context(relay(host, here.telegram.url))
        settings = {
            "TG_BOT_TOKEN": TOKEN,
            "TG_CHAT_ID": f"{READER}          # the reader",
            "BINANCE_REST_URL": f"http://{exchange}",
            "BINANCE_WS_URL": f"ws://{exchange}/market",
            "BINANCE_WEB_URL": f"http://{exchange}",
            "TELEGRAM_API_URL": f"http://{telegram}",
        }
        yield Surroundings(here, "# settings\n" + "".join(f"{name}={value}\n" for name, value in settings.items()))
