"""What systemd hears, on a real datagram socket: readiness, pings while all is well, and silence when it is not."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from altmonitor.app.service_watch import Notifier, ServiceWatch, Signs
from altmonitor.core.clock import SystemClock
from tests.e2e.process import world
from tests.exchanges.feed_kit import stage
from tests.movable_clock import MovableClock

WATCHDOG = {"WATCHDOG_USEC": "20000000"}  # 20 s


class Manager:
    """systemd's end of the socket."""

    def __init__(self, address: str) -> None:
        self.environ = {"NOTIFY_SOCKET": address.replace("\0", "@", 1)}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)
        self.heard: list[str] = []

    def fileno(self) -> int:
        return self._socket.fileno()

    def listen(self) -> list[str]:
        """Everything heard so far, one entry per line."""
        while True:
            try:
                self.heard += self._socket.recv(4096).decode().split("\n")
            except BlockingIOError:
                return self.heard

    def count(self, line: str) -> int:
        return self.listen().count(line)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
async def manager(tmp_path: Path) -> AsyncIterator[Manager]:
    """Reads as it comes, for the kernel keeps only some ten datagrams."""
    manager = Manager(str(tmp_path / "notify"))
    loop = asyncio.get_running_loop()
    loop.add_reader(manager.fileno(), manager.listen)
    yield manager
    loop.remove_reader(manager.fileno())
    manager.close()


class Life:
    """A program whose signs of life are set by hand."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.clock = MovableClock()
        self.data_age_s: float | None = 0.2
        self.is_storing = True
        self.looks = 0
        self.watch = ServiceWatch(environ, clock=self.clock, signs=self.signs)

    def signs(self) -> Signs:
        self.looks += 1
        return Signs(data_age_s=self.data_age_s, is_storing=self.is_storing, status="561 of 561\nsymbols")


@asynccontextmanager
async def running(watch: ServiceWatch) -> AsyncIterator[None]:
    task = asyncio.create_task(watch.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_ready_is_told_once_after_the_first_data_and_with_the_store_open(manager: Manager) -> None:
    life = Life(manager.environ | WATCHDOG)
    life.data_age_s, life.is_storing = None, False
    async with running(life.watch):
        await life.clock.advance(30)
        life.is_storing = True
        await life.clock.advance(30)
        assert not {"READY=1", "WATCHDOG=1"} & set(manager.listen())
        life.data_age_s = 0.2
        await life.clock.advance(1)
        assert manager.listen()[-3:] == ["READY=1", "STATUS=561 of 561 symbols", "WATCHDOG=1"]
        await life.clock.advance(60)
    async with running(life.watch):  # the supervisor started the loop again
        await life.clock.advance(60)
    life.watch.stopping()
    assert manager.count("READY=1") == 1
    assert manager.listen()[-2:] == ["STOPPING=1", "STATUS=stopping"]


async def test_pings_come_every_second_and_the_status_every_thirty(manager: Manager) -> None:
    life = Life(manager.environ | WATCHDOG)
    async with running(life.watch):
        await life.clock.advance(0.5)
        assert manager.count("WATCHDOG=1") == 1
        await life.clock.advance(100)
        assert manager.count("WATCHDOG=1") == 101
        assert manager.count("STATUS=561 of 561 symbols") == 5


async def test_a_watchdog_of_less_than_four_seconds_is_pinged_four_times_in_its_time(manager: Manager) -> None:
    life = Life(manager.environ | {"WATCHDOG_USEC": "800000"})
    async with running(life.watch):
        await life.clock.advance(2.01)
        assert manager.count("WATCHDOG=1") == 11


async def test_a_freeze_that_is_over_is_answered_by_a_ping_whenever_it_began(manager: Manager) -> None:
    """The exchange stands still for 85 s and is back for a minute: never 120 s without a ping, nor 32."""
    for began_s in (0.1, 20.3, 59.5, 60.5, 61.0, 119.9):
        life = Life(manager.environ | {"WATCHDOG_USEC": "120000000"})
        async with running(life.watch):
            await life.clock.advance(began_s)
            silent_s = longest_s = 0
            for second in range(1, 146):
                life.data_age_s = float(second) if second < 85 else 0.2
                heard = manager.count("WATCHDOG=1")
                await life.clock.advance(1)
                silent_s = silent_s + 1 if manager.count("WATCHDOG=1") == heard else 0
                longest_s = max(longest_s, silent_s)
        assert longest_s <= 31, f"{longest_s} s without a ping after a freeze that began at {began_s} s"


async def test_pings_stop_while_data_is_old_and_go_on_when_it_comes_again(manager: Manager) -> None:
    life = Life(manager.environ | WATCHDOG)
    async with running(life.watch):
        await life.clock.advance(0.5)
        life.data_age_s = 55.1
        await life.clock.advance(100)
        assert manager.count("WATCHDOG=1") == 1
        assert manager.listen()[-1] == "STATUS=no data for 55 s"
        life.data_age_s = 54.9
        await life.clock.advance(1)
        assert manager.count("WATCHDOG=1") == 2
        assert manager.listen()[-1] == "STATUS=561 of 561 symbols"


async def test_pings_stop_when_the_writer_of_the_database_is_gone(manager: Manager) -> None:
    life = Life(manager.environ | WATCHDOG)
    async with running(life.watch):
        await life.clock.advance(0.5)
        life.is_storing = False
        await life.clock.advance(100)
        assert manager.count("WATCHDOG=1") == 1
        assert manager.listen()[-1] == "STATUS=the database's writer does not run"


class SluggishClock(MovableClock):
    """Every sleep ends late, as in an event loop that others hold up."""

    late_s = 0.0

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds + self.late_s)


async def test_pings_stop_while_the_event_loop_is_held_up(manager: Manager) -> None:
    life = Life(manager.environ | WATCHDOG)
    life.clock = clock = SluggishClock()
    watch = ServiceWatch(manager.environ | WATCHDOG, clock=clock, signs=life.signs)
    async with running(watch):
        await clock.advance(0.5)
        clock.late_s = 6.0
        await clock.advance(30)
        pings = manager.count("WATCHDOG=1")
        await clock.advance(100)
        assert manager.count("WATCHDOG=1") == pings
        assert manager.listen()[-1] == "STATUS=the event loop was held up for 6.0 s"
        clock.late_s = 0.0
        await clock.advance(9)  # one last sleep that is late, one that is not
        assert manager.count("WATCHDOG=1") > pings


async def test_without_a_watchdog_only_the_status_is_told(manager: Manager) -> None:
    life = Life(manager.environ)
    async with running(life.watch):
        await life.clock.advance(100)
    assert set(manager.listen()) == {"READY=1", "STATUS=561 of 561 symbols"}


@pytest.mark.parametrize(
    ("environ", "expected_s"),
    [
        ({"WATCHDOG_USEC": "60000000"}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "²"}, None),
        ({}, None),
    ],
)
def test_the_watchdogs_time_is_read(environ: dict[str, str], expected_s: float | None) -> None:
    assert Notifier({"NOTIFY_SOCKET": "/run/systemd/notify", **environ}).watchdog_s == expected_s


def test_an_abstract_socket_is_reached() -> None:
    manager = Manager(f"\0altmonitor-test-{os.getpid()}")
    Notifier(manager.environ).send("READY=1", "STATUS=监控")
    assert manager.listen() == ["READY=1", "STATUS=监控"]
    manager.close()


@pytest.mark.parametrize("address", ["", "vsock:2:1234", "relative/path"])
async def test_without_a_socket_nothing_is_done(address: str) -> None:
    life = Life({"NOTIFY_SOCKET": address} | WATCHDOG)
    await life.watch.run()
    life.watch.stopping()
    assert life.looks == 0


def test_a_manager_that_is_gone_or_deaf_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    manager = Manager(str(tmp_path / "notify"))
    notifier = Notifier(manager.environ)
    for _ in range(5_000):  # nobody reads: the socket's buffer is full long before
        notifier.send("STATUS=working")
    assert 0 < manager.count("STATUS=working") < 5_000
    manager.close()
    notifier.send("STATUS=working")
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "never-there")}).send("READY=1")
    told = [message.partition(":")[0] for message in caplog.messages]
    assert told == ["the service manager cannot be told anything"] * 2  # each once


async def test_a_feed_that_falls_mute_ends_the_pings_and_data_brings_them_back(manager: Manager) -> None:
    async with stage(speed=20) as at:

        def signs() -> Signs:
            return Signs(data_age_s=at.feed.status().last_frame_age_s, is_storing=True, status="watching")

        watch = ServiceWatch(manager.environ | WATCHDOG, clock=at.clock, signs=signs)
        async with running(watch):
            await at.until_covered()
            await at.until(lambda: manager.count("WATCHDOG=1") >= 2, within_s=60)
            at.exchange.faults.mute = True
            await at.until(lambda: (at.feed.status().last_frame_age_s or 0.0) > 56, within_s=120)
            pings = manager.count("WATCHDOG=1")
            await at.clock.sleep(60)
            assert manager.count("WATCHDOG=1") == pings
            at.exchange.faults.mute = False
            await at.until(lambda: manager.count("WATCHDOG=1") > pings, within_s=180)
    assert manager.count("READY=1") == 1


async def test_the_program_says_when_it_is_ready_and_when_it_stops(manager: Manager, tmp_path: Path) -> None:
    async with world(tmp_path, **manager.environ, WATCHDOG_USEC="4000000") as here, here.program() as program:
        await here.until(lambda: manager.count("WATCHDOG=1") >= 2)
        mark = here.database.with_name("alerts.db.seen")
        await here.until(mark.exists)
        assert abs(int(mark.read_text().split()[1]) - SystemClock().now_ms()) < 60_000
        ready = manager.listen().index("READY=1")
        assert "of 13 symbols" in manager.listen()[ready + 1]
        code = await program.ends_by(signal.SIGTERM)
        assert code == 143
        assert manager.listen()[-2:] == ["STOPPING=1", "STATUS=stopping"]
