"""Drawing off the event loop: one thread, a bounded queue, nothing that reaches the caller but a picture or None."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from altmonitor.delivery.alert_charts import Charting, Drawn
from altmonitor.render.charts.layout import ChartSpec
from tests.render.charts.chart_cases import chart, pumped, zigzag

SPEC = chart(*zigzag(3))


class Gate:
    """A drawing that waits until it is let through; `threads`: where it was done."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.threads: list[str] = []

    def draw(self, spec: ChartSpec) -> bytes:
        self.threads.append(threading.current_thread().name)
        assert self.open.wait(30)
        return spec.symbol.encode()


@asynccontextmanager
async def charting(draw: Callable[[ChartSpec], bytes], *, waiting_max: int = 8) -> AsyncIterator[Charting]:
    made = Charting(draw=draw, waiting_max=waiting_max)
    try:
        yield made
    finally:
        made.close()


async def test_a_chart_is_drawn_in_a_thread_of_its_own_while_the_loop_goes_on() -> None:
    gate = Gate()
    async with charting(gate.draw) as made:
        drawing = asyncio.ensure_future(made.png(SPEC))
        for _ in range(100):  # the loop turns although nothing is drawn yet
            await asyncio.sleep(0)
        assert not drawing.done()
        gate.open.set()
        assert await drawing == b"SOLUSDT"
        assert gate.threads == ["chart_0"]
        assert made.counts == Drawn(drawn=1)


async def test_a_real_chart_comes_out_as_png() -> None:
    made = Charting()
    try:
        png = await made.png(pumped())
    finally:
        made.close()
    assert png is not None
    assert png.startswith(b"\x89PNG\r\n\x1a\n")


async def test_what_is_too_much_is_dropped_at_once_and_counted() -> None:
    gate = Gate()
    async with charting(gate.draw, waiting_max=2) as made:
        waiting = [asyncio.ensure_future(made.png(SPEC)) for _ in range(2)]
        await asyncio.sleep(0)
        assert [await made.png(SPEC), await made.png(SPEC)] == [None, None]
        assert made.counts == Drawn(dropped=2)
        gate.open.set()
        assert await asyncio.gather(*waiting) == [b"SOLUSDT", b"SOLUSDT"]
        assert await made.png(SPEC) == b"SOLUSDT"
        assert made.counts == Drawn(drawn=3, dropped=2)


async def test_a_cancelled_request_makes_room_and_is_not_drawn() -> None:
    gate = Gate()
    async with charting(gate.draw, waiting_max=2) as made:
        first, second = (asyncio.ensure_future(made.png(SPEC)) for _ in range(2))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait([second])
        third = asyncio.ensure_future(made.png(SPEC))
        gate.open.set()
        assert [await first, await third] == [b"SOLUSDT", b"SOLUSDT"]
        assert gate.threads == ["chart_0", "chart_0"]


async def test_a_chart_that_cannot_be_drawn_is_told_and_the_next_one_is_drawn(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    made = Charting()
    try:
        assert await made.png(chart()) is None
        assert await made.png(SPEC) is not None
    finally:
        made.close()
    assert made.counts == Drawn(drawn=1, failed=1)
    assert [record.message for record in caplog.records] == ["no chart of SOLUSDT: no candle of SOLUSDT can be drawn"]


async def test_after_the_end_there_are_no_charts() -> None:
    made = Charting()
    made.close()
    made.close()
    assert await made.png(SPEC) is None
    assert made.counts == Drawn(dropped=1)
