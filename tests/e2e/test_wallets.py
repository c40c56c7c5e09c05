"""With Hyperliquid among the venues its wallets are watched too, behind the market and through the same gate."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from altmonitor.app.standalone import stored_context
from altmonitor.operations.table import OPERATION_OF
from altmonitor.sim.hyperliquid import INFO
from altmonitor.sim.hyperliquid_wallets import address_of
from tests.e2e.stage import PATIENCE_S, READER, stage

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
        hyperliquid = next(market for market in here.app.markets.all if market.name == "hyperliquid")
        assert hyperliquid.rest.guard_status().state in {"open", "waiting"}, "it was not refused"
        assert here.exchange.hyperliquid.used <= 900, "700 by itself, the rest for who asks"


async def test_j10_j22_j33_wallets_liquidations_and_fundings_go_all_the_way_to_the_api(tmp_path: Path) -> None:
    """Over sockets: four wallets, one of which turns round, a liquidation, and what a process beside this one knows."""
    four = [address_of(number) for number in range(901, 905)]
    async with (
        stage(
            tmp_path, speed=20, VENUES="binance,hyperliquid", HYPERLIQUID_WALLETS="4", LIQUIDATIONS_USD="1000000"
        ) as here,
        aiohttp.ClientSession() as session,
    ):
        wallets = here.exchange.hyperliquid.wallets
        for address, coins in zip(four, (30.0, 20.0, 10.0, -40.0), strict=True):
            wallets.hold(address, ETH=coins)
        wallets.only(*four)

        async def told(path: str) -> Any:
            async with session.get(f"http://127.0.0.1:{here.app.server_port}{path}") as answer:
                return await answer.json()

        async def until(path: str, is_so: Callable[[Any], bool]) -> Any:
            end_s = here.clock.monotonic() + PATIENCE_S * here.clock.speed
            while not is_so(found := await told(path)):
                assert here.clock.monotonic() < end_s, found
                await here.clock.sleep(5)
            return found

        await here.is_live()
        stream = here.app.market.liquidations
        assert stream is not None
        await here.until(lambda: stream.feed.connections > 0, within_s=60)
        await here.clock.sleep(10)
        here.exchange.liquidate("ETHUSDT", is_long=True, usd=50_000)
        split = await until("/v1/whales?symbol=ETH", lambda found: found["wallets"] == 4)
        assert (split["long_wallets"], split["short_wallets"], split["long_pct"]) == (3, 1, 75.0)
        assert 59 < split["notional_long_pct"] < 61
        assert [one["side"] for one in split["top_positions"]] == ["short", "long", "long", "long"]
        assert split["sources"][0]["name"] == "hyperliquid:clearinghouseState"
        metrics = (await told("/v1/snapshot?symbol=ETH"))["metrics"]
        assert (metrics["whale_long_pct"]["value"], metrics["whale_n_wallets"]["value"]) == (75.0, 4.0)

        wallets.hold(four[3], ETH=15.0)
        wallets.hold(four[0])
        path = "/v1/whale-events?symbol=ETH"
        events = await until(path, lambda found: {"flip_to_long", "close"} <= {one["type"] for one in found["events"]})
        assert (events["summary"]["flips_to_long"], events["summary"]["closes"]) == (1, 1)
        assert {one["wallet"] for one in events["events"]} >= {f"{four[3][:6]}…{four[3][-4:]}"}
        again = await until("/v1/whales?symbol=ETH", lambda found: (found["wallets"], found["short_wallets"]) == (3, 0))
        assert again["long_pct"] == 100.0

        levels = await until("/v1/liquidations?symbol=ETH", lambda found: bool(found["past"]))
        assert levels["method"] == "observed"
        assert levels["past"]["1h"]["long_usd"] == pytest.approx(50_000, rel=0.01)
        assert levels["past"]["1h"]["source"] == "binance:liquidation stream"
        health = await told("/v1/exchange-health")
        for venue in ("binance", "hyperliquid"):
            measured = health["exchanges"][venue]
            assert measured["latency_ms"] > 0
            assert measured["requests_1h"] > 0
            assert measured["error_rate_1h"] == 0.0

        beside = stored_context(here.app.config, clock=here.clock)
        arbitrage = OPERATION_OF["funding_arb"]
        end_s = here.clock.monotonic() + PATIENCE_S * here.clock.speed
        while not (kept := await arbitrage.answer(beside, arbitrage.read({"min_spread": 0}))).opportunities:
            assert here.clock.monotonic() < end_s
            await here.clock.sleep(5)
        assert {one.venue for one in kept.sources} >= {"binance", "hyperliquid"}
        assert any(one.average_8h_pct is not None for one in kept.opportunities)
