"""A start removes what is older than RETENTION_DAYS; what waited too long to be told is accounted for all the same."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from altmonitor.core.clock import ScaledClock
from altmonitor.core.types import Destination
from altmonitor.storage.store import SqliteStore, StoreOptions
from tests.e2e.stage import READER, START_MS, stage
from tests.storage.samples import pump

DAY_MS = 86_400_000
HERE = Destination(chat_id=READER)


async def test_old_alerts_go_at_the_start_and_none_that_waited_goes_without_a_word(tmp_path: Path) -> None:
    clock = ScaledClock(start_ms=START_MS - 6 * DAY_MS, speed=1)
    async with SqliteStore(tmp_path / "alerts.db", clock=clock, options=StoreOptions(destinations=(HERE,))) as store:
        for symbol, days in (("SENTOLDUSDT", 8), ("SENTNEWUSDT", 6), ("WAITSUSDT", 8)):
            store.put(pump(symbol, at_ms=START_MS - days * DAY_MS))
        while len(rows := await store.queued(HERE, limit=5)) < 3:
            await store.wait_for_work()
        sent = [row.alert.id or 0 for row in rows if row.alert.symbol != "WAITSUSDT"]
        await store.mark_sent(HERE, sent, message_id=5, sent_ms=START_MS - 6 * DAY_MS)

    def kept() -> list[str]:
        with closing(sqlite3.connect(tmp_path / "alerts.db")) as db:
            return [symbol for (symbol,) in db.execute("SELECT symbol FROM alerts ORDER BY symbol")]

    assert kept() == ["SENTNEWUSDT", "SENTOLDUSDT", "WAITSUSDT"]
    async with stage(tmp_path, RETENTION_DAYS="7", speed=20) as here:
        await here.said("Alerts given up because they were older than a day: 1.", within_s=60)
        await here.until(lambda: "SENTOLDUSDT" not in kept(), within_s=60)
        assert set(kept()) - {"WAITSUSDT"} == {"SENTNEWUSDT"}
