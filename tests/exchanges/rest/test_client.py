"""One GET against real sockets: what becomes of it when there is no good answer."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from altmonitor.core.causes import CauseCode
from altmonitor.core.clock import SystemClock
from altmonitor.core.errors import ExchangeError
from altmonitor.exchanges.rest.client import HttpGet

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.close()


async def breaks_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[")
    await writer.drain()
    writer.close()


async def says_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


@asynccontextmanager
async def served(answer: Answer) -> AsyncIterator[str]:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def failure_at(url: str, *, within_s: float = 60.0) -> tuple[CauseCode, str]:
    http = HttpGet(url, clock=SystemClock(), trust_env=False, within_s=within_s)
    await http.start()
    try:
        await http.send("/fapi/v1/ping")
    except ExchangeError as problem:
        return problem.cause.code, str(problem)
    finally:
        await http.stop()
    raise AssertionError("it was answered")


async def test_whatever_takes_the_answer_away_is_named_and_coded() -> None:
    async with served(hangs_up) as url:
        assert await failure_at(url) == (CauseCode.NO_CONNECTION, "no answer: the server closed the connection")
    async with served(breaks_off) as url:
        assert await failure_at(url) == (CauseCode.UNREADABLE, "the answer was cut off")
    async with served(says_nothing) as url:
        code, _ = await failure_at(url, within_s=0.5)
        assert code is CauseCode.NO_ANSWER
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # bound, not listening: refused for sure
        port = bound.getsockname()[1]
        code, line = await failure_at(f"http://127.0.0.1:{port}")
        assert code is CauseCode.NO_CONNECTION
        assert line.startswith(f"cannot connect to 127.0.0.1 port {port}")
    assert await failure_at("http://nowhere.invalid") == (
        CauseCode.NO_CONNECTION,
        "cannot connect: the host name is not known",
    )
