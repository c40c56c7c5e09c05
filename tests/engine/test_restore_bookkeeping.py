from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from altmonitor.core.alert import Alert, Details, EpisodeEnd
from altmonitor.core.errors import StorageError
from altmonitor.engine.restore import CONDITIONS, MOST_WAITING, Bookkeeping
from tests.fakes import T0
from tests.movable_clock import MovableClock

ENDED = EpisodeEnd(at_ms=T0, lasted_s=900.0)


class Disk:
    """Takes what is written unless it refuses."""

    def __init__(self) -> None:
        self.refuses = False
        self.updates: list[str] = []
        self.meta: dict[str, str] = {}

    async def update_alert(self, alert: Alert) -> None:
        self._look()
        self.updates.append(alert.key)

    async def meta_get(self, key: str) -> str | None:
        return self.meta.get(key)

    async def meta_set(self, key: str, value: str) -> None:
        self._look()
        self.meta[key] = value

    def _look(self) -> None:
        if self.refuses:
            raise StorageError("full")


class Desk:
    def __init__(self) -> None:
        self.disk = Disk()
        self.clock = MovableClock()
        self.refreshed: list[str] = []
        self.books = Bookkeeping(self.disk, self.disk, clock=self.clock, refreshed=self.refreshed.append)


@asynccontextmanager
async def running() -> AsyncIterator[Desk]:
    desk = Desk()
    task = asyncio.create_task(desk.books.run())
    try:
        yield desk
    finally:
        task.cancel()
        await asyncio.wait({task})


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def end(key: str) -> Alert:
    return Alert(key=key, ts=1.0, event_ms=T0, symbol="A", kind="price", direction="PUMP", details=Details(ended=ENDED))


async def test_an_end_is_stored_and_then_shown() -> None:
    async with running() as desk:
        desk.books.put_learned(end("a"))
        await settle()
        assert (desk.disk.updates, desk.refreshed) == (["a"], ["a"])


async def test_of_conditions_only_the_newest_is_stored() -> None:
    async with running() as desk:
        desk.books.put_conditions("1")
        desk.books.put_conditions("2")
        await settle()
        assert desk.disk.meta == {CONDITIONS: "2"}


async def test_what_the_disk_refuses_is_written_later_in_order() -> None:
    async with running() as desk:
        desk.disk.refuses = True
        desk.books.put_conditions("1")
        desk.books.put_learned(end("a"))
        await settle()
        desk.books.put_learned(end("b"))
        desk.books.put_conditions("2")
        assert (desk.disk.updates, desk.disk.meta, desk.refreshed) == ([], {}, [])
        desk.disk.refuses = False
        await desk.clock.advance(5.0)
        await settle()
        assert (desk.disk.updates, desk.disk.meta) == (["a", "b"], {CONDITIONS: "2"})


async def test_what_is_dropped_while_the_disk_refuses_for_long_is_said_once_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running() as desk:
        desk.disk.refuses = True
        for number in range(MOST_WAITING + 3):
            desk.books.put_learned(end(str(number)))
        await settle()
        desk.disk.refuses = False
        await desk.clock.advance(5.0)
        await settle()
        assert (desk.disk.updates[0], len(desk.disk.updates)) == ("3", MOST_WAITING)
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
        "how moves went on is dropped, the oldest first: 10000 wait for the disk already",
        "how moves went on is stored again; of 3 it was dropped",
    ]
