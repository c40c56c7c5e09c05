"""With Hyperliquid among the venues its wallets are watched too, behind the market and through the same gate."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from altmonitor.sim.hyperliquid import INFO
from tests.e2e.stage import stage


async def test_the_monitor_watches_wallets_through_the_gate_of_their_market(tmp_path: Path) -> None:
    database = tmp_path / "snapshots.db"

    def looked_at() -> int:
        if not database.exists():
            return 0
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as db:
            if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'wallet_states'").fetchall():
                return 0
            (count,) = db.execute("SELECT COUNT(*) FROM wallet_states").fetchone()
            return int(count)

    async with stage(tmp_path, speed=20, VENUES="binance,hyperliquid", HYPERLIQUID_WALLETS="30") as here:
        await here.is_live()
        await here.until(lambda: looked_at() >= 8, within_s=600)
        assert "wallets" in here.app.supervisor.loops
        assert here.exchange.stats.requests(f"{INFO}#clearinghouseState") >= 8
        hyperliquid = next(market for market in here.app.markets if market.name == "hyperliquid")
        assert hyperliquid.rest.guard_status().state == "open"
        assert here.exchange.hyperliquid.used <= 720, "60 % of what an address may weigh"
