"""Programs of their own for tests: one fills the disk, one crashes, one is killed while it works."""

import asyncio
import json
import resource
import sys
from pathlib import Path

from altmonitor.core.clock import SystemClock
from altmonitor.storage.store import SqliteStore, StoreOptions
from tests.patient_clock import PatientClock
from tests.storage.samples import NOW_MS, PRIVATE, pump


async def full_disk(path: Path) -> None:
    """A limit on the size of files stands for a disk without room: SQLite gets the same kind of error."""
    troubles: list[str] = []
    options = StoreOptions(
        destinations=(PRIVATE,), on_trouble=lambda cause: troubles.append("" if cause is None else cause.text)
    )
    clock = PatientClock(start_ms=NOW_MS, speed=10)
    async with SqliteStore(path, clock=clock, options=options) as store:
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
        for number in range(200):
            store.put(pump(f"C{number}USDT"))
        while not troubles:
            await store.wait_for_work()
        await store.begin_attempt(PRIVATE, [1])
        await store.mark_sent(PRIVATE, [1], message_id=1, sent_ms=NOW_MS)
        offered = store.outbox_status().queued + 1
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        while troubles[-1]:
            await clock.sleep(0.1)
    print(json.dumps({"offered_while_full": offered, "troubles": troubles}))


async def crash(path: Path) -> None:
    store = SqliteStore(path, clock=SystemClock(), options=StoreOptions(destinations=(PRIVATE,)))
    await store.open()
    store.put(pump("AUSDT"))
    await store.wait_for_work()
    raise RuntimeError("crashed on purpose")


async def work_until_killed(path: Path) -> None:
    """Says what it knows to be committed and what the chat service accepted, before it records the latter."""
    store = SqliteStore(path, clock=SystemClock(), options=StoreOptions(destinations=(PRIVATE,)))
    await store.open()
    putting = asyncio.create_task(put_without_end(store))
    while not putting.done():
        for row in await store.queued(PRIVATE, limit=3):
            alert_id = row.alert.id or 0
            say("committed", row.alert.symbol)
            await store.begin_attempt(PRIVATE, [alert_id])
            say("repeated" if row.maybe_repeated else "accepted", row.alert.symbol)
            await store.mark_sent(PRIVATE, [alert_id], message_id=alert_id, sent_ms=NOW_MS)
        await asyncio.sleep(0)


async def put_without_end(store: SqliteStore) -> None:
    number = len(await store.recent(limit=100_000))
    while True:
        for _ in range(3):
            store.put(pump(f"C{number}USDT"))
            number += 1
        await asyncio.sleep(0.001)


def say(what: str, symbol: str) -> None:
    sys.stdout.write(f"{what} {symbol}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run({"full_disk": full_disk, "crash": crash, "work": work_until_killed}[sys.argv[1]](Path(sys.argv[2])))
