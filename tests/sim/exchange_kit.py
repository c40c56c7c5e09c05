"""What the exchange tests share: a clock moved by hand, a small market, and clients."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import websockets
from websockets.asyncio.client import ClientConnection

from altmonitor.sim.control import ExchangeFaults
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import Market, SeededMarket
from altmonitor.sim.script import Event
from tests.patient_clock import PatientClock

MINUTE = 60_000
START = 1_790_000_040_000  # a whole minute: 2026-09-21 14:14:00 UTC


class HandClock:
    """Moves only when told."""

    def __init__(self, start_ms: int = START) -> None:
        self._start_ms = self._now_ms = start_ms
        self._sleepers: list[tuple[float, asyncio.Event]] = []

    def move(self, milliseconds: int) -> None:
        self._now_ms += milliseconds
        for wake_ms, woken in self._sleepers:
            if wake_ms <= self._now_ms:
                woken.set()

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic(self) -> float:
        return (self._now_ms - self._start_ms) / 1000

    async def sleep(self, seconds: float) -> None:
        wake_ms, woken = self._now_ms + seconds * 1000, asyncio.Event()
        self._sleepers.append((wake_ms, woken))
        self.move(0)
        await woken.wait()

    def timeout(self, seconds: float | None) -> asyncio.Timeout:
        return asyncio.timeout(seconds)


@dataclass
class Scene:
    exchange: SimExchange
    clock: HandClock
    http: aiohttp.ClientSession
    faults: ExchangeFaults

    async def get(self, path: str, **params: object) -> tuple[int, Any, str | None]:
        """Status, decoded body, used weight."""
        given = {name: str(value) for name, value in params.items()}
        async with self.http.get(self.exchange.rest_url + path, params=given) as answer:
            return answer.status, await answer.json(), answer.headers.get("X-MBX-USED-WEIGHT-1M")

    def connect(self, path: str = "/stream") -> websockets.connect:
        return websockets.connect(self.exchange.ws_url + path, proxy=None)


@asynccontextmanager
async def scene(
    *script: Event, market: Market | None = None, symbols: int = 24, rate: float = 96.0
) -> AsyncIterator[Scene]:
    """An exchange on a market of two dozen contracts that trade in every quarter second."""
    clock = HandClock()
    world = market or SeededMarket(seed=11, start_ms=START, symbols=symbols, frames_per_s=rate, script=script)
    async with SimExchange(world, clock=clock) as exchange, aiohttp.ClientSession() as http:
        yield Scene(exchange, clock, http, exchange.faults)


async def ask(socket: ClientConnection, method: str, params: list[Any] | None = None, *, id: object = 1) -> Any:
    """Send a control message and give back its answer, passing over data."""
    message: dict[str, object] = {"method": method, "id": id}
    if params is not None:
        message["params"] = params
    await socket.send(json.dumps(message, ensure_ascii=False))
    while True:
        answer = json.loads(await next_text(socket))
        if isinstance(answer, dict) and ("result" in answer or "error" in answer):
            return answer


async def next_text(socket: ClientConnection) -> str:
    async with asyncio.timeout(60):
        text = await socket.recv()
    assert isinstance(text, str)
    return text


async def until(condition: Callable[[], object]) -> None:
    """Wait for something the other side does in its own time."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - the condition lies in a server that has no event to offer
            await asyncio.sleep(0.005)


async def everything(socket: ClientConnection, *, quiet_s: float = 0.25) -> list[Any]:
    """All frames until none comes for a while (the exchange's tick is 20 ms), decoded. A machine that stands still, or
    is busy with something else, is no silence."""
    found, clock = [], PatientClock(start_ms=START, speed=1)
    while True:
        try:
            async with clock.timeout(quiet_s):
                found.append(json.loads(await socket.recv()))
        except TimeoutError:
            return found
