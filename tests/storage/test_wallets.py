"""The tables of watched wallets: what comes back, how long it is kept, and who else has the file."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from altmonitor.core.clock import SystemClock
from altmonitor.core.errors import StorageError
from altmonitor.interfaces.wallets import HourOfPool, WalletWatch
from altmonitor.positioning.wallets import Performance, Wallet, WalletEvent, WalletPosition, WalletState
from altmonitor.storage.snapshots import SnapshotsDb
from altmonitor.storage.wallets import WalletsDb, WalletsFile
from tests.storage.test_snapshots import old_file

NOW_MS = 1_790_000_040_000
HOUR_MS = 3_600_000
ONE, TWO = "0x" + "1" * 40, "0x" + "2" * 40


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[WalletsDb]:
    store = WalletsDb(path, clock=SystemClock())
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def position(coin: str = "kPEPE", size: float = -2.5) -> WalletPosition:
    return WalletPosition(
        coin=coin,
        symbol="1000PEPEUSDT" if coin == "kPEPE" else f"{coin}USDT",
        size=size,
        notional_usd=250.0,
        as_of_ms=NOW_MS,
        entry=90.0,
        leverage=5.0,
        is_cross=False,
        liquidation_price=120.5,
        margin_usd=50.0,
        upnl_usd=-12.5,
        since_ms=NOW_MS - 5,
        compared_size=-2.49,
    )


def state(address: str = ONE, *positions: WalletPosition) -> WalletState:
    return WalletState(address=address, as_of_ms=NOW_MS, account_usd=1e6, positions=positions)


def wallet(address: str = ONE) -> Wallet:
    week = Performance(pnl_usd=1.5, roi=None, volume_usd=3e9)
    return Wallet(address=address, account_usd=1e6, name='A "name" 🐋', role="vault", performance={"week": week})


def event(at_ms: int = NOW_MS, *, coin: str = "BTC", address: str = ONE, usd: float | None = 5.0) -> WalletEvent:
    return WalletEvent(
        kind="flip",
        address=address,
        coin=coin,
        symbol=f"{coin}USDT",
        size_before=1.0,
        size_after=-2.0,
        usd=usd,
        from_ms=at_ms - 300_000,
        at_ms=at_ms,
        role="vault",
    )


async def test_every_field_comes_back_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "data" / "snapshots.db"
    watch = WalletWatch(since_ms=1, leaderboard_ms=2, round_s=300.0, failing={"no answer": 3}, pause="blocked")
    async with opened(path) as store:
        assert (await store.load()).wallets == []
        await store.put_wallets([wallet(), wallet(TWO)])
        await store.put_looks([state(ONE, position(), position("BTC", 1.0)), state(TWO)], [event(usd=None)], watch)
    async with opened(path) as store:
        found = await store.load()
        assert list(found.wallets) == [wallet(), wallet(TWO)]
        assert list(found.states) == [state(ONE, position(), position("BTC", 1.0)), state(TWO)]
        assert found.watch == watch
        assert await store.events(since_ms=0) == [event(usd=None)]
        await store.put_wallets([wallet(TWO)])
        kept = await store.load()
        assert [one.address for one in kept.states] == [TWO], "who left the pool is forgotten, not closed"


async def test_events_are_newest_first_and_filtered(tmp_path: Path) -> None:
    async with opened(tmp_path / "snapshots.db") as store:
        events = [
            event(NOW_MS + at, coin="BTC" if at % 2 else "ETH", address=TWO if at > 3 else ONE) for at in range(6)
        ]
        await store.put_looks([], events, WalletWatch())
        assert [one.at_ms - NOW_MS for one in await store.events(since_ms=0)] == [5, 4, 3, 2, 1, 0]
        assert [one.at_ms - NOW_MS for one in await store.events(since_ms=NOW_MS + 2, coin="BTC")] == [5, 3]
        assert [one.at_ms - NOW_MS for one in await store.events(since_ms=0, address=TWO, coin="ETH")] == [4]
        assert len(await store.events(since_ms=0, limit=2)) == 2


async def test_what_is_older_than_the_days_kept_is_deleted(tmp_path: Path) -> None:
    async with opened(tmp_path / "snapshots.db") as store:
        await store.put_looks([state()], [event(NOW_MS - 10), event(NOW_MS)], WalletWatch())
        for back in (0, 1, 2):
            hour = HourOfPool(hour_ms=NOW_MS - back * HOUR_MS, wallets=9, states=(state(ONE, position()),))
            await store.put_hour(hour)
        await store.forget_before(NOW_MS - HOUR_MS)
        assert [hour.hour_ms for hour in await store.hours([NOW_MS - back * HOUR_MS for back in range(9)])] == [
            NOW_MS - HOUR_MS,
            NOW_MS,
        ]
        await store.forget_before(NOW_MS)
        assert [one.at_ms for one in await store.events(since_ms=0)] == [NOW_MS]
        assert len((await store.load()).states) == 1, "what is known of now stays"


async def test_a_file_of_the_older_tool_gets_the_tables_and_keeps_its_rows(
    tmp_path: Path,
) -> None:
    path = tmp_path / "snapshots.db"
    old_file(path)
    async with opened(path) as store:
        await store.put_wallets([wallet()])
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT COUNT(*) FROM ob_smart_money_snapshots").fetchone() == (1,)
        assert db.execute("PRAGMA user_version").fetchone() == (1,), "an older program still opens it"


async def test_a_tracker_has_the_file_at_the_same_time_and_a_second_watcher_has_not(tmp_path: Path) -> None:
    path = tmp_path / "snapshots.db"
    tracker = SnapshotsDb(path, clock=SystemClock())
    await tracker.open()
    try:
        async with opened(path) as store:
            await store.put_looks([state()], [event()], WalletWatch(since_ms=5))
            second = WalletsDb(path, clock=SystemClock())
            with pytest.raises(StorageError, match=r"snapshots\.db"):
                await second.open()
            assert await WalletsFile(path, clock=SystemClock()).watched_since_ms() == 5
        await tracker.checkpoint()
    finally:
        await tracker.close()
    async with opened(path) as store:
        assert len(await store.events(since_ms=0)) == 1


async def test_a_file_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE alerts (id INTEGER)")
        db.commit()
    with pytest.raises(StorageError, match="SMART_MONEY_DB_PATH"):
        await WalletsDb(path, clock=SystemClock()).open()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT name FROM sqlite_schema").fetchall() == [("alerts",)]


async def test_what_cannot_be_read_is_looked_at_anew(tmp_path: Path) -> None:
    path = tmp_path / "snapshots.db"
    async with opened(path) as store:
        await store.put_wallets([wallet(), wallet(TWO)])
        await store.put_looks([state(), state(TWO)], [], WalletWatch(since_ms=7))
        await store.put_hour(HourOfPool(hour_ms=NOW_MS, wallets=2, states=(state(),)))
    for spoil in (
        f"UPDATE wallet_states SET body = x'00' WHERE address = '{ONE}'",  # noqa: S608
        f"UPDATE wallets SET row = 'x' WHERE address = '{TWO}'",  # noqa: S608
        "UPDATE wallet_watch SET row = '[]'",
        "UPDATE wallet_hours SET body = x'00'",
    ):
        with closing(sqlite3.connect(path)) as db:
            db.execute(spoil)
            db.commit()
    async with opened(path) as store:
        found = await store.load()
        assert [one.address for one in found.wallets] == [ONE]
        assert [one.address for one in found.states] == [TWO]
        assert found.watch == WalletWatch()
        assert await store.hours([NOW_MS]) == []
