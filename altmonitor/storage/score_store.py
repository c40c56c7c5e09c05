"""What was scored and what became of it: looks at contracts, signals, receivers, preferences, calls of keys.

A file of its own beside DB_FILE: a monitor and an API beside it both write to it, so each statement is a transaction.
Commits are not synced one by one: a killed process loses nothing, a power cut at most the last moments.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from altmonitor.config import Config
from altmonitor.core.clock import Clock
from altmonitor.core.errors import NewerSchemaError, StorageError
from altmonitor.core.files import close_database_to_others, make_private
from altmonitor.core.outcome import HORIZONS_MIN
from altmonitor.scores.composite import Confidence, TradeSide
from altmonitor.scores.regimes import RegimeName, RegimeSeen

StoredRow = tuple[Any, ...]

VERSION: Final = 1
BUSY_TIMEOUT_S: Final = 3.0
ANSWER_WITHIN_S: Final = 5.0
OWN: Final = "monitor"
"""Source of what the monitor found by itself; only that is measured, so that nobody fills the record by asking."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS looks (
    symbol TEXT NOT NULL, ts INTEGER NOT NULL, price REAL, composite REAL, base REAL, derivatives REAL, whale REAL,
    onchain REAL, coverage REAL NOT NULL, confidence_long TEXT NOT NULL, confidence_short TEXT NOT NULL,
    regime TEXT NOT NULL, cascade REAL, scorer TEXT NOT NULL, PRIMARY KEY (symbol, ts)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS looks_by_time ON looks (ts);
CREATE TABLE IF NOT EXISTS signals (
    id INTEGER PRIMARY KEY, ts INTEGER NOT NULL, symbol TEXT NOT NULL, direction TEXT NOT NULL,
    confidence TEXT NOT NULL, composite REAL NOT NULL, price REAL, scorer TEXT NOT NULL, source TEXT NOT NULL,
    due_ts INTEGER, return_5 REAL, return_15 REAL, return_60 REAL, return_240 REAL, return_1440 REAL
);
CREATE INDEX IF NOT EXISTS signals_by_time ON signals (ts);
CREATE INDEX IF NOT EXISTS signals_due ON signals (due_ts) WHERE due_ts IS NOT NULL;
CREATE TABLE IF NOT EXISTS receivers (
    id INTEGER PRIMARY KEY, url TEXT NOT NULL, events TEXT NOT NULL, symbols TEXT NOT NULL, secret TEXT NOT NULL,
    created_ts INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS preferences (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS calls (
    key TEXT NOT NULL, day TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (key, day)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreLook:
    """One contract at one moment (unix seconds), as seen by a long."""

    symbol: str
    ts: int
    price: float | None
    composite: float | None
    base: float | None
    derivatives: float | None
    whale: float | None
    onchain: float | None
    coverage: float
    confidence_long: Confidence
    confidence_short: Confidence
    regime: RegimeName
    cascade: float | None
    scorer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreSignal:
    """A confidence that was reached, or that somebody asked for (`source`). composite: in its direction.

    returns: percent in its direction after `HORIZONS_MIN`, gross; None: to come, or not known. due_ts: of the next.
    """

    ts: int
    symbol: str
    direction: TradeSide
    confidence: Confidence
    composite: float
    price: float | None
    scorer: str
    source: str
    id: int = 0
    due_ts: int | None = None
    returns: tuple[float | None, ...] = (None,) * len(HORIZONS_MIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreReceiver:
    """events: HIGH, MEDIUM, VETO or *. symbols: empty for all. secret: what signatures are made with."""

    id: int
    url: str
    events: tuple[str, ...]
    symbols: tuple[str, ...]
    secret: str
    created_ts: int


_LOOK = ", ".join(ScoreLook.__slots__)
_RETURNS = tuple(f"return_{minutes}" for minutes in HORIZONS_MIN)
_SIGNAL = ", ".join(
    ("ts", "symbol", "direction", "confidence", "composite", "price", "scorer", "source", "id", "due_ts", *_RETURNS)
)


class ScoreStore:
    """Opened with each call, which costs less than a millisecond: there is nothing to be closed, and whoever never asks
    makes no file. Every method may raise StorageError."""

    def __init__(self, path: Path, *, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._is_ready = False

    # --- looks

    async def add_looks(self, looks: Sequence[ScoreLook]) -> None:
        marks = ", ".join("?" * len(ScoreLook.__slots__))
        rows = [tuple(getattr(one, name) for name in ScoreLook.__slots__) for one in looks]
        await self._write(f"INSERT OR REPLACE INTO looks ({_LOOK}) VALUES ({marks})", rows)  # noqa: S608

    async def looks(self, symbol: str, *, since_ts: int, until_ts: int, limit: int) -> list[ScoreLook]:
        """Oldest → newest; of too many, the newest."""
        rows = await self._fetch(
            f"SELECT {_LOOK} FROM looks WHERE symbol = ? AND ts BETWEEN ? AND ? ORDER BY ts DESC LIMIT ?",  # noqa: S608
            (symbol, since_ts, until_ts, limit),
        )
        return [ScoreLook(**dict(zip(ScoreLook.__slots__, row, strict=True))) for row in reversed(rows)]

    async def regimes(self, symbol: str, *, since_ts: int) -> list[RegimeSeen]:
        """Oldest → newest."""
        rows = await self._fetch(
            "SELECT ts, regime, price FROM looks WHERE symbol = ? AND ts >= ? ORDER BY ts", (symbol, since_ts)
        )
        return [RegimeSeen(ts=ts, regime=name, price=price) for ts, name, price in rows]

    async def first_look_ts(self) -> int | None:
        first: int | None = (await self._fetch("SELECT min(ts) FROM looks", ()))[0][0]
        return first

    # --- signals

    async def add_signal(self, signal: ScoreSignal) -> None:
        is_measured = signal.price is not None and signal.source == OWN
        due_ts = signal.ts + HORIZONS_MIN[0] * 60 if is_measured else None
        await self._write(
            "INSERT INTO signals (ts, symbol, direction, confidence, composite, price, scorer, source, due_ts) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    *(signal.ts, signal.symbol, signal.direction, signal.confidence, signal.composite),
                    *(signal.price, signal.scorer, signal.source, due_ts),
                )
            ],
        )

    async def signals(
        self,
        *,
        since_ts: int,
        limit: int,
        confidences: Sequence[Confidence] = ("HIGH", "MEDIUM", "LOW", "VETO"),
        symbol: str | None = None,
        is_own: bool = False,
    ) -> list[ScoreSignal]:
        """Newest first. is_own: only those the monitor found, not those somebody asked for."""
        marks = ", ".join("?" * len(confidences))
        rows = await self._fetch(
            f"SELECT {_SIGNAL} FROM signals WHERE ts >= ? AND confidence IN ({marks}) "  # noqa: S608
            "AND (? IS NULL OR symbol = ?) AND (? = 0 OR source = 'monitor') ORDER BY ts DESC, id DESC LIMIT ?",
            (since_ts, *confidences, symbol, symbol, int(is_own), limit),
        )
        return [_signal(row) for row in rows]

    async def due_signals(self, now_ts: int, *, limit: int) -> list[ScoreSignal]:
        rows = await self._fetch(
            f"SELECT {_SIGNAL} FROM signals WHERE due_ts <= ? ORDER BY due_ts LIMIT ?",  # noqa: S608
            (now_ts, limit),
        )
        return [_signal(row) for row in rows]

    async def put_returns(self, signal_id: int, returns: Sequence[float | None], *, due_ts: int | None) -> None:
        assigned = ", ".join(f"{name} = ?" for name in _RETURNS)
        await self._write(
            f"UPDATE signals SET {assigned}, due_ts = ? WHERE id = ?",  # noqa: S608
            [(*returns, due_ts, signal_id)],
        )

    # --- receivers

    async def receivers(self) -> list[ScoreReceiver]:
        rows = await self._fetch("SELECT id, url, events, symbols, secret, created_ts FROM receivers ORDER BY id", ())
        return [
            ScoreReceiver(
                id=number,
                url=url,
                events=tuple(events.split(",")),
                symbols=tuple(symbols.split(",")) if symbols else (),
                secret=secret,
                created_ts=created_ts,
            )
            for number, url, events, symbols, secret, created_ts in rows
        ]

    async def add_receiver(self, receiver: ScoreReceiver) -> int:
        """Its number."""
        rows = await self._fetch(
            "INSERT INTO receivers (url, events, symbols, secret, created_ts) VALUES (?, ?, ?, ?, ?) RETURNING id",
            (
                *(receiver.url, ",".join(receiver.events), ",".join(receiver.symbols)),
                *(receiver.secret, receiver.created_ts),
            ),
        )
        return int(rows[0][0])

    async def delete_receiver(self, number: int) -> bool:
        """False where there was none."""
        return bool(await self._fetch("DELETE FROM receivers WHERE id = ? RETURNING id", (number,)))

    # --- preferences, calls

    async def preferences(self) -> dict[str, str]:
        return dict(await self._fetch("SELECT name, value FROM preferences", ()))

    async def set_preferences(self, values: dict[str, str]) -> None:
        """Those that are not named stay."""
        await self._write("INSERT OR REPLACE INTO preferences VALUES (?, ?)", list(values.items()))

    async def count_call(self, key: str, day: str) -> int:
        """Counts one and returns the day's."""
        rows = await self._fetch(
            "INSERT INTO calls VALUES (?, ?, 1) ON CONFLICT (key, day) DO UPDATE SET count = count + 1 RETURNING count",
            (key, day),
        )
        return int(rows[0][0])

    async def calls(self, key: str, *, since_day: str) -> dict[str, int]:
        """By day (YYYY-MM-DD)."""
        rows = await self._fetch("SELECT day, count FROM calls WHERE key = ? AND day >= ?", (key, since_day))
        return dict(rows)

    async def prune(self, *, before_ts: int) -> None:
        """Looks are dropped; signals and what became of them are the record and stay."""
        await self._write("DELETE FROM looks WHERE ts < ?", [(before_ts,)])

    # --- the file

    async def _fetch(self, sql: str, values: Sequence[Any]) -> list[StoredRow]:
        return await self._within(lambda db: [tuple(row) for row in db.execute(sql, values)])

    async def _write(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        if rows:
            await self._within(lambda db: list(db.executemany(sql, rows)))

    async def _within(self, work: Callable[[sqlite3.Connection], list[StoredRow]]) -> list[StoredRow]:
        """In a transaction of its own."""
        try:
            async with self._clock.timeout(ANSWER_WITHIN_S):
                return await asyncio.to_thread(self._work, work)
        except TimeoutError as problem:
            raise StorageError(f"{self._path} did not answer within {ANSWER_WITHIN_S:.0f} s") from problem
        except (sqlite3.Error, OSError) as problem:
            raise StorageError(f"{self._path}: {problem}") from problem

    def _work(self, work: Callable[[sqlite3.Connection], list[StoredRow]]) -> list[StoredRow]:
        if not self._path.exists():
            make_private(self._path)
            self._is_ready = False
        with closing(sqlite3.connect(self._path, timeout=BUSY_TIMEOUT_S, isolation_level="IMMEDIATE")) as db:
            if not self._is_ready:
                self._prepare(db)
            db.execute("PRAGMA synchronous = NORMAL")
            with db:
                return work(db)

    def _prepare(self, db: sqlite3.Connection) -> None:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise NewerSchemaError(f"{self._path} was written by a newer altmonitor (version {version})")
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(_SCHEMA)
        db.execute(f"PRAGMA user_version = {VERSION}")
        close_database_to_others(self._path)
        self._is_ready = True


def score_store(config: Config, *, clock: Clock) -> ScoreStore:
    return ScoreStore(config.db_file.with_name("scores.db"), clock=clock)


def _signal(row: StoredRow) -> ScoreSignal:
    ts, symbol, direction, confidence, composite, price, scorer, source, number, due_ts, *returns = row
    return ScoreSignal(
        ts=ts,
        symbol=symbol,
        direction=direction,
        confidence=confidence,
        composite=composite,
        price=price,
        scorer=scorer,
        source=source,
        id=number,
        due_ts=due_ts,
        returns=tuple(returns),
    )
