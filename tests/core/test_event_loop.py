"""The loop that gathers: packets are read together, nothing else has to wait for them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable

from altmonitor.core.event_loop import gathering_loop, look_again, loop_factory

LONG_S = 60.0
"""A gathering that no busy machine takes for a delay of its own."""

TRIES = 5
"""Of what is only told apart by how long it takes: once the machine is not busy."""


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

    took_s: list[float] = []

    async def work(far: socket.socket, reads: Reads) -> None:
        begin_s = time.monotonic()
        await asyncio.to_thread(send, far)
        await until(lambda: sum(reads.sizes) == 1_000, within_s=60)
        took_s.append(time.monotonic() - begin_s)

    count = len(live(work, gather_s=0.1).sizes)
    assert 2 <= count <= took_s[0] / 0.1 + 3


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
        look_again()
        far.send(b"more")  # what lies behind the first look
        await until(lambda: reads.sizes != [5], within_s=LONG_S - 1)
        assert reads.sizes == [5, 4]

    live(work, gather_s=LONG_S)


def test_what_of_a_burst_is_still_on_its_way_is_read_sooner_than_usual() -> None:
    gather_s, took_s = 2.0, list[float]()

    async def work(far: socket.socket, reads: Reads) -> None:
        while len(took_s) < TRIES and min(took_s, default=gather_s) > gather_s * 0.75:
            reads.sizes.clear()
            look_again()
            far.send(b"behind the first look")
            await until(lambda: len(reads.sizes) == 1, within_s=60)
            begin_s = time.monotonic()
            far.send(b"on its way")
            await until(lambda: len(reads.sizes) == 2, within_s=60)
            took_s.append(time.monotonic() - begin_s)

    live(work, gather_s=gather_s)
    assert min(took_s) <= gather_s * 0.75


async def test_another_loop_looks_as_it_always_does() -> None:
    here, far = socket.socketpair()
    with here, far:
        here.setblocking(False)
        look_again()
        far.send(b"first")
        assert await asyncio.get_running_loop().sock_recv(here, 100) == b"first"


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
        await until(lambda: bool(reads.sizes), within_s=60)
        took_s: list[float] = []
        while len(took_s) < TRIES and min(took_s, default=2.0) >= 2.0:
            begin_s = time.monotonic()
            await asyncio.sleep(0.01)
            took_s.append(time.monotonic() - begin_s)
        assert min(took_s) < 2.0

    live(work, gather_s=0.2)


def test_a_signal_is_heard_at_once() -> None:
    async def work(far: socket.socket, reads: Reads) -> None:
        heard = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, heard.set)
        far.send(b"first")
        await until(lambda: bool(reads.sizes), within_s=LONG_S - 1)
        os.kill(os.getpid(), signal.SIGUSR1)
        begin_s = time.monotonic()
        await heard.wait()
        assert time.monotonic() - begin_s < LONG_S - 1

    live(work, gather_s=LONG_S)


def test_nothing_to_gather_is_the_usual_loop() -> None:
    assert loop_factory(0.0) is None
