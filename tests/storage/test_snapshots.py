from __future__ import annotations

import sqlite3
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from altmonitor.core.clock import SystemClock
from altmonitor.core.errors import NewerSchemaError, NoSnapshotsYet, StorageError
from altmonitor.positioning.history import NotEnoughSnapshots, change, position_alerts
from altmonitor.storage import migrations as migrate
from altmonitor.storage.snapshot_queries import snapshot_reader
from altmonitor.storage.snapshots import SnapshotsDb
from altmonitor.tracker.series import Liveness, PositionMoved, Series, WaitingNews
from tests.fakes import ManualClock
from tests.tracker.samples import T0, snapshot, top_traders, velocity

DAY_MS = 86_400_000
SMART_MONEY = [
    "symbol", "ts", "total_positions", "total_traders", "long_short_ratio",
    "long_traders", "long_traders_qty", "long_traders_avg_entry_price",
    "short_traders", "short_traders_qty", "short_traders_avg_entry_price",
    "long_whales", "long_whales_qty", "long_whales_avg_entry_price",
    "short_whales", "short_whales_qty", "short_whales_avg_entry_price",
    "long_profit_traders", "short_profit_traders", "long_profit_whales", "short_profit_whales", "price",
]  # fmt: skip
TOP_TRADERS = [
    "symbol", "ts", "period", "top_account_long_pct", "top_account_short_pct", "top_account_lsr",
    "top_position_long_pct", "top_position_short_pct", "top_position_lsr", "taker_buy_vol", "taker_sell_vol",
    "taker_bsr",
]  # fmt: skip
OI = ["symbol", "ts", "oi_now_usd", "oi_now_coins", "oi_chg_5m", "oi_chg_15m", "oi_chg_1h", "oi_chg_4h"]


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[SnapshotsDb]:
    store = SnapshotsDb(path, clock=ManualClock(T0))
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def asked(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(sql).fetchall()


def old_file(path: Path, *, columns: int = 21, rows: int = 1) -> None:
    """As the older tool leaves it: no version, no `price`, 0 where a price is missing."""
    names = SMART_MONEY[:columns]
    with closing(sqlite3.connect(path)) as db:
        shown = ", ".join(f"{name} {'TEXT' if name == 'symbol' else 'REAL'}" for name in names)
        db.execute(f"CREATE TABLE ob_smart_money_snapshots ({shown}, PRIMARY KEY (symbol, ts))")
        for at in range(rows):
            values = ["SOLUSDT", T0 + at * 60_000, *([5] * (columns - 2))]
            values[names.index("short_traders_avg_entry_price")] = 0
            db.execute(f"INSERT INTO ob_smart_money_snapshots VALUES ({', '.join('?' * columns)})", values)  # noqa: S608
        db.commit()


async def test_the_tables_have_these_columns_in_this_order(tmp_path: Path) -> None:
    path = tmp_path / "data" / "snapshots.db"
    async with opened(path):
        pass
    for table, columns in (
        ("ob_smart_money_snapshots", SMART_MONEY),
        ("ob_top_trader_snapshots", TOP_TRADERS),
        ("ob_oi_snapshots", OI),
    ):
        assert [row[1] for row in asked(path, f"PRAGMA table_info({table})")] == columns
    assert asked(path, "PRAGMA user_version") == [(1,)]
    assert asked(path, "PRAGMA journal_mode") == [("wal",)]


async def test_all_nineteen_numbers_and_the_price_come_back(tmp_path: Path) -> None:
    async with opened(tmp_path / "s.db") as store:
        assert await store.put_snapshot(snapshot(), sweep_ms=T0)
        assert list(await store.snapshots("ETHUSDT", since_ms=T0)) == [snapshot()]


async def test_what_is_missing_is_null_and_not_zero(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with opened(path) as store:
        await store.put_snapshot(snapshot(long_qty=None, price=None), sweep_ms=T0)
        await store.put_open_interest("ETHUSDT", velocity(), sweep_ms=T0, now_ms=T0)
    sql = "SELECT long_traders_qty, price, short_traders_avg_entry_price FROM ob_smart_money_snapshots"
    assert asked(path, sql) == [(None, None, None)]
    assert asked(path, "SELECT oi_chg_15m, oi_chg_1h FROM ob_oi_snapshots") == [(None, 4.05)]


async def test_two_captures_are_two_rows_and_the_same_one_is_never_new_twice(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with opened(path) as store:
        assert await store.put_snapshot(snapshot(at_ms=T0), sweep_ms=T0)
        assert await store.put_snapshot(snapshot(at_ms=T0 + 12_000), sweep_ms=T0)
        assert not await store.put_snapshot(snapshot(at_ms=T0, price=99.0), sweep_ms=T0)
    assert asked(path, "SELECT ts, price FROM ob_smart_money_snapshots ORDER BY ts") == [
        (T0, 10.0),
        (T0 + 12_000, 10.0),
    ]


async def test_a_second_row_of_the_same_key_replaces_the_first(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with opened(path) as store:
        assert await store.put_top_traders(top_traders(long=0.6215), sweep_ms=T0)
        assert not await store.put_top_traders(top_traders(long=0.5), sweep_ms=T0)
        assert await store.put_open_interest("ETHUSDT", velocity(), sweep_ms=T0, now_ms=T0)
        assert not await store.put_open_interest("ETHUSDT", velocity(), sweep_ms=T0, now_ms=T0 + 1)
    assert asked(path, "SELECT top_account_long_pct FROM ob_top_trader_snapshots") == [(0.5,)]
    assert asked(path, "SELECT COUNT(*) FROM ob_oi_snapshots") == [(1,)]


async def test_an_old_file_is_read_as_it_is_and_gains_the_price_when_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    old_file(path)
    async with snapshot_reader(path, clock=SystemClock()) as stored:
        (row,) = await stored.snapshots("SOLUSDT", since_ms=0)
        assert row.mark_price is None
        assert row.overview.short.traders_avg_entry is None
        assert row.overview.long.traders_avg_entry == 5
        assert list(await stored.open_interest("SOLUSDT", since_ms=0)) == []
    async with opened(path) as store:
        await store.put_snapshot(snapshot("SOLUSDT", T0 + 60_000), sweep_ms=T0)
    assert [row[1] for row in asked(path, "PRAGMA table_info(ob_smart_money_snapshots)")] == SMART_MONEY
    sql = "SELECT ts, price FROM ob_smart_money_snapshots ORDER BY ts"
    assert asked(path, sql) == [(T0, None), (T0 + 60_000, 10.0)]


async def test_a_file_is_read_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with opened(path) as store:
        await store.put_snapshot(snapshot(), sweep_ms=T0)
        await store.put_snapshot(snapshot("BTCUSDT", T0 + 5), sweep_ms=T0)
        await store.put_top_traders(top_traders(), sweep_ms=T0)
        async with snapshot_reader(path, clock=SystemClock()) as stored:
            await store.put_snapshot(snapshot(at_ms=T0 + 1), sweep_ms=T0)
            assert len(await stored.snapshots("ETHUSDT", since_ms=0)) == 2
            newest = await stored.newest_snapshots(since_ms=0)
            assert [(row.overview.symbol, row.time_ms) for row in newest] == [("BTCUSDT", T0 + 5), ("ETHUSDT", T0 + 1)]
            assert await stored.newest_top_traders("ETHUSDT", period="5m", since_ms=0) == top_traders()
            assert await stored.newest_top_traders("ETHUSDT", period="1h", since_ms=0) is None
            assert [(count.rows, count.symbols) for count in await stored.counts()] == [(3, 2), (1, 1), (0, 0)]


async def test_day_31_is_forgotten_and_day_29_kept_in_all_three_tables(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with opened(path) as store:
        for age in (29, 31):
            at_ms = T0 - age * DAY_MS
            await store.put_snapshot(snapshot(at_ms=at_ms), sweep_ms=T0)
            await store.put_top_traders(top_traders(at_ms=at_ms), sweep_ms=T0)
            await store.put_open_interest("ETHUSDT", velocity(at_ms), sweep_ms=T0, now_ms=T0)
        assert await store.forget_before(T0 - 30 * DAY_MS) == 3
    for table in ("ob_smart_money_snapshots", "ob_top_trader_snapshots", "ob_oi_snapshots"):
        assert asked(path, f"SELECT ts FROM {table}") == [(T0 - 29 * DAY_MS,)]  # noqa: S608


async def test_sweeps_answers_and_told_alerts_outlive_the_process(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with opened(path) as store:
        assert await store.sweep(Series.SMART_MONEY) is None
        await store.begin_sweep(Series.SMART_MONEY, T0, Liveness(empty_in_row=2))
        await store.put_snapshot(snapshot(at_ms=T0 + 7), sweep_ms=T0)
        await store.put_nothing(Series.SMART_MONEY, "XAUUSDT", sweep_ms=T0, now_ms=T0 + 9)
        await store.mark_told("ETHUSDT", "long:add:2", told_ms=T0)
    async with opened(path) as store:
        row = await store.sweep(Series.SMART_MONEY)
        assert row is not None
        assert (row.started_ms, row.ended_ms, row.liveness.empty_in_row) == (T0, None, 2)
        answers = await store.answers(Series.SMART_MONEY)
        assert {name: answer.outcome for name, answer in answers.items()} == {"ETHUSDT": "stored", "XAUUSDT": "no data"}
        assert await store.was_told("ETHUSDT", "long:add:2", since_ms=T0)
        assert not await store.was_told("ETHUSDT", "long:add:2", since_ms=T0 + 1)
        assert not await store.was_told("ETHUSDT", "long:add:3", since_ms=T0)


async def test_a_second_writer_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with opened(path):
        with pytest.raises(StorageError, match="set another SMART_MONEY_DB_PATH"):
            async with opened(path):
                pass


async def test_a_newer_file_and_one_of_another_program_are_left_alone(tmp_path: Path) -> None:
    newer, foreign = tmp_path / "newer.db", tmp_path / "foreign.db"
    with closing(sqlite3.connect(newer)) as db:
        db.execute("PRAGMA user_version = 9")
    with closing(sqlite3.connect(foreign)) as db:
        db.execute("CREATE TABLE customers (id)")
    with pytest.raises(NewerSchemaError, match="version 9"):
        async with opened(newer):
            pass
    with pytest.raises(StorageError, match="another program"):
        async with opened(foreign):
            pass
    assert asked(foreign, "SELECT name FROM sqlite_schema") == [("customers",)]


async def test_the_alerts_of_the_monitor_are_another_file_to_writer_and_reader(tmp_path: Path) -> None:
    alerts = tmp_path / "alerts.db"
    migrate.prepare(alerts, now_s=1)
    before = alerts.read_bytes()
    with pytest.raises(StorageError, match=r"alerts\.db is another file: the monitor's alerts \(DB_FILE\) are in it"):
        async with opened(alerts):
            pass
    with pytest.raises(StorageError, match=r"alerts\.db is another file"):
        async with snapshot_reader(alerts):
            pass
    assert alerts.read_bytes() == before


async def test_a_damaged_file_is_put_aside_and_a_new_one_begun(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    path.write_bytes(b"this is no database, and never was one" * 100)
    async with opened(path) as store:
        assert store.set_aside == tmp_path / f"s.db.corrupt-{T0 // 1000}"
        assert await store.put_snapshot(snapshot(), sweep_ms=T0)


@pytest.mark.parametrize("content", [None, b""])
async def test_no_file_yet_says_what_to_run(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "s.db"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(NoSnapshotsYet, match="run `altmonitor track`"):
        async with snapshot_reader(path, clock=SystemClock()):
            pass


async def test_a_file_that_is_no_database_is_named_to_the_reader(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(StorageError, match="SMART_MONEY_DB_PATH"):
        async with snapshot_reader(path, clock=SystemClock()):
            pass


async def test_news_are_kept_with_the_note_that_they_were_told_until_the_chat_has_them(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    rows = [snapshot("ETHUSDT", T0 - 1_200_000, long_qty=1_000.0), snapshot("ETHUSDT", T0, long_qty=1_200.0)]
    found = change("ETHUSDT", rows, minutes=30, now_ms=T0)
    assert not isinstance(found, NotEnoughSnapshots)
    moved = PositionMoved(alert=position_alerts(found)[0], change=found)
    async with opened(path) as store:
        await store.put_news("first", now_ms=T0, moved=moved)
        await store.put_news("second", now_ms=T0 + 1, moved=None)
        assert await store.was_told("ETHUSDT", moved.alert.fingerprint, since_ms=T0)
        await store.begin_attempt(1)
    async with opened(path) as store:  # after a kill
        assert await store.next_news() == WaitingNews(id=1, html="first", queued_ms=T0, maybe_sent=True)
        await store.not_sent(1)
        assert await store.next_news() == WaitingNews(id=1, html="first", queued_ms=T0, maybe_sent=False)
        await store.end_news(1, now_ms=T0 + 5, message_id=77)
        await store.end_news(2, now_ms=T0 + 6, message_id=None, error="kicked")
        assert await store.next_news() is None
        assert asked(path, "SELECT id, state, message_id, error FROM tracker_news") == [
            (1, "sent", 77, None),
            (2, "failed", None, "kicked"),
        ]
        await store.forget_before(T0 + 6)
        assert asked(path, "SELECT id FROM tracker_news") == [(2,)]


async def test_the_file_and_what_lies_beside_it_are_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "snapshots.db"
    old_file(path)
    path.chmod(0o644)
    names = ("snapshots.db", "snapshots.db-wal", "snapshots.db-shm", "snapshots.db.lock")
    async with opened(path):
        assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in names] == [0o600] * 4
