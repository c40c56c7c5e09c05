"""Tracked snapshots as rows: the newest of each contract beside its open interest, and one contract's past."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from altmonitor.operations.context import OperationContext
from altmonitor.operations.snapshots import (
    SnapshotHistoryArguments,
    SnapshotsArguments,
    get_snapshot_history,
    get_snapshots,
)
from altmonitor.storage.snapshot_queries import snapshot_reader
from altmonitor.storage.snapshots import SnapshotsDb
from altmonitor.tracker.series import Liveness, Series
from tests.operations.operations_kit import NOW_MS, Bench
from tests.tracker.samples import snapshot, velocity

DAY = 86_400_000


@asynccontextmanager
async def tracked(folder: Path) -> AsyncIterator[OperationContext]:
    """Two contracts; open interest is known of one."""
    bench = Bench()
    store = SnapshotsDb(folder / "snapshots.db", clock=bench.clock)  # type: ignore[arg-type]
    await store.open()
    try:
        await store.begin_sweep(Series.SMART_MONEY, 1, Liveness())
        for age_ms in (40 * DAY, 2 * DAY, 60_000):
            await store.put_snapshot(snapshot("SOLUSDT", NOW_MS - age_ms, long_qty=200.0), sweep_ms=1)
        await store.put_snapshot(snapshot("BTCUSDT", NOW_MS - 120_000, long_qty=None), sweep_ms=1)
        await store.begin_sweep(Series.OPEN_INTEREST, 1, Liveness())
        await store.put_open_interest("SOLUSDT", velocity(NOW_MS - 30_000), sweep_ms=1, now_ms=NOW_MS)
    finally:
        await store.close()
    yield replace(bench.context(), snapshots=lambda: snapshot_reader(folder / "snapshots.db"))


async def test_the_newest_rows_come_by_symbol_with_open_interest_where_it_is_known(tmp_path: Path) -> None:
    async with tracked(tmp_path) as context:
        btc, sol = (await get_snapshots(context, SnapshotsArguments())).rows
        assert (btc.symbol, btc.age_sec, btc.oi_now_usd, btc.sm_ratio) == ("BTCUSDT", 120, None, None)
        assert (sol.symbol, sol.ts, sol.age_sec, sol.oi_age_sec) == ("SOLUSDT", NOW_MS - 60_000, 60, 30)
        assert sol.oi_now_usd == velocity(NOW_MS).usd
        assert sol.long_profit_pct is not None
        assert 0 <= sol.long_profit_pct <= 1
        assert (await get_snapshots(context, SnapshotsArguments(symbol="sol"))).rows == (sol,)
        assert (await get_snapshots(context, SnapshotsArguments(limit=1))).rows == (btc,)


async def test_a_past_of_days_comes_oldest_first_and_what_is_no_number_of_days_is_thirty(tmp_path: Path) -> None:
    async with tracked(tmp_path) as context:

        async def ages(**given: object) -> list[int]:
            found = await get_snapshot_history(context, SnapshotHistoryArguments(**given))  # type: ignore[arg-type]
            return [(NOW_MS - row.ts) // 60_000 for row in found.rows]

        assert await ages(symbol="SOL") == [2 * 1_440, 1]
        for days in ("abc", "0", "-3", "", "1.5", "٣", "nan"):
            assert await ages(symbol="SOL", days=days) == [2 * 1_440, 1], days
        assert await ages(symbol="SOL", days="1") == [1]
        assert await ages(symbol="NEVERUSDT") == []
        assert await ages(symbol="SOL", limit=1) == [2 * 1_440]
        assert await ages(symbol="SOL", after=NOW_MS - 2 * DAY) == [1]
