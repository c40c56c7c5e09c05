"""The real `altmonitor track`, killed, stopped and refused."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from altmonitor.sim.control import RestFault
from altmonitor.sim.telegram.server import SimTelegram
from tests.tracker.processes import Town, town
from tests.tracker.workplace import OVERVIEW

TABLES = ("ob_smart_money_snapshots", "ob_top_trader_snapshots", "ob_oi_snapshots")
KILLS = int(os.environ.get("ALTMONITOR_KILLS", "6"))
CHAT = 77
TOKEN = "123456:" + "tracker-Token_0123456789-abcdefghij"


def rows(path: Path) -> dict[str, set[tuple[object, ...]]]:
    if not path.exists():
        return {table: set() for table in TABLES}
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as db:
        try:
            return {table: set(db.execute(f"SELECT * FROM {table}")) for table in TABLES}  # noqa: S608
        except sqlite3.OperationalError:  # not made yet
            return {table: set() for table in TABLES}


def count(path: Path) -> int:
    return sum(len(found) for found in rows(path).values())


def whole_sweeps(path: Path) -> int:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as db:
        found = db.execute("SELECT COUNT(*) FROM tracker_sweeps WHERE ended_ms IS NOT NULL").fetchone()
    return int(found[0])


async def grown(at: Town, than: int) -> None:
    async with asyncio.timeout(60):
        while count(at.database) <= than:  # noqa: ASYNC110 — another process writes the file
            await asyncio.sleep(0.02)


@pytest.mark.timeout(400)
async def test_kill_9_again_and_again_loses_no_row_and_asks_nobody_twice_who_answered(tmp_path: Path) -> None:
    dice = random.Random(1)
    settings = {
        "SMART_MONEY_INTERVAL_MIN": "6000",
        "TOP_TRADER_INTERVAL_MIN": "6000",
        "OI_INTERVAL_MIN": "6000",
        "SMART_MONEY_POOL_MAX": "34",
    }
    settings |= {"TOP_TRADER_POOL_MAX": "30", "OI_POOL_MAX": "30"}
    async with town(tmp_path, speed=40.0) as at:
        before = rows(at.database)
        for _ in range(KILLS):
            async with at.program("track", **settings) as program:
                done = sum(map(len, before.values()))
                if done < 30 + 30 + 20:
                    await grown(at, done)
                else:
                    await program.line("smart-money   [", within_s=60)
                await asyncio.sleep(dice.uniform(0.0, 0.3))
                await program.kill()
            after = rows(at.database)
            assert all(before[table] <= after[table] for table in TABLES)
            before = after
        async with at.program("track", **settings) as program:
            async with asyncio.timeout(120):
                while whole_sweeps(at.database) < 3:  # noqa: ASYNC110 — another process writes the file
                    await asyncio.sleep(0.05)
            assert await program.ends_by(signal.SIGTERM) == 143
        last = rows(at.database)
        for table in TABLES:
            symbols = [row[0] for row in last[table]]
            assert before[table] <= last[table]
            assert len(symbols) == len(set(symbols)), f"{table}: a symbol was captured twice in one sweep"
        assert [len(last[table]) for table in TABLES[1:]] == [30, 30]
        followed = len(last[TABLES[0]])
        assert 25 <= followed <= 34
        asked = at.exchange.stats.requests(OVERVIEW)
        assert asked <= followed + 2 * (34 - followed) + 3 * KILLS
        assert set(at.exchange.stats.rest[OVERVIEW].statuses) <= {200}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
async def test_a_signal_leaves_a_clean_file(tmp_path: Path, number: signal.Signals, code: int) -> None:
    async with town(tmp_path, speed=20.0) as at, at.program("track") as program:
        await grown(at, 2)
        assert await program.ends_by(number) == code
        assert not at.database.with_name("snapshots.db-wal").exists()
        with closing(sqlite3.connect(at.database)) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_a_refusal_ends_the_sweep_with_1_and_no_process_asks_again_until_it_is_over(tmp_path: Path) -> None:
    async with town(tmp_path, speed=20.0) as at:
        at.exchange.faults.rest[OVERVIEW] = RestFault(status=429, retry_after="86400")
        first = await at.says("track", "--series", "smart-money", "--json")
        assert first.code == 1
        assert "not finished, the next start goes on from here: smart-money" in first.err
        (report,) = json.loads(first.out)
        assert (report["stored"], report["until_ms"] is not None) == (0, True)
        at.exchange.faults.rest.clear()
        again = await at.says("track", "--series", "smart-money")
        who = await at.says("who", "BTC")
        assert again.code == 1
        assert "smart money: blocked until" in who.out
        assert who.code == 0
        assert at.exchange.stats.requests(OVERVIEW) == 1


async def test_three_sweeps_without_a_row_reach_the_operators_chat(tmp_path: Path) -> None:
    async with town(tmp_path, speed=20.0) as at:
        telegram = SimTelegram(clock=at.clock, token=TOKEN)
        await telegram.start()
        try:
            at.exchange.faults.rest[OVERVIEW] = RestFault(status=200, body='{"code":"000000","data":null}')
            (tmp_path / "watchlist.json").write_text('{"symbols": ["btc"]}')
            told = {
                "TELEGRAM_API_URL": telegram.url,
                "TG_BOT_TOKEN": TOKEN,
                "TG_CHAT_ID": str(CHAT),
                "SMART_MONEY_INTERVAL_MIN": "3",
            }
            async with at.program("track", "--series", "smart-money", **told) as program:
                async with asyncio.timeout(60):
                    while not telegram.chats[CHAT]:  # noqa: ASYNC110 — the chat has no event to offer
                        await asyncio.sleep(0.05)
                assert await program.ends_by(signal.SIGTERM) == 143
            assert (
                "Tracking of smart money stands still: 3 sweeps in a row without a row" in telegram.chats[CHAT][0].text
            )
            assert TOKEN not in program.log
        finally:
            await telegram.stop()


async def test_a_shard_that_does_not_exist_ends_with_2(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        said = await at.says("track", SMART_MONEY_SHARD_TOTAL="2", SMART_MONEY_SHARD_INDEX="2")
        assert (said.code, at.exchange.stats.requests()) == (2, 0)
        assert said.err == (
            "SMART_MONEY_SHARD_INDEX=2 is not allowed: a whole number below SMART_MONEY_SHARD_TOTAL=2\n"
        )
