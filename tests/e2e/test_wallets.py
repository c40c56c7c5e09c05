"""With Hyperliquid among the venues its wallets are watched too, behind the market and through the same gate."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from altmonitor.sim.hyperliquid import INFO
from altmonitor.sim.hyperliquid_wallets import address_of
from tests.e2e.stage import READER, stage

WHO = address_of(900)


async def test_the_monitor_watches_wallets_through_the_gate_of_their_market_and_tells_of_them(tmp_path: Path) -> None:
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
        here.exchange.hyperliquid.wallets.hold(WHO, BTC=-2.5, ETH=40.0)
        await here.until(lambda: looked_at() == 30, within_s=600)
        here.telegram.inject_message(READER, "/whales btc", user_id=READER)
        pool = await here.said("what ranked traders hold (Hyperliquid)", within_s=60)
        assert "of 28 hold it, ranked by profit of 7 days" in pool.text, "thirty, without two market makers"
        here.telegram.inject_message(READER, f"/trader {WHO}", user_id=READER)
        one = await here.said(f"{WHO} (Hyperliquid)", within_s=60)
        assert "BTC short" in one.text
        assert "ETH long" in one.text
        assert "wallets" in here.app.supervisor.loops
        assert here.exchange.stats.requests(f"{INFO}#clearinghouseState") >= 30
        hyperliquid = next(market for market in here.app.markets if market.name == "hyperliquid")
        assert hyperliquid.rest.guard_status().state in {"open", "waiting"}, "it was not refused"
        assert here.exchange.hyperliquid.used <= 900, "700 by itself, the rest for who asks"
