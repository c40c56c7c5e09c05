"""Reading stored snapshots: the queries, and the file opened read-only beside whoever writes it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from altmonitor.core.clock import Clock, SystemClock
from altmonitor.core.errors import NoSnapshotsYet, StorageError
from altmonitor.core.types import Fraction
from altmonitor.positioning.history import Snapshot
from altmonitor.positioning.open_interest import OiVelocity
from altmonitor.positioning.ratios import LongShort, TakerFlow, TopTraders
from altmonitor.positioning.smart_money import Overview, Side
from altmonitor.positioning.units import Percent, positive
from altmonitor.storage.read_only import read_only
from altmonitor.storage.rows import Fetch, Row

# ---
# Rows of the snapshot tables ↔ our values. Columns as in `snapshots_schema.sql`.


SMART_MONEY_TABLE: Final = "ob_smart_money_snapshots"
TOP_TRADER_TABLE: Final = "ob_top_trader_snapshots"
OI_TABLE: Final = "ob_oi_snapshots"

_SIDE_COLUMNS: Final = {
    "{}_traders": "traders",
    "{}_traders_qty": "traders_qty_coins",
    "{}_traders_avg_entry_price": "traders_avg_entry",
    "{}_whales": "whales",
    "{}_whales_qty": "whales_qty_coins",
    "{}_whales_avg_entry_price": "whales_avg_entry",
    "{}_profit_traders": "profit_traders",
    "{}_profit_whales": "profit_whales",
}

SMART_MONEY_COLUMNS: Final = (
    "symbol",
    "ts",
    "total_positions",
    "total_traders",
    "long_short_ratio",
    *(pattern.format(side) for side in ("long", "short") for pattern in _SIDE_COLUMNS),
    "price",
)
TOP_TRADER_COLUMNS: Final = (
    "symbol",
    "ts",
    "period",
    "top_account_long_pct",
    "top_account_short_pct",
    "top_account_lsr",
    "top_position_long_pct",
    "top_position_short_pct",
    "top_position_lsr",
    "taker_buy_vol",
    "taker_sell_vol",
    "taker_bsr",
)
OI_COLUMNS: Final = (
    "symbol",
    "ts",
    "oi_now_usd",
    "oi_now_coins",
    "oi_chg_5m",
    "oi_chg_15m",
    "oi_chg_1h",
    "oi_chg_4h",
)


def insert(table: str, columns: tuple[str, ...]) -> str:
    return f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608


def smart_money_row(snapshot: Snapshot) -> Row:
    seen = snapshot.overview
    sides = [getattr(side, name) for side in (seen.long, seen.short) for name in _SIDE_COLUMNS.values()]
    return (
        seen.symbol,
        seen.captured_ms,
        seen.total_positions,
        seen.total_traders,
        seen.long_short_ratio,
        *sides,
        positive(snapshot.mark_price),
    )


def snapshot_of(row: Row) -> Snapshot:
    """row: in the order of `SMART_MONEY_COLUMNS`. An entry price of 0 is the older tool's word for none.

    The exchange's daily stamp has no column: `signal_day_ms` is None.
    """
    found = dict(zip(SMART_MONEY_COLUMNS, row, strict=True))
    overview = Overview(
        symbol=found["symbol"],
        captured_ms=found["ts"],
        signal_day_ms=None,
        total_positions=found["total_positions"],
        total_traders=found["total_traders"],
        long_short_ratio=found["long_short_ratio"],
        long=_side(found, "long"),
        short=_side(found, "short"),
    )
    return Snapshot(overview=overview, mark_price=positive(found["price"]))


def top_trader_row(found: TopTraders) -> Row:
    return (
        found.symbol,
        found.captured_ms,
        found.period,
        found.accounts.long_share,
        found.accounts.short_share,
        found.accounts.long_short_ratio,
        found.positions.long_share,
        found.positions.short_share,
        found.positions.long_short_ratio,
        found.taker.buy_coins,
        found.taker.sell_coins,
        found.taker.buy_sell_ratio,
    )


def top_traders_of(row: Row) -> TopTraders | None:
    """row: in the order of `TOP_TRADER_COLUMNS`. The buckets' own stamps have no column: the capture stands for them.

    None for a row in which a number is missing.
    """
    symbol, captured_ms, period, *numbers = row
    if any(number is None for number in numbers):
        return None
    accounts, positions = (
        LongShort(
            time_ms=captured_ms,
            long_share=Fraction(numbers[at]),
            short_share=Fraction(numbers[at + 1]),
            long_short_ratio=numbers[at + 2],
        )
        for at in (0, 3)
    )
    taker = TakerFlow(time_ms=captured_ms, buy_coins=numbers[6], sell_coins=numbers[7], buy_sell_ratio=numbers[8])
    return TopTraders(
        symbol=symbol, period=period, captured_ms=captured_ms, accounts=accounts, positions=positions, taker=taker
    )


def oi_row(symbol: str, found: OiVelocity) -> Row:
    return (
        symbol,
        found.time_ms,
        found.usd,
        found.coins,
        found.change_5m_pct,
        found.change_15m_pct,
        found.change_1h_pct,
        found.change_4h_pct,
    )


def velocity_of(row: Row) -> OiVelocity | None:
    """row: in the order of `OI_COLUMNS`. None for a row without contracts."""
    _, time_ms, usd, coins, *changes = row
    if coins is None:
        return None
    in_5m, in_15m, in_1h, in_4h = (None if change is None else Percent(change) for change in changes)
    return OiVelocity(
        time_ms=time_ms,
        coins=coins,
        usd=usd,
        change_5m_pct=in_5m,
        change_15m_pct=in_15m,
        change_1h_pct=in_1h,
        change_4h_pct=in_4h,
    )


def _side(found: Mapping[str, Any], side: str) -> Side:
    values = {field: found[pattern.format(side)] for pattern, field in _SIDE_COLUMNS.items()}
    values["traders_avg_entry"] = positive(values["traders_avg_entry"])
    values["whales_avg_entry"] = positive(values["whales_avg_entry"])
    return Side(**values)


# ---


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCount:
    """rows, symbols and the newest moment (unix ms, None without rows) of one table."""

    table: str
    rows: int
    symbols: int
    newest_ms: int | None


class SnapshotQueries:
    """fetch: runs one SELECT. columns: of the file's smart-money table; `price` may be missing, or the whole table."""

    def __init__(self, fetch: Fetch, *, columns: frozenset[str], tables: frozenset[str]) -> None:
        self._fetch = fetch
        self._tables = tables
        shown = (name if name in columns else f"NULL AS {name}" for name in SMART_MONEY_COLUMNS)
        self._select = f"SELECT {', '.join(shown)} FROM {SMART_MONEY_TABLE}"  # noqa: S608

    async def snapshots(self, symbol: str, *, since_ms: int) -> Sequence[Snapshot]:
        """Oldest → newest."""
        if SMART_MONEY_TABLE not in self._tables:
            return []
        rows = await self._fetch(f"{self._select} WHERE symbol = ? AND ts >= ? ORDER BY ts", (symbol, since_ms))
        return [snapshot_of(row) for row in rows]

    async def newest_snapshots(self, *, since_ms: int) -> Sequence[Snapshot]:
        """The newest of each symbol that has one since then."""
        if SMART_MONEY_TABLE not in self._tables:
            return []
        newest = f"SELECT symbol, MAX(ts) FROM {SMART_MONEY_TABLE} WHERE ts >= ? GROUP BY symbol"  # noqa: S608
        rows = await self._fetch(f"{self._select} WHERE (symbol, ts) IN ({newest}) ORDER BY symbol", (since_ms,))
        return [snapshot_of(row) for row in rows]

    async def open_interest(self, symbol: str, *, since_ms: int) -> Sequence[OiVelocity]:
        """Oldest → newest."""
        if OI_TABLE not in self._tables:
            return []
        sql = f"SELECT {', '.join(OI_COLUMNS)} FROM {OI_TABLE} WHERE symbol = ? AND ts >= ? ORDER BY ts"  # noqa: S608
        found = [velocity_of(row) for row in await self._fetch(sql, (symbol, since_ms))]
        return [velocity for velocity in found if velocity is not None]

    async def newest_open_interest(self, *, since_ms: int) -> Sequence[tuple[str, OiVelocity]]:
        """(symbol, the newest of it) of each symbol that has one since then."""
        if OI_TABLE not in self._tables:
            return []
        newest = f"SELECT symbol, MAX(ts) FROM {OI_TABLE} WHERE ts >= ? GROUP BY symbol"  # noqa: S608
        sql = f"SELECT {', '.join(OI_COLUMNS)} FROM {OI_TABLE} WHERE (symbol, ts) IN ({newest}) ORDER BY symbol"  # noqa: S608
        rows = await self._fetch(sql, (since_ms,))
        return [(row[0], velocity) for row in rows if (velocity := velocity_of(row)) is not None]

    async def top_traders(self, symbol: str, *, period: str, since_ms: int) -> Sequence[TopTraders]:
        """Oldest → newest."""
        if TOP_TRADER_TABLE not in self._tables:
            return []
        sql = (
            f"SELECT {', '.join(TOP_TRADER_COLUMNS)} FROM {TOP_TRADER_TABLE} "  # noqa: S608
            "WHERE symbol = ? AND period = ? AND ts >= ? ORDER BY ts"
        )
        found = [top_traders_of(row) for row in await self._fetch(sql, (symbol, period, since_ms))]
        return [row for row in found if row is not None]

    async def newest_top_traders(self, symbol: str, *, period: str, since_ms: int) -> TopTraders | None:
        found = await self.top_traders(symbol, period=period, since_ms=since_ms)
        return found[-1] if found else None

    async def was_told(self, symbol: str, fingerprint: str, *, since_ms: int) -> bool:
        """By the tracker itself, in a chat of its own."""
        if "tracker_told" not in self._tables:
            return False
        sql = "SELECT 1 FROM tracker_told WHERE symbol = ? AND fingerprint = ? AND told_ms >= ?"
        return bool(await self._fetch(sql, (symbol, fingerprint, since_ms)))

    async def counts(self) -> Sequence[StoredCount]:
        """One per table that exists."""
        found = []
        for table in (SMART_MONEY_TABLE, TOP_TRADER_TABLE, OI_TABLE):
            if table in self._tables:
                sql = f"SELECT COUNT(*), COUNT(DISTINCT symbol), MAX(ts) FROM {table}"  # noqa: S608
                ((rows, symbols, newest_ms),) = await self._fetch(sql, ())
                found.append(StoredCount(table=table, rows=rows, symbols=symbols, newest_ms=newest_ms))
        return found


def refuse_other_files(path: Path, tables: Collection[str]) -> None:
    """Raises: StorageError for a database of something else, whatever version it is of."""
    if "alerts" in tables:
        raise StorageError(
            f"{path} is another file: the monitor's alerts (DB_FILE) are in it. Set SMART_MONEY_DB_PATH to a file of "
            "its own"
        )
    if tables and not {SMART_MONEY_TABLE, TOP_TRADER_TABLE, OI_TABLE} & set(tables):
        raise StorageError(
            f"{path} is another file: the database of another program. Set SMART_MONEY_DB_PATH to a file of its own"
        )


async def queries_over(fetch: Fetch, path: Path) -> SnapshotQueries:
    tables = frozenset(name for (name,) in await fetch("SELECT name FROM sqlite_schema WHERE type = 'table'", ()))
    refuse_other_files(path, tables)
    columns = frozenset(row[1] for row in await fetch(f"PRAGMA table_info({SMART_MONEY_TABLE})", ()))
    return SnapshotQueries(fetch, columns=columns, tables=tables)


@asynccontextmanager
async def snapshot_reader(path: Path, *, clock: Clock | None = None) -> AsyncIterator[SnapshotQueries]:
    """The file of a tracker that may be running, or of the older tool, opened read-only.

    Raises:
        NoSnapshotsYet: there is no such file, or no snapshot table in it.
        StorageError: it cannot be read.
    """
    if not path.exists():  # noqa: ASYNC240 — asked once
        raise NoSnapshotsYet(f"{path} does not exist yet: run `altmonitor track`, or set SMART_MONEY_DB_PATH")
    async with read_only(
        path,
        clock=clock or SystemClock(),
        if_not_opened="make it readable, or set SMART_MONEY_DB_PATH elsewhere",
        if_not_read="name another file in SMART_MONEY_DB_PATH",
    ) as fetch:
        queries = await queries_over(fetch, path)
        if not await queries.counts():
            raise NoSnapshotsYet(f"{path} holds no snapshots: run `altmonitor track`, or set SMART_MONEY_DB_PATH")
        yield queries


# ---
# A tracker's file as the monitor reads it: opened for each look, because it may come, go and be replaced.


class TrackedFile:
    """Satisfies `tracker.position_alerts.TrackedRows`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def snapshots(self, symbol: str, *, since_ms: int) -> Sequence[Snapshot]:
        try:
            async with snapshot_reader(self._path) as tracked:
                return await tracked.snapshots(symbol, since_ms=since_ms)
        except NoSnapshotsYet:
            return ()

    async def was_told(self, symbol: str, fingerprint: str, *, since_ms: int) -> bool:
        try:
            async with snapshot_reader(self._path) as tracked:
                return await tracked.was_told(symbol, fingerprint, since_ms=since_ms)
        except NoSnapshotsYet:
            return False
