"""What waits is written, however little the database takes at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from altmonitor.core.causes import Cause
from altmonitor.core.clock import ScaledClock
from altmonitor.core.errors import StorageError
from altmonitor.storage.alert_database import AlertDatabase, Op, Put
from altmonitor.storage.rows import Row
from altmonitor.storage.writer import BATCH, Writer, WriterEvents
from tests.movable_clock import MovableClock, at_work
from tests.storage.samples import PRIVATE, pump


class SlowDatabase(AlertDatabase):
    """Does not answer in time when it is given more than `most` at once; tried: how much it was given each time.
    takes_s: of the machine's time."""

    def __init__(self, *, most: int) -> None:
        self.most = most
        self.tried: list[int] = []
        self.defect: Exception | None = None
        self.stored: list[int] = []
        self.takes_s = 0.0

    async def open(self) -> None: ...
    async def close(self) -> None: ...

    async def fetch(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        return []

    async def transaction(self, ops: Sequence[Op]) -> set[int]:
        self.tried.append(len(ops))
        await asyncio.sleep(self.takes_s)
        if self.defect is not None:
            raise self.defect
        if len(ops) > self.most:
            raise StorageError("no answer in time")
        self.stored += [op.alert.id or 0 for op in ops if isinstance(op, Put)]
        return set(self.stored)

    async def next_change_id(self) -> int:
        return 1


class Bench:
    def __init__(self, *, most: int) -> None:
        self.clock, self.database = MovableClock(), SlowDatabase(most=most)
        self.troubles: list[Cause | None] = []
        events = WriterEvents(offer=lambda put: None, trouble=self.troubles.append, replace=self.database.close)
        self.writer = Writer(self.database, clock=self.clock, events=events)

    def put(self, count: int) -> None:
        for number in range(1, count + 1):
            alert = pump(f"N{number}USDT", id=number)
            self.writer.put(Put(alert=alert, destinations=(PRIVATE,), queued_ms=0))


async def test_a_database_that_takes_little_at_once_is_given_less_until_it_does_and_all_is_stored_in_order() -> None:
    bench = Bench(most=30)
    bench.put(400)
    async with at_work(bench.writer.run(), on=bench.clock):
        await bench.clock.advance(60)
    assert bench.database.tried[:5] == [400, 200, 100, 50, 25]
    assert bench.database.stored == list(range(1, 401))
    assert bench.writer.puts_waiting == 0
    assert bench.troubles[-1:] in ([], [None])


async def test_one_that_is_well_again_is_given_as_much_as_before() -> None:
    bench = Bench(most=1)
    bench.put(3 * BATCH)
    async with at_work(bench.writer.run(), on=bench.clock):
        await bench.clock.advance(30)
        bench.database.most, bench.database.tried = BATCH, []
        await bench.clock.advance(60)
    assert max(bench.database.tried) == BATCH
    assert bench.writer.puts_waiting == 0


async def test_an_error_that_nobody_expected_is_told_and_does_not_end_the_writing() -> None:
    bench = Bench(most=BATCH)
    bench.put(10)
    bench.database.defect = RuntimeError("another operation is in progress")
    async with at_work(bench.writer.run(), on=bench.clock):
        await bench.clock.advance(10)
        assert [str(one) for one in bench.troubles] == ["RuntimeError: another operation is in progress"]
        bench.database.defect = None
        await bench.clock.advance(10)
    assert bench.database.stored == list(range(1, 11))
    assert bench.troubles[-1] is None


async def test_what_is_not_written_is_known_for_whoever_takes_it_over() -> None:
    bench = Bench(most=0)
    bench.put(3)
    async with at_work(bench.writer.run(), on=bench.clock):
        await bench.clock.advance(60)
    assert [put.alert.symbol for put in bench.writer.unwritten()] == ["N1USDT", "N2USDT", "N3USDT"]


async def test_a_busy_machine_is_no_disk_that_does_not_answer_however_fast_the_clock_is() -> None:
    """At a hundred times the speed of life three seconds are 30 ms of the machine's time."""
    bench = Bench(most=30)
    bench.writer = Writer(
        bench.database,
        clock=ScaledClock(start_ms=1_790_000_000_000, speed=100),
        events=WriterEvents(offer=lambda put: None, trouble=bench.troubles.append, replace=bench.database.close),
    )
    bench.database.takes_s = 0.2
    bench.put(1)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(bench.writer.run())
        await bench.writer.drained()
        running.cancel()
    assert (bench.troubles, bench.database.stored) == ([], [1])
