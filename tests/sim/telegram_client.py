"""A plain HTTP client for the simulated Telegram, so that its answers are seen as they are on the wire."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from PIL import Image

from altmonitor.core.clock import Clock
from altmonitor.sim.telegram.server import SimTelegram
from tests.movable_clock import MovableClock

TOKEN = "123456:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
GROUP = -1001234567890


def png(width: int, height: int) -> bytes:
    """A picture of one colour."""
    out = io.BytesIO()
    Image.new("1", (width, height)).save(out, "PNG")
    return out.getvalue()


class RawClient:
    def __init__(self, sim: SimTelegram, session: aiohttp.ClientSession) -> None:
        self._sim = sim
        self._session = session

    async def call(self, method: str, *, token: str = TOKEN, **params: Any) -> dict[str, Any]:
        async with self._session.post(f"{self._sim.url}/bot{token}/{method}", json=params) as answer:
            body: dict[str, Any] = await answer.json()
            assert answer.status == body.get("error_code", 200)
            return body

    async def form(self, method: str, fields: dict[str, Any] | aiohttp.FormData) -> dict[str, Any]:
        async with self._session.post(f"{self._sim.url}/bot{TOKEN}/{method}", data=fields) as answer:
            body: dict[str, Any] = await answer.json()
            return body

    async def body(self, method: str, pieces: AsyncIterator[bytes], content_type: str) -> dict[str, Any]:
        """A body that leaves in the given pieces."""
        headers = {"Content-Type": content_type}
        async with self._session.post(f"{self._sim.url}/bot{TOKEN}/{method}", data=pieces, headers=headers) as answer:
            body: dict[str, Any] = await answer.json()
            return body

    async def page(self, method: str, **params: Any) -> tuple[int, str, str]:
        """Status, content type, body."""
        async with self._session.post(f"{self._sim.url}/bot{TOKEN}/{method}", json=params) as answer:
            return answer.status, answer.content_type, await answer.text()


@asynccontextmanager
async def telegram(clock: Clock | None = None) -> AsyncIterator[tuple[SimTelegram, RawClient]]:
    sim = SimTelegram(clock=clock or MovableClock(), token=TOKEN)
    await sim.start()
    try:
        async with aiohttp.ClientSession() as session:
            yield sim, RawClient(sim, session)
    finally:
        await sim.stop()
