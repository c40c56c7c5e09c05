"""The loop that gathers: packets are read together, nothing else has to wait for them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable

from altmonitor.core.event_loop import gathering_loop, look_again, loop_factory

LONG_S = 5.0
"""A gathering that no busy machine takes for a delay of its own."""


class Reads(asyncio.Protocol):
    def __init__(self) -> None:
        self.sizes: list[int] = []

    def data_received(self, data: bytes) -> None:
        self.sizes.append(len(data))


def live(work: Callable[[socket.socket, Reads], Awaitable[None]], *, gather_s: float) -> Reads:
    """Run `work` with the far end of a connection whose near end is read by the loop."""
    reads = Reads()
    far, near = socket.socketpair()

    async def main() -> None:
        transport, _ = await asyncio.get_running_loop().connect_accepted_socket(lambda: reads, near)
        await work(far, reads)
        transport.abort()

    with far, asyncio.Runner(loop_factory=lambda: gathering_loop(gather_s)) as runner:
        runner.run(main())
    return reads


async def until(is_true: Callable[[], bool], *, within_s: float) -> None:
    async with asyncio.timeout(within_s):
        while not is_true():
            await asyncio.to_thread(time.sleep, 0.005)


def test_packets_that_come_one_by_one_are_read_together() -> None:
    def send(far: socket.socket) -> None:
        for _ in range(100):
            far.send(b"1234567890")
            time.sleep(0.002)

    async def work(far: socket.socket, reads: Reads) -> None:
        await asyncio.to_thread(send, far)
        await until(lambda: sum(reads.sizes) == 1_000, within_s=20)

    assert 2 <= len(live(work, gather_s=0.1).sizes) <= 20


def test_the_first_packet_after_a_silence_is_read_at_once_and_the_next_one_is_gathered() -> None:
    async def work(far: socket.socket, reads: Reads) -> None:
        far.send(b"first")
        await until(lambda: bool(reads.sizes), within_s=LONG_S - 1)
        far.send(b"second")
        await asyncio.to_thread(time.sleep, 0.3)
        assert reads.sizes == [5]

    live(work, gather_s=LONG_S)


def test_a_burst_is_read_on_at_once() -> None:
    async def work(far: socket.socket, reads: Reads) -> None:
        far.send(b"first")
        await until(lambda: reads.sizes == [5], within_s=LONG_S - 1)
        begin_s = time.monotonic()
        look_again()
        for size in (2, 3):  # what lies behind the first look, and what is still on its way
            far.send(b"x" * size)
            await until(lambda size=size: reads.sizes[-1] == size, within_s=LONG_S)  # type: ignore[misc]
        assert time.monotonic() - begin_s < LONG_S - 1

    live(work, gather_s=LONG_S)


async def test_another_loop_looks_as_it_always_does() -> None:
    look_again()


def test_threads_and_what_is_ready_do_not_wait_for_packets() -> None:
    async def work(far: socket.socket, reads: Reads) -> None:
        far.send(b"first")
        await until(lambda: bool(reads.sizes), within_s=LONG_S - 1)  # from here on packets are gathered
        begin_s = time.monotonic()
        for _ in range(100):
            await asyncio.to_thread(int)
            await asyncio.sleep(0)
        assert time.monotonic() - begin_s < LONG_S - 1

    live(work, gather_s=LONG_S)


def test_a_timer_is_late_by_no_more_than_is_gathered() -> None:
    async def work(far: socket.socket, reads: Reads) -> None:
        far.send(b"first")
        await until(lambda: bool(reads.sizes), within_s=4)
        begin_s = time.monotonic()
        await asyncio.sleep(0.01)
        assert time.monotonic() - begin_s < 2.0

    live(work, gather_s=0.2)


def test_a_signal_is_heard_at_once() -> None:
    async def work(far: socket.socket, reads: Reads) -> None:
        heard = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, heard.set)
        far.send(b"first")
        await until(lambda: bool(reads.sizes), within_s=LONG_S - 1)
        os.kill(os.getpid(), signal.SIGUSR1)
        async with asyncio.timeout(LONG_S * 10):
            begin_s = time.monotonic()
            await heard.wait()
        assert time.monotonic() - begin_s < LONG_S - 1

    live(work, gather_s=LONG_S)


def test_nothing_to_gather_is_the_usual_loop() -> None:
    assert loop_factory(0.0) is None
