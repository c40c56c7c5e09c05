"""What was scored and what became of it: looks at contracts, signals, receivers, preferences, calls of keys.

It lies in a file of its own beside DB_FILE, or beside the alerts in PostgreSQL where those are there; a monitor and an
API beside it both write to it, so each call is a transaction. The statements are the same for both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from altmonitor.scores.composite import Confidence, TradeSide
from altmonitor.scores.regimes import RegimeName, RegimeSeen
from altmonitor.storage.funding_records import FUNDING_SCHEMA, FundingRecords
from altmonitor.storage.liquidation_records import LIQUIDATION_SCHEMA, LiquidationRecords
from altmonitor.storage.outcome_records import OutcomeRecords
from altmonitor.storage.rows import Row, Statement

VERSION: Final = 1
OWN: Final = "monitor"
"""Source of what the monitor found by itself; only that is measured, so that nobody fills the record by asking."""

_TABLES = """
CREATE TABLE IF NOT EXISTS looks (
    symbol TEXT NOT NULL, ts INTEGER NOT NULL, price REAL, composite REAL, base REAL, derivatives REAL, whale REAL,
    onchain REAL, coverage REAL NOT NULL, confidence_long TEXT NOT NULL, confidence_short TEXT NOT NULL,
    regime TEXT NOT NULL, cascade REAL, scorer TEXT NOT NULL, PRIMARY KEY (symbol, ts)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS looks_by_time ON looks (ts);
CREATE TABLE IF NOT EXISTS signals (
    id INTEGER PRIMARY KEY, ts INTEGER NOT NULL, symbol TEXT NOT NULL, direction TEXT NOT NULL,
    confidence TEXT NOT NULL, composite REAL NOT NULL, price REAL, scorer TEXT NOT NULL, source TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS signals_by_time ON signals (ts);
-- What became of signals is recorded by what records it for alerts, which knows them under these names.
CREATE VIEW IF NOT EXISTS alerts AS
    SELECT id, 'score:' || confidence || ':' || id AS key, CAST(ts AS REAL) AS ts, ts * 1000 AS event_ms, symbol,
        'price' AS kind, CASE direction WHEN 'long' THEN 'PUMP' ELSE 'DUMP' END AS direction, NULL AS quadrant,
        'binance' AS venue, 0 AS late, '{}' AS details
    FROM signals WHERE source = 'monitor';
CREATE TABLE IF NOT EXISTS deliveries (alert_id INTEGER, state TEXT, sent_ms INTEGER);
CREATE TABLE IF NOT EXISTS outcomes (
    alert_id INTEGER PRIMARY KEY, detectors TEXT NOT NULL, settings TEXT, delay_ms INTEGER,
    is_delay_measured INTEGER NOT NULL DEFAULT 0, entry_ms INTEGER, entry REAL, due_ms INTEGER
);
CREATE INDEX IF NOT EXISTS outcomes_due ON outcomes (due_ms) WHERE due_ms IS NOT NULL;
CREATE TABLE IF NOT EXISTS outcome_returns (
    alert_id INTEGER NOT NULL, horizon_min INTEGER NOT NULL, raw_pct REAL, best_pct REAL, worst_pct REAL, btc_pct REAL,
    control_pct REAL, control_up REAL, control_count INTEGER NOT NULL, control_hours INTEGER NOT NULL,
    unknown INTEGER NOT NULL, unknown_reach INTEGER NOT NULL, unknown_btc INTEGER NOT NULL,
    unknown_control INTEGER NOT NULL, PRIMARY KEY (alert_id, horizon_min)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS receivers (
    id INTEGER PRIMARY KEY, url TEXT NOT NULL, events TEXT NOT NULL, symbols TEXT NOT NULL, secret TEXT NOT NULL,
    created_ts INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS preferences (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS calls (
    key TEXT NOT NULL, day TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (key, day)
) WITHOUT ROWID;
"""
SCORE_SCHEMA: Final = _TABLES + LIQUIDATION_SCHEMA + FUNDING_SCHEMA


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
    """A confidence that was reached, or that somebody asked for (`source`). composite: in its direction."""

    ts: int
    symbol: str
    direction: TradeSide
    confidence: Confidence
    composite: float
    price: float | None
    scorer: str
    source: str
    id: int = 0


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
_LOOKED_AGAIN = ", ".join(f"{name} = excluded.{name}" for name in ScoreLook.__slots__[2:])
_SIGNAL = ", ".join(ScoreSignal.__slots__)


class ScoreEngine(Protocol):
    """Where scores lie. Every method may raise StorageError."""

    async def fetch(self, sql: str, values: Sequence[Any]) -> list[Row]:
        """Of a statement that may write; what it has written is committed."""

    async def write(self, *statements: Statement) -> None:
        """All of them or none."""

    async def close(self) -> None:
        """Only when nothing is asked any more."""


class ScoreStore:
    """Every method may raise StorageError."""

    def __init__(self, engine: ScoreEngine) -> None:
        self._fetch = engine.fetch
        self._write = engine.write
        self.close = engine.close

    # --- looks

    async def add_looks(self, looks: Sequence[ScoreLook]) -> None:
        marks = ", ".join("?" * len(ScoreLook.__slots__))
        rows = [tuple(getattr(one, name) for name in ScoreLook.__slots__) for one in looks]
        await self._write(
            (
                f"INSERT INTO looks ({_LOOK}) VALUES ({marks}) ON CONFLICT (symbol, ts) DO UPDATE SET {_LOOKED_AGAIN}",  # noqa: S608
                rows,
            )
        )

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

    async def newest_looks(self, *, since_ts: int) -> dict[str, ScoreLook]:
        """By symbol."""
        rows = await self._fetch(
            f"SELECT {_LOOK} FROM looks "  # noqa: S608
            "WHERE (symbol, ts) IN (SELECT symbol, max(ts) FROM looks WHERE ts >= ? GROUP BY symbol)",
            (since_ts,),
        )
        return {row[0]: ScoreLook(**dict(zip(ScoreLook.__slots__, row, strict=True))) for row in rows}

    async def first_look_ts(self) -> int | None:
        first: int | None = (await self._fetch("SELECT min(ts) FROM looks", ()))[0][0]
        return first

    # --- signals

    async def add_signal(self, signal: ScoreSignal) -> None:
        row = (
            *(signal.ts, signal.symbol, signal.direction, signal.confidence, signal.composite),
            *(signal.price, signal.scorer, signal.source),
        )
        await self._write(
            (
                "INSERT INTO signals (ts, symbol, direction, confidence, composite, price, scorer, source) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [row],
            )
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
        wanted = [f"confidence IN ({', '.join('?' * len(confidences))})"]
        values: list[Any] = [since_ts, *confidences]
        if symbol is not None:
            wanted.append("symbol = ?")
            values.append(symbol)
        if is_own:
            wanted.append("source = 'monitor'")
        rows = await self._fetch(
            f"SELECT {_SIGNAL} FROM signals WHERE ts >= ? AND {' AND '.join(wanted)} "  # noqa: S608
            "ORDER BY ts DESC, id DESC LIMIT ?",
            (*values, limit),
        )
        return [_signal(row) for row in rows]

    @property
    def outcomes(self) -> OutcomeRecords:
        """What became of the monitor's own signals, each an alert under the key `score:<confidence>:<id>`."""
        return OutcomeRecords(self._fetch, self._write)

    @property
    def liquidations(self) -> LiquidationRecords:
        return LiquidationRecords(self._fetch, self._write)

    @property
    def fundings(self) -> FundingRecords:
        return FundingRecords(self._fetch, self._write)

    async def returns(self, *, horizon_min: int, since_ts: int) -> list[tuple[ScoreSignal, float | None]]:
        """The monitor's own signals with the change of price after so many minutes, percent, in their direction; None:
        to come, or not known. Oldest → newest."""
        names = ", ".join(f"signals.{name}" for name in ScoreSignal.__slots__)
        rows = await self._fetch(
            f"SELECT {names}, raw_pct * CASE direction WHEN 'long' THEN 1 ELSE -1 END FROM signals "  # noqa: S608
            "LEFT JOIN outcome_returns ON alert_id = id AND horizon_min = ? "
            "WHERE ts >= ? AND source = 'monitor' ORDER BY ts, id",
            (horizon_min, since_ts),
        )
        return [(_signal(row[:-1]), row[-1]) for row in rows]

    async def meta_get(self, key: str) -> str | None:
        rows = await self._fetch("SELECT value FROM meta WHERE key = ?", (key,))
        return None if not rows else str(rows[0][0])

    async def meta_set(self, key: str, value: str) -> None:
        await self._write(
            (
                "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                [(key, value)],
            )
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
        return {str(name): str(value) for name, value in await self._fetch("SELECT name, value FROM preferences", ())}

    async def set_preferences(self, values: dict[str, str]) -> None:
        """Those that are not named stay."""
        await self._write(
            (
                "INSERT INTO preferences (name, value) VALUES (?, ?) "
                "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                list(values.items()),
            )
        )

    async def count_call(self, key: str, day: str) -> int:
        """Counts one and returns the day's."""
        rows = await self._fetch(
            "INSERT INTO calls (key, day, count) VALUES (?, ?, 1) "
            "ON CONFLICT (key, day) DO UPDATE SET count = calls.count + 1 RETURNING count",
            (key, day),
        )
        return int(rows[0][0])

    async def calls(self, key: str, *, since_day: str) -> dict[str, int]:
        """By day (YYYY-MM-DD)."""
        rows = await self._fetch("SELECT day, count FROM calls WHERE key = ? AND day >= ?", (key, since_day))
        return {str(day): int(count) for day, count in rows}

    async def prune(self, *, before_ts: int) -> None:
        """Looks and liquidations are dropped; signals and what became of them are the record and stay."""
        await self._write(("DELETE FROM looks WHERE ts < ?", [(before_ts,)]))
        await self.liquidations.prune(before_ms=before_ts * 1000)


def _signal(row: Row) -> ScoreSignal:
    return ScoreSignal(**dict(zip(ScoreSignal.__slots__, row, strict=True)))
