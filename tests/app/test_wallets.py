"""Who watches wallets where several processes could: one of them, and the others read what it keeps."""

from __future__ import annotations

import asyncio
from pathlib import Path

from altmonitor.app.wallets import WalletSide, wallet_side
from altmonitor.config import Config, load
from altmonitor.core.clock import Clock
from altmonitor.core.supervisor import beside
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.hyperliquid import INFO
from altmonitor.sim.hyperliquid_wallets import STATS, address_of
from altmonitor.sim.market import SeededMarket
from tests.patient_clock import PatientClock

T0 = 1_790_000_040_000
ONE, TWO = address_of(101), address_of(102)


def configured(exchange: SimExchange, folder: Path, **more: str) -> Config:
    files = {"DB_FILE": str(folder / "alerts.db"), "SMART_MONEY_DB_PATH": str(folder / "data" / "snapshots.db")}
    return load(exchange.environment() | files | more, env_file=None)[0]


async def covered(side: WalletSide, *, count: int, within_s: float = 20.0) -> None:
    end_s = asyncio.get_running_loop().time() + within_s
    while len((await side.snapshot()).states) < count:
        assert asyncio.get_running_loop().time() < end_s, await side.snapshot()
        await asyncio.sleep(0.02)


def exchange_of(clock: Clock) -> SimExchange:
    return SimExchange(SeededMarket(seed=7, start_ms=T0, symbols=120, frames_per_s=10), clock=clock)


async def test_one_process_watches_the_other_reads_and_takes_over_when_that_one_ends(tmp_path: Path) -> None:
    clock = PatientClock(start_ms=T0, speed=300)
    async with exchange_of(clock) as exchange:
        exchange.hyperliquid.wallets.only(ONE, TWO)
        config = configured(exchange, tmp_path, HYPERLIQUID_WALLETS="2")
        async with wallet_side(config, clock=clock) as second:
            async with wallet_side(config, clock=clock) as first, beside(first.loops()["wallets"](), name="first"):
                await covered(first, count=2)
                async with beside(second.loops()["wallets"](), name="second"):
                    await covered(second, count=2)
                    await clock.sleep(700)
                    assert exchange.stats.requests(f"{STATS}/leaderboard") == 1, "only one of them asks"
            async with beside(second.loops()["wallets"](), name="second"):
                asked = exchange.stats.requests(f"{INFO}#clearinghouseState")
                await covered(second, count=2)
                await clock.sleep(400)
                assert exchange.stats.requests(f"{INFO}#clearinghouseState") > asked
                assert exchange.stats.requests(f"{STATS}/leaderboard") == 1, "the list was read within the hour"


async def test_without_a_setting_nothing_is_asked_and_the_way_out_is_said(tmp_path: Path) -> None:
    clock = PatientClock(start_ms=T0, speed=300)
    async with exchange_of(clock) as exchange, wallet_side(configured(exchange, tmp_path), clock=clock) as side:
        assert side.loops() == {}
        pool = await side.snapshot()
        assert pool.unavailable == "no wallets are watched: set HYPERLIQUID_WALLETS, or VENUES with hyperliquid"
        assert (pool.coverage, await side.events(since_ms=0), await side.hours([T0])) == (None, (), ())
        assert exchange.stats.requests() == 0
        exchange.hyperliquid.wallets.hold(ONE, BTC=-2.0)
        found = await side.lookup.state(ONE)
        assert [(one.coin, one.size) for one in found.positions] == [("BTC", -2.0)]
        assert not (tmp_path / "data").exists()


def test_how_many_are_watched_follows_the_venues_unless_it_is_said() -> None:
    for given, watched in (
        ({}, 0),
        ({"VENUES": "binance,hyperliquid"}, 200),
        ({"VENUES": "binance,hyperliquid", "HYPERLIQUID_WALLETS": "0"}, 0),
        ({"HYPERLIQUID_WALLETS": "13600"}, 13_600),
    ):
        assert load(given, env_file=None)[0].wallets_watched == watched, given
