"""A run was killed while candles from before were still to be looked through: the next one looks through them, and says
of no moment that was watched that it was not."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from altmonitor.app.gap_log import SeenMark, SeenUntil
from altmonitor.sim.script import Pump
from tests.e2e.stage import START_MS, SYMBOLS, stage

ENDED_S, BEGINS_S = 3_995.0, 4_000.0
SETTLED_S, MOVED_S = 3_600.0, 3_680.0


def is_kept(database: Path) -> bool:
    """By the mark, and by the database that it belongs to."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as db:
        known = db.execute("SELECT value FROM meta WHERE key = 'seen_until_ms'").fetchall()
    return bool(known) and database.with_name("alerts.db.seen").exists()


async def test_what_was_watched_is_looked_through_once_more_and_not_said_to_be_unseen(tmp_path: Path) -> None:
    async with stage(tmp_path, CHART="false") as here:
        await here.is_live()
        await here.until(lambda: is_kept(tmp_path / "alerts.db"), within_s=60)
    mark = SeenMark(tmp_path / "alerts.db.seen")
    mark.write(SeenUntil(settled_ms=here.at(SETTLED_S), watched_ms=here.at(ENDED_S)))
    moved = Pump(SYMBOLS[0], START_MS + round(MOVED_S * 1000), 5.0, over_s=3)
    async with stage(tmp_path, moved, start_s=BEGINS_S, speed=10, CHART="false") as here:
        back = await here.said("Data is back", within_s=120)
        late = await here.said(SYMBOLS[0], within_s=120)
        await here.clock.sleep(40)
    assert late.text.startswith("⏳ LATE")
    assert re.match(r"🟢 Data is back after (\d+ s|[1-3] min\b)", back.text), "not the 400 s since all was settled"
    seen = mark.read()
    assert seen is not None
    assert here.at(BEGINS_S) < seen.settled_ms <= seen.watched_ms
