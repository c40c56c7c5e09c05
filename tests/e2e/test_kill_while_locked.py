"""kill −9 while another program holds the database: what was found meanwhile is found again by the next run."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from altmonitor.core.clock import SystemClock
from altmonitor.market.candles import MINUTE_MS
from tests.e2e.process import SLOW_S, World, world


async def test_a_run_that_is_killed_while_the_database_is_locked_loses_nothing_that_it_had_seen(tmp_path: Path) -> None:
    async with world(tmp_path, telegram_speed=60) as here:
        symbol = here.symbols[0]
        async with here.program() as program:
            await here.is_watching(program)
            with closing(sqlite3.connect(here.database, isolation_level=None, check_same_thread=False)) as other:
                await minute_begins()
                await asyncio.to_thread(other.execute, "BEGIN EXCLUSIVE")  # it may have to wait for a commit of ours
                await here.pump(symbol, pct=6.0)
                await here.hears("Alerts cannot be stored")
                await minute_begins()  # the mark is written every second, and the candle closes
                await asyncio.sleep(2.5)
                await program.kill()
        assert stored(here) == []
        async with here.program() as program:
            await here.until(lambda: (symbol, 1) in stored(here), within_s=3 * SLOW_S)


async def minute_begins() -> None:
    into_ms = SystemClock().now_ms() % MINUTE_MS
    await asyncio.sleep((MINUTE_MS - into_ms) / 1000 + 1)


def stored(here: World) -> list[tuple[str, int]]:
    """With whether it was found late."""
    return here.rows("SELECT symbol, late FROM alerts WHERE kind = 'price'")
