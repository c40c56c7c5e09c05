"""kill −9 while alerts are stored and sent."""

import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

from altmonitor.core.clock import ScaledClock
from altmonitor.storage.store import SqliteStore, StoreOptions
from tests.storage.samples import NOW_MS, PRIVATE

KILLS = 12


def worked_and_was_killed(path: Path, words: int, seconds: float) -> list[tuple[str, str]]:
    """What the process said before it was killed, `seconds` after so many words."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.storage.children", "work", str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process, process.stdout as output:
        lines = [output.readline() for _ in range(words)]
        time.sleep(seconds)
        process.kill()
        lines += output.read().split("\n")
    return [(what, symbol) for line in lines if line.strip() for what, symbol in [line.split()]]


async def test_every_committed_alert_survives_once_and_only_the_one_in_flight_can_be_told_twice(tmp_path: Path) -> None:
    path, chance = tmp_path / "alerts.db", random.Random(7)
    committed: set[str] = set()
    accepted: Counter[str] = Counter()
    marked: set[str] = set()
    for _ in range(KILLS):
        for what, symbol in worked_and_was_killed(path, chance.randint(1, 12), chance.uniform(0.0, 0.03)):
            committed.add(symbol)
            accepted[symbol] += what != "committed"
            if what == "repeated":
                marked.add(symbol)
    options = StoreOptions(destinations=(PRIVATE,))
    async with SqliteStore(path, clock=ScaledClock(start_ms=NOW_MS, speed=1), options=options) as store:
        waiting = {row.alert.symbol: row.maybe_repeated for row in await store.queued(PRIVATE, limit=100_000)}
    with closing(sqlite3.connect(path)) as db:
        stored = Counter(symbol for (symbol,) in db.execute("SELECT symbol FROM alerts"))
        sent = {
            s for (s,) in db.execute("SELECT symbol FROM alerts JOIN deliveries ON alert_id = id AND state = 'sent'")
        }
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert len(committed) > KILLS
    assert committed <= set(stored)
    assert set(stored.values()) == {1}
    assert sent | set(waiting) == set(stored)
    assert sent & set(waiting) == set()
    assert sent <= set(accepted)
    told_twice = {symbol for symbol, times in accepted.items() if times > 1}
    assert told_twice <= marked, "a repeat is marked as one"
    assert len(told_twice) <= KILLS
    still_unsure = {symbol for symbol in waiting if accepted[symbol]}
    assert all(waiting[symbol] for symbol in still_unsure)
    assert len(still_unsure) <= 1
