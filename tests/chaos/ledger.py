"""The two columns of the account: what the market called for, and what is stored as told."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from altmonitor.sim.market import SeededMarket
from altmonitor.sim.script import Burst, Crash, Dump, Event, OiStep, Pump

MINUTE_MS = 60_000
THRESHOLD_PCT = 3.0
SKEW_MS = 7_000
"""The exchange's clock may be so far from the program's."""


def clock_time(unix_ms: float) -> str:
    return datetime.fromtimestamp(unix_ms / 1000, UTC).strftime("%H:%M:%S")


@dataclass(frozen=True, slots=True)
class Span:
    """Unix ms, half open."""

    begin_ms: float
    end_ms: float

    def meets(self, begin_ms: float, end_ms: float) -> bool:
        return self.begin_ms < end_ms and begin_ms < self.end_ms

    def holds(self, begin_ms: float, end_ms: float) -> bool:
        return self.begin_ms <= begin_ms and end_ms <= self.end_ms

    def in_whole_minutes(self) -> Span:
        end_ms = -(-self.end_ms // MINUTE_MS) * MINUTE_MS
        return Span(self.begin_ms // MINUTE_MS * MINUTE_MS, end_ms)

    def __str__(self) -> str:
        return f"{clock_time(self.begin_ms)}–{clock_time(self.end_ms)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A stored alert and its delivery."""

    id: int
    key: str
    kind: str
    symbol: str
    direction: str
    ts: float
    event_ms: int
    candle_ms: int | None
    metric: float
    note: str
    late: bool
    told_before_pct: float | None
    episode_key: str | None
    is_unfinished: bool
    """A burst told while its candle ran, of which nobody saw the close."""
    state: str
    message_id: int | None
    attempts: int

    @property
    def is_escalation(self) -> bool:
        return self.told_before_pct is not None

    def __str__(self) -> str:
        return f"#{self.id} {self.key} at {clock_time(self.event_ms)}{' late' if self.late else ''}"


def stored(database: Path) -> list[Row]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as db:
        found = db.execute(
            "SELECT id, key, kind, symbol, direction, ts, event_ms, candle_ms, metric, note, late, details, "
            "state, message_id, attempts FROM alerts LEFT JOIN deliveries ON alert_id = id ORDER BY id"
        ).fetchall()
    rows = []
    for *most, details, state, message_id, attempts in found:
        known = dict(zip(Row.__slots__, most, strict=False))
        known["late"] = bool(known["late"])
        more = msgspec.json.decode(details or "{}")
        rows.append(
            Row(
                **known,
                told_before_pct=more.get("told_before_pct"),
                episode_key=more.get("episode_key"),
                is_unfinished="running_s" in more and not more.get("is_completed"),
                state=state,
                message_id=message_id,
                attempts=attempts or 0,
            )
        )
    return rows


# --- what was expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """One alert that the market calls for. span: where its event time may lie, of a late telling as well.

    within: when it took place. is_in_candle: the closed candles alone show it, so hindsight can find it.
    """

    kind: str
    symbol: str
    directions: frozenset[str]
    span: Span
    within: Span
    is_in_candle: bool
    event: Event

    def fits(self, row: Row, *, shown_ms: float) -> bool:
        """shown_ms: when data came for the first time after it had begun; nobody can tell of it before."""
        end_ms = max(self.span.end_ms, shown_ms + SKEW_MS + 5_000)
        return (
            row.kind == self.kind
            and row.symbol == self.symbol
            and row.direction in self.directions
            and self.span.begin_ms <= row.event_ms <= end_ms
        )

    def __str__(self) -> str:
        return f"{type(self.event).__name__} of {self.symbol} at {clock_time(self.within.begin_ms)}"


def expected(market: SeededMarket, events: Sequence[Event], symbols: Sequence[str]) -> Iterator[Expected]:
    for event in events:
        if isinstance(event, Pump | Dump):
            direction = "PUMP" if isinstance(event, Pump) else "DUMP"
            yield _move(market, event, event.symbol, direction, event.over_s)
        elif isinstance(event, Crash):
            for symbol in symbols:
                yield _move(market, event, symbol, "DUMP", event.over_s)
        elif isinstance(event, Burst):
            open_ms = event.at_ms // MINUTE_MS * MINUTE_MS
            yield Expected(
                kind="vol",
                symbol=event.symbol,
                directions=frozenset({"UP", "DOWN"}),
                span=Span(open_ms - SKEW_MS, open_ms + MINUTE_MS + SKEW_MS + 5_000),  # as soon as it is certain
                within=Span(open_ms, open_ms + MINUTE_MS),
                is_in_candle=True,
                event=event,
            )
        elif isinstance(event, OiStep):
            yield Expected(
                kind="oi",
                symbol=event.symbol,
                directions=frozenset({"UP" if event.pct > 0 else "DOWN"}),
                span=Span(event.at_ms - SKEW_MS, event.at_ms + 400_000),
                within=Span(event.at_ms, event.at_ms + 1),
                is_in_candle=False,
                event=event,
            )


def _move(market: SeededMarket, event: Pump | Dump | Crash, symbol: str, direction: str, over_s: float) -> Expected:
    end_ms = event.at_ms + round(over_s * 1000)
    sign = 1 if direction == "PUMP" else -1
    shown = [
        ((candle.high if sign > 0 else candle.low) / candle.open - 1) * 100 * sign
        for candle in market.klines(symbol, event.at_ms // MINUTE_MS * MINUTE_MS, end_ms)
    ]
    return Expected(
        kind="price",
        symbol=symbol,
        directions=frozenset({direction}),
        span=Span(event.at_ms - SKEW_MS, end_ms + MINUTE_MS + SKEW_MS + 5_000),
        within=Span(event.at_ms, end_ms),
        is_in_candle=max(shown) >= THRESHOLD_PCT + 0.1,
        event=event,
    )
