"""`altmonitor run` with DATABASE_URL: everything a chat knows from SQLite, over real PostgreSQL."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from altmonitor.core.errors import StorageError
from altmonitor.sim.script import Pump
from altmonitor.storage.alert_queries import alert_reader
from altmonitor.storage.postgres.reader import postgres_state
from tests.e2e.stage import READER, START_MS, SYMBOLS, stage
from tests.scale.fixtures import needs_servers, postgres
from tests.scale.servers import PostgresServer

__all__ = ["postgres"]

pytestmark = needs_servers


async def test_settings_alerts_changes_and_undo_survive_a_restart(postgres: PostgresServer, tmp_path: Path) -> None:
    url = postgres.new_database()
    pump = Pump(SYMBOLS[0], START_MS + 130_000, 4.0, over_s=5)
    async with stage(tmp_path, pump, DATABASE_URL=url) as here:
        await here.is_live()
        await here.said(f"PUMP {SYMBOLS[0]}", within_s=300)
        for words, answer in (("/set_pump 5", "3 % → 5 %"), ("/undo", "5 % → 3 %"), ("/set_pump 6", "3 % → 6 %")):
            here.telegram.inject_message(READER, words, user_id=READER)
            await here.said(answer, within_s=30)
        here.telegram.inject_message(READER, "/history 5", user_id=READER)
        await here.until(lambda: SYMBOLS[0] in here.messages[-1].text and "sent" in here.messages[-1].text, within_s=30)
    assert not (tmp_path / "alerts.db").exists()
    assert not (tmp_path / "state.json").exists()
    assert (await postgres_state(url)).main.numbers == {"pump_threshold": 6.0}
    async with alert_reader(url) as alerts:
        assert [(row.alert.symbol, row.delivery) for row in await alerts.recent(limit=5)] == [(SYMBOLS[0], "sent")]
    async with stage(tmp_path, start_s=300, DATABASE_URL=url) as here:
        await here.is_live()
        assert here.app.market.engine.settings.pump_threshold == 6.0
        changes = await here.app.store.changes.recent(None, limit=9)
        assert [(row.made.command, row.undone_by) for row in changes] == [
            ("/set_pump 6", None),
            ("/undo", None),
            ("/set_pump 5", 2),
        ]


async def test_a_second_monitor_on_the_same_database_does_not_start(postgres: PostgresServer, tmp_path: Path) -> None:
    url = postgres.new_database()
    async with stage(tmp_path, DATABASE_URL=url) as here:
        await here.is_live()
        with pytest.raises(StorageError, match="in use by another altmonitor"):
            async with stage(tmp_path / "second", DATABASE_URL=url):
                await asyncio.sleep(30)
        assert not here.app.supervisor.fatal_error


async def test_while_the_server_is_away_alerts_arrive_it_is_told_and_nothing_is_missing_afterwards(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    url = postgres.new_database()
    pumps = [Pump(symbol, START_MS + 130_000 + 90_000 * at, 4.0, over_s=5) for at, symbol in enumerate(SYMBOLS[:3])]
    async with stage(tmp_path, *pumps, DATABASE_URL=url) as here:
        await here.is_live()
        await here.said(f"PUMP {SYMBOLS[0]}", within_s=300)
        postgres.kill()
        try:
            await here.said(f"PUMP {SYMBOLS[1]}", within_s=300)
            await here.said("Alerts cannot be stored", within_s=300)
        finally:
            postgres.start()
        await here.said(f"PUMP {SYMBOLS[2]}", within_s=300)
        await here.until(lambda: here.app.store._writer.puts_waiting == 0, within_s=300)
        symbols = {told.alert.symbol for told in await here.app.store.recent(limit=9) if told.delivery == "sent"}
        assert symbols >= set(SYMBOLS[:2])
        assert [here.count(f"PUMP {symbol}") for symbol in SYMBOLS[:3]] == [1, 1, 1]
