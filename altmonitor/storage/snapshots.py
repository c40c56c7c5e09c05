"""The file of tracked snapshots, as its one writer sees it. `tracker.series.SnapshotStore`."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from altmonitor.core.clock import Clock
from altmonitor.core.errors import NewerSchemaError, StorageError
from altmonitor.core.files import close_database_to_others, make_private
from altmonitor.positioning.history import Snapshot
from altmonitor.positioning.open_interest import OiVelocity
from altmonitor.positioning.ratios import TopTraders
from altmonitor.storage import migrations as migrate
from altmonitor.storage.snapshot_queries import (
    OI_COLUMNS,
    OI_TABLE,
    SMART_MONEY_COLUMNS,
    SMART_MONEY_TABLE,
    TOP_TRADER_COLUMNS,
    TOP_TRADER_TABLE,
    SnapshotQueries,
    insert,
    oi_row,
    queries_over,
    refuse_other_files,
    smart_money_row,
    top_trader_row,
)
from altmonitor.storage.sqlite_file import BUSY_TIMEOUT_MS, SqliteFile
from altmonitor.storage.writer import FileLock
from altmonitor.tracker.series import Answered, Liveness, Outcome, PositionMoved, Series, SweepRow, WaitingNews

# ---
# A file of snapshots, of the older tool too → one of our version, or a clear refusal. Blocking; meant for a thread.


VERSION: Final = 1
VARIABLE: Final = "SMART_MONEY_DB_PATH"
TABLES: Final = (SMART_MONEY_TABLE, TOP_TRADER_TABLE, OI_TABLE)

_SCHEMA = Path(__file__).with_name("snapshots_schema.sql")


def prepare(path: Path, now_s: int) -> Path | None:
    """Afterwards the file is of our version; a broken one is put aside, and where is returned. Blocking."""
    try:
        make_private(path)
    except OSError as problem:
        raise migrate.unusable(path, problem.strerror or str(problem), variable=VARIABLE) from problem
    try:
        _bring_up_to_date(path)
    except (sqlite3.Error, migrate.DatabaseDamaged) as problem:
        if not migrate.is_damage(problem):
            raise _refusal(path, problem) from problem
        moved = migrate.set_aside(path, now_s)
        _bring_up_to_date(path)
        return moved
    return None


def _bring_up_to_date(path: Path) -> None:
    with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None)) as db:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        refuse_other_files(path, tables)
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise NewerSchemaError(
                f"{path} was written by a newer altmonitor (version {version}, this one knows {VERSION}): install the "
                f"newer one, or set {VARIABLE} to another file; nothing was changed"
            )
        if (verdict := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise migrate.DatabaseDamaged(f"{path} is damaged: {verdict}")
        db.execute("PRAGMA journal_mode = WAL")
        columns = {row[1] for row in db.execute(f"PRAGMA table_info({SMART_MONEY_TABLE})")}
        if columns and "price" not in columns:
            db.execute(f"ALTER TABLE {SMART_MONEY_TABLE} ADD COLUMN price REAL")
        db.executescript(
            _SCHEMA.read_text(encoding="utf-8")
        )  # every step may be repeated: a kill in between is no harm
        db.execute(f"PRAGMA user_version = {VERSION}")
        close_database_to_others(path)


def _refusal(path: Path, problem: Exception) -> StorageError:
    if isinstance(problem, sqlite3.Error):
        return migrate.refusal(path, problem, variable=VARIABLE)
    return migrate.unusable(path, str(problem), variable=VARIABLE)


# ---


_ANSWER = "INSERT OR REPLACE INTO tracker_answers VALUES (?, ?, ?, ?, ?)"

Statement = tuple[str, Sequence[Any]]


class SnapshotsDb:
    """`open` before the first call, `close` after the last. set_aside: where a damaged file went, None for a sound one.

    What a power cut takes (the last moments) is asked again.
    """

    def __init__(self, path: Path, *, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._lock: FileLock | None = None
        self._file = SqliteFile(path, name="snapshots")
        self._queries: SnapshotQueries | None = None
        self.set_aside: Path | None = None

    async def open(self) -> None:
        """Raises: StorageError: cannot be used, belongs to another program, or another tracker has it."""
        try:
            await asyncio.to_thread(self._path.parent.mkdir, parents=True, exist_ok=True)
        except OSError as problem:
            raise migrate.unusable(self._path, problem.strerror or str(problem), variable=VARIABLE) from problem
        self._lock = FileLock(self._path, variable=VARIABLE)
        try:
            self.set_aside = await asyncio.to_thread(prepare, self._path, self._clock.now_ms() // 1000)
            await self._file.open()
            self._queries = await queries_over(self._file.fetch, self._path)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Leaves one file without a write-ahead log. Bounded; may be called twice."""
        await self._file.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    # --- sweeps

    async def sweep(self, series: Series) -> SweepRow | None:
        sql = "SELECT started_ms, ended_ms, empty_in_row, thin_in_row, is_stuck FROM tracker_sweeps WHERE series = ?"
        rows = await self._file.fetch(sql, (series.value,))
        if not rows:
            return None
        started_ms, ended_ms, empty, thin, is_stuck = rows[0]
        liveness = Liveness(empty_in_row=empty, thin_in_row=thin, is_stuck=bool(is_stuck))
        return SweepRow(started_ms=started_ms, ended_ms=ended_ms, liveness=liveness)

    async def begin_sweep(self, series: Series, started_ms: int, liveness: Liveness) -> None:
        values = (series.value, started_ms, None, liveness.empty_in_row, liveness.thin_in_row, liveness.is_stuck)
        await self._write(("INSERT OR REPLACE INTO tracker_sweeps VALUES (?, ?, ?, ?, ?, ?)", values))

    async def end_sweep(self, series: Series, ended_ms: int | None, liveness: Liveness) -> None:
        sql = "UPDATE tracker_sweeps SET ended_ms = ?, empty_in_row = ?, thin_in_row = ?, is_stuck = ? WHERE series = ?"
        counts = (liveness.empty_in_row, liveness.thin_in_row, liveness.is_stuck)
        await self._write((sql, (ended_ms, *counts, series.value)))

    async def answers(self, series: Series) -> Mapping[str, Answered]:
        sql = "SELECT symbol, sweep_ms, answered_ms, outcome FROM tracker_answers WHERE series = ?"
        return {
            symbol: Answered(sweep_ms=sweep_ms, answered_ms=answered_ms, outcome=outcome)
            for symbol, sweep_ms, answered_ms, outcome in await self._file.fetch(sql, (series.value,))
        }

    # --- rows, each committed together with the note that its symbol is done

    async def put_snapshot(self, snapshot: Snapshot, *, sweep_ms: int) -> bool:
        symbol, captured_ms = snapshot.overview.symbol, snapshot.overview.captured_ms
        is_new = not await self._has(SMART_MONEY_TABLE, symbol, captured_ms)
        row = (insert(SMART_MONEY_TABLE, SMART_MONEY_COLUMNS), smart_money_row(snapshot))
        answer = _answer(Series.SMART_MONEY, symbol, sweep_ms, captured_ms, _outcome(is_new))
        await self._write(*([row, answer] if is_new else [answer]))
        return is_new

    async def put_top_traders(self, found: TopTraders, *, sweep_ms: int) -> bool:
        is_new = not await self._has(TOP_TRADER_TABLE, found.symbol, found.captured_ms, found.period)
        await self._write(
            (insert(TOP_TRADER_TABLE, TOP_TRADER_COLUMNS), top_trader_row(found)),
            _answer(Series.TOP_TRADERS, found.symbol, sweep_ms, found.captured_ms, _outcome(is_new)),
        )
        return is_new

    async def put_open_interest(self, symbol: str, found: OiVelocity, *, sweep_ms: int, now_ms: int) -> bool:
        is_new = not await self._has(OI_TABLE, symbol, found.time_ms)
        await self._write(
            (insert(OI_TABLE, OI_COLUMNS), oi_row(symbol, found)),
            _answer(Series.OPEN_INTEREST, symbol, sweep_ms, now_ms, _outcome(is_new)),
        )
        return is_new

    async def put_nothing(self, series: Series, symbol: str, *, sweep_ms: int, now_ms: int) -> None:
        await self._write(_answer(series, symbol, sweep_ms, now_ms, Outcome.NO_DATA))

    async def snapshots(self, symbol: str, *, since_ms: int) -> Sequence[Snapshot]:
        if self._queries is None:
            raise StorageError(f"{self._path} is closed")
        return await self._queries.snapshots(symbol, since_ms=since_ms)

    # --- told alerts, and keeping house

    async def was_told(self, symbol: str, fingerprint: str, *, since_ms: int) -> bool:
        sql = "SELECT 1 FROM tracker_told WHERE symbol = ? AND fingerprint = ? AND told_ms >= ?"
        return bool(await self._file.fetch(sql, (symbol, fingerprint, since_ms)))

    async def mark_told(self, symbol: str, fingerprint: str, *, told_ms: int) -> None:
        await self._write(("INSERT OR REPLACE INTO tracker_told VALUES (?, ?, ?)", (symbol, fingerprint, told_ms)))

    async def forget_before(self, before_ms: int) -> int:
        """Deletes rows of all three series that are older; returns how many."""
        counts = [
            (await self._file.fetch(f"SELECT COUNT(*) FROM {table} WHERE ts < ?", (before_ms,)))[0][0]  # noqa: S608
            for table in TABLES
        ]
        await self._write(
            *((f"DELETE FROM {table} WHERE ts < ?", (before_ms,)) for table in TABLES),  # noqa: S608
            ("DELETE FROM tracker_answers WHERE answered_ms < ?", (before_ms,)),
            ("DELETE FROM tracker_told WHERE told_ms < ?", (before_ms,)),
            ("DELETE FROM tracker_news WHERE done_ms < ?", (before_ms,)),
        )
        return sum(counts)

    # --- news on their way to the tracker's own chat

    async def put_news(self, html: str, *, now_ms: int, moved: PositionMoved | None) -> None:
        statements: list[Statement] = [("INSERT INTO tracker_news (html, queued_ms) VALUES (?, ?)", (html, now_ms))]
        if moved is not None:
            alert = moved.alert
            told = (alert.symbol, alert.fingerprint, moved.change.to_ms)
            statements.append(("INSERT OR REPLACE INTO tracker_told VALUES (?, ?, ?)", told))
        await self._write(*statements)

    async def next_news(self) -> WaitingNews | None:
        sql = (
            "SELECT id, html, queued_ms, state FROM tracker_news WHERE state IN ('queued', 'in_flight') "
            "ORDER BY id LIMIT 1"
        )
        rows = await self._file.fetch(sql, ())
        if not rows:
            return None
        news_id, html, queued_ms, state = rows[0]
        return WaitingNews(id=news_id, html=html, queued_ms=queued_ms, maybe_sent=state == "in_flight")

    async def begin_attempt(self, news_id: int) -> None:
        await self._write(("UPDATE tracker_news SET state = 'in_flight' WHERE id = ?", (news_id,)))

    async def not_sent(self, news_id: int) -> None:
        await self._write(("UPDATE tracker_news SET state = 'queued' WHERE id = ?", (news_id,)))

    async def end_news(self, news_id: int, *, now_ms: int, message_id: int | None, error: str = "") -> None:
        state = "failed" if message_id is None else "sent"
        sql = "UPDATE tracker_news SET state = ?, done_ms = ?, message_id = ?, error = ? WHERE id = ?"
        await self._write((sql, (state, now_ms, message_id, error or None, news_id)))

    async def checkpoint(self) -> None:
        await self._file.fetch("PRAGMA wal_checkpoint(TRUNCATE)", ())

    async def _has(self, table: str, symbol: str, time_ms: int, period: str | None = None) -> bool:
        where = "symbol = ? AND ts = ?" + ("" if period is None else " AND period = ?")
        values = (symbol, time_ms) if period is None else (symbol, time_ms, period)
        return bool(await self._file.fetch(f"SELECT 1 FROM {table} WHERE {where}", values))  # noqa: S608

    async def _write(self, *statements: Statement) -> None:
        await self._file.write(*((sql, [tuple(values)]) for sql, values in statements))


def _answer(series: Series, symbol: str, sweep_ms: int, answered_ms: int, outcome: Outcome) -> Statement:
    return _ANSWER, (series.value, symbol, sweep_ms, answered_ms, outcome.value)


def _outcome(is_new: bool) -> Outcome:
    return Outcome.STORED if is_new else Outcome.KNOWN
