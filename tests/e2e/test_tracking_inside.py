"""With an interval set, the monitor keeps who is positioned as well, on its own gates."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.e2e.stage import SYMBOLS, stage


async def test_the_monitor_tracks_its_watchlist_beside_everything_else(tmp_path: Path) -> None:
    database = tmp_path / "snapshots.db"

    def captured() -> set[str]:
        if not database.exists():
            return set()
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as db:
            return {symbol for (symbol,) in db.execute("SELECT symbol FROM ob_smart_money_snapshots")}

    async with stage(
        tmp_path,
        speed=20,
        SMART_MONEY_INTERVAL_MIN="15",
        SMART_MONEY_WATCHLIST=",".join(SYMBOLS[:2]),
        SMART_MONEY_DB_PATH=str(database),
    ) as here:
        await here.is_live()
        await here.until(lambda: captured() == set(SYMBOLS[:2]), within_s=200)
        assert {"tracking", "tracker news"} <= set(here.app.supervisor.loops)
