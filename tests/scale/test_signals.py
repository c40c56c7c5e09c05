"""Hints over a real nats-server: they arrive at once, and whatever happens to the broker is told and mended."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from altmonitor.core.causes import CauseCode
from altmonitor.core.clock import SystemClock
from altmonitor.delivery.signals import SignalReceiver, SignalSender
from tests.scale.fixtures import nats, needs_servers
from tests.scale.servers import NatsServer

__all__ = ["nats"]

pytestmark = [needs_servers, pytest.mark.timeout(120)]
CLOCK = SystemClock()


class Ends:
    def __init__(self, url: str, cluster: str) -> None:
        self.heard: Counter[str] = Counter()
        self.sender = SignalSender(url, cluster=cluster, clock=CLOCK)
        self.receiver = SignalReceiver(
            url,
            cluster=cluster,
            clock=CLOCK,
            on_alert=lambda: self.heard.update(["alert"]),
            on_post=lambda: self.heard.update(["post"]),
        )


@asynccontextmanager
async def ends(server: NatsServer, cluster: str) -> AsyncIterator[Ends]:
    both = Ends(server.url, cluster)
    tasks = [asyncio.create_task(both.sender.run()), asyncio.create_task(both.receiver.run())]
    try:
        yield both
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def until(is_so: Callable[[], bool], *, within_s: float = 20.0) -> float:
    """How long it took."""
    began_s = CLOCK.monotonic()
    while not is_so():
        assert CLOCK.monotonic() - began_s < within_s, f"not so within {within_s} s"
        await asyncio.sleep(0.01)
    return CLOCK.monotonic() - began_s


async def heard_again(both: Ends, *, within_s: float = 20.0) -> None:
    """A hint that is given now and again arrives."""
    before, number = both.heard["alert"], 0

    def is_heard() -> bool:
        nonlocal number
        number += 1
        if number % 20 == 1:
            both.sender.alert(f"again:{CLOCK.monotonic()}")
        return both.heard["alert"] > before

    await until(is_heard, within_s=within_s)


async def test_hints_arrive_within_a_tenth_of_a_second_and_an_alert_told_twice_is_one(nats: NatsServer) -> None:
    async with ends(nats, "one") as both:
        await heard_again(both)
        await asyncio.sleep(0.5)
        before = both.heard["alert"]
        for _ in range(2):
            both.sender.alert("price:SOLUSDT:PUMP:1m:0")
        both.sender.posted()
        assert await until(lambda: both.heard["alert"] == before + 1 and both.heard["post"] >= 1) < 0.5
        await asyncio.sleep(0.3)
        assert both.heard["alert"] == before + 1


async def test_after_a_restart_of_the_server_hints_arrive_again(nats: NatsServer) -> None:
    async with ends(nats, "two") as both:
        await heard_again(both)
        nats.kill()
        await until(lambda: bool(both.sender.status().trouble and both.receiver.status().trouble))
        nats.start()
        await heard_again(both)
        assert both.sender.status().trouble is None


async def test_a_consumer_that_is_silent_while_connected_is_made_anew(
    nats: NatsServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with ends(nats, "three") as both:
        await heard_again(both)
        nats.freeze()
        await asyncio.sleep(4)
        nats.thaw()
        await heard_again(both)
        assert both.receiver.status().remade >= 1
    assert "was silent and is made anew" in caplog.text or "does not answer" in caplog.text


async def test_a_broker_without_jetstream_is_told_in_one_line_and_hints_are_dropped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    server = NatsServer(has_jetstream=False)
    server.start()
    try:
        async with ends(server, "four") as both:
            await until(lambda: bool(both.sender.status().trouble))
            trouble = both.sender.status().trouble
            assert trouble is not None
            assert trouble.code is CauseCode.BROKER_WITHOUT_JETSTREAM
            assert trouble.text.endswith("has no JetStream: start it with -js")
            both.sender.alert("price:SOLUSDT:PUMP:1m:0")
            assert both.sender.status().dropped == 1
            await asyncio.sleep(2)
    finally:
        server.remove()
    assert sum("has no JetStream" in line for line in caplog.messages) == 2  # each end once


async def test_a_broker_whose_room_is_full_is_told_as_that_and_works_again_when_there_is_room() -> None:
    server = NatsServer(room_bytes=100_000)
    server.start()
    try:
        async with ends(server, "five") as both:
            await heard_again(both)

            def is_full() -> bool:
                for number in range(200):
                    both.sender.alert(f"price:SOLUSDT:PUMP:1m:{CLOCK.monotonic()}:{number}")
                trouble = both.sender.status().trouble
                return trouble is not None and trouble.code is CauseCode.BROKER_FULL

            await until(is_full)
            assert both.sender.status().is_working is False
    finally:
        server.remove()


async def test_a_broker_that_comes_back_without_jetstream_is_told_as_that() -> None:
    server = NatsServer()
    server.start()
    try:
        async with ends(server, "six") as both:
            await heard_again(both)
            server.kill()
            server.has_jetstream = False
            server.start()
            await until(lambda: _code(both.sender) is _code(both.receiver) is CauseCode.BROKER_JETSTREAM_GONE)
            server.kill()
            server.has_jetstream = True
            server.start()
            await heard_again(both)
    finally:
        server.remove()


def _code(end: SignalSender | SignalReceiver) -> CauseCode | None:
    trouble = end.status().trouble
    return None if trouble is None else trouble.code
