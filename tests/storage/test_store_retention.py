"""What retention takes away, and that it takes nothing else: whole tables are compared, row by row."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from altmonitor.core.clock import ScaledClock
from altmonitor.settings.changes import ChangeMade
from altmonitor.settings.state import DestinationOverrides
from altmonitor.storage.snapshots import SnapshotsDb
from altmonitor.storage.store import SqliteStore, StoreOptions
from tests.fakes import ManualClock, cause
from tests.storage.samples import GROUP, NOW_MS, PRIVATE, pump
from tests.tracker.samples import T0, snapshot, top_traders, velocity

DAY_MS = 86_400_000
KEPT_FROM_MS = NOW_MS - 7 * DAY_MS
Rows = dict[str, set[tuple[object, ...]]]


def tables(path: Path) -> Rows:
    """Table → its rows, of everything that is ours."""
    with closing(sqlite3.connect(path)) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: set(db.execute(f"SELECT * FROM {name}"))  # noqa: S608
            for name in names
            if not name.startswith("sqlite_")
        }


def gone(before: Rows, after: Rows) -> Rows:
    assert [name for name in before if after[name] - before[name]] == [], "nothing was added or changed"
    return {name: before[name] - after[name] for name in before if before[name] - after[name]}


def change_made(at_ms: int) -> ChangeMade:
    own = DestinationOverrides()
    return ChangeMade(
        at_ms=at_ms, who="ann", user_id=7, destination=PRIVATE, command=f"/x {at_ms}", before=own, after=own
    )


async def filled(store: SqliteStore) -> None:
    """Three alerts of every state: long before, a millisecond before, and at the moment from which rows are kept."""
    for state in ("SENT", "FAILED", "EXPIRED", "HALF", "QUEUED", "TRIED"):
        for name, at_ms in (("OLD", NOW_MS - 400 * DAY_MS), ("LAST", KEPT_FROM_MS - 1), ("KEPT", KEPT_FROM_MS)):
            store.put(pump(f"{state}{name}USDT", at_ms=at_ms))
    while len(rows := await store.queued(PRIVATE, limit=100)) < 18:
        await store.wait_for_work()
    for row in rows:
        ids = [row.alert.id or 0]
        state = row.alert.symbol
        if state.startswith(("SENT", "HALF")):
            await store.mark_sent(PRIVATE, ids, message_id=900, sent_ms=NOW_MS)
        if state.startswith("SENT"):
            await store.mark_sent(GROUP, ids, message_id=901, sent_ms=NOW_MS)
        for destination in (PRIVATE, GROUP):
            if state.startswith("FAILED"):
                await store.mark_failed(destination, ids, error=cause("blocked"))
            if state.startswith("EXPIRED"):
                await store.mark_expired(destination, ids, error="too old")
            if state.startswith("TRIED"):
                await store.begin_attempt(destination, ids)
    for at_ms in (NOW_MS - 400 * DAY_MS, KEPT_FROM_MS - 1, KEPT_FROM_MS):
        await store.changes.record(change_made(at_ms))
    await store.meta_set("telegram_offset", "41")


async def test_what_is_older_and_waits_nowhere_goes_with_its_deliveries_and_nothing_else_does(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    options = StoreOptions(destinations=(PRIVATE, GROUP))
    async with SqliteStore(path, clock=ScaledClock(start_ms=NOW_MS, speed=1), options=options) as store:
        await filled(store)
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE alerts SET key = 'legacy:7' WHERE symbol = 'SENTOLDUSDT'")
        db.commit()
        symbol_of = dict(db.execute("SELECT id, symbol FROM alerts"))
    before = tables(path)
    async with SqliteStore(path, clock=ScaledClock(start_ms=NOW_MS, speed=1), options=options) as store:
        await store.prune(before_s=KEPT_FROM_MS / 1000)
    lost = gone(before, tables(path))
    assert sorted(lost) == ["alerts", "changes", "deliveries"]
    expected = {f"{state}{name}USDT" for state in ("SENT", "FAILED", "EXPIRED") for name in ("OLD", "LAST")}
    expected -= {"SENTOLDUSDT"}  # what the older tool has left is nobody's to delete
    assert {symbol_of[row[0]] for row in lost["alerts"]} == expected
    assert sorted(symbol_of[row[0]] for row in lost["deliveries"]) == sorted([*expected] * 2), "in both chats"
    assert {row[6] for row in lost["changes"]} == {f"/x {NOW_MS - 400 * DAY_MS}", f"/x {KEPT_FROM_MS - 1}"}


async def test_rows_of_the_tracker_go_by_their_time_and_what_still_has_to_be_told_stays(tmp_path: Path) -> None:
    path = tmp_path / "snapshots.db"
    times = (T0 - 400 * DAY_MS, T0 - 7 * DAY_MS - 1, T0 - 7 * DAY_MS)
    store = SnapshotsDb(path, clock=ManualClock(T0))
    await store.open()
    try:
        for number, at_ms in enumerate(times):
            await store.put_snapshot(snapshot("ETHUSDT", at_ms), sweep_ms=at_ms)
            await store.put_top_traders(top_traders("ETHUSDT", at_ms), sweep_ms=at_ms)
            await store.put_open_interest("ETHUSDT", velocity(at_ms), sweep_ms=at_ms, now_ms=at_ms)
            await store.mark_told("ETHUSDT", f"print {number}", told_ms=at_ms)
            await store.put_news(f"sent {number}", now_ms=at_ms, moved=None)
            await store.end_news(number + 1, now_ms=at_ms, message_id=5)
        await store.put_news("waits", now_ms=times[0], moved=None)
        await store.checkpoint()
        before = tables(path)
        assert await store.forget_before(T0 - 7 * DAY_MS) == 6
        await store.checkpoint()
        lost = gone(before, tables(path))
    finally:
        await store.close()
    assert {name: len(rows) for name, rows in lost.items()} == {
        "ob_smart_money_snapshots": 2,
        "ob_top_trader_snapshots": 2,
        "ob_oi_snapshots": 2,
        "tracker_told": 2,
        "tracker_news": 2,
    }
    assert {row[1] for row in lost["ob_smart_money_snapshots"]} == set(times[:2])
