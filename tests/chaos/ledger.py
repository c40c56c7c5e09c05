"""The account of a day: what the market held, what was told, what was reported as missed, and which limits were kept.

Everything is compared from outside: the market's script and candles, the chat as a person sees it, the stored rows,
and the requests that reached the exchange.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from altmonitor.sim.market import SeededMarket
from altmonitor.sim.script import Burst, Crash, Dump, Event, OiStep, Pump
from altmonitor.sim.telegram_values import SimMessage

MINUTE_MS = 60_000
THRESHOLD_PCT = 3.0
LATE_AFTER_S = 660.0
"""An alert that waited 10 minutes is told as late; a minute for a message that was on its way."""
SKEW_MS = 7_000
"""The exchange's clock may be so far from the program's."""
MARK = re.compile(r"#(\d+) may have reached you already|Some of these may have reached you already")


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
        told_before = msgspec.json.decode(details or "{}").get("told_before_pct")
        rows.append(
            Row(**known, told_before_pct=told_before, state=state, message_id=message_id, attempts=attempts or 0)
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

    def fits(self, row: Row) -> bool:
        return (
            row.kind == self.kind
            and row.symbol == self.symbol
            and row.direction in self.directions
            and self.span.begin_ms <= row.event_ms <= self.span.end_ms
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
                span=Span(open_ms + MINUTE_MS - SKEW_MS, open_ms + MINUTE_MS + SKEW_MS + 5_000),
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


# --- what was reported


@dataclass(frozen=True, slots=True)
class Report:
    """A time that was told as not seen. is_filled: with the promise to tell afterwards what it held."""

    span: Span
    is_filled: bool


_TIME = r"(?:(\d{4}-\d\d-\d\d) )?(\d\d:\d\d:\d\d)"
_NOT_SEEN = re.compile(rf"Not seen: {_TIME} – {_TIME} UTC")
_BACK = re.compile(r"Data is back after")


def reports(said: Sequence[SimMessage]) -> list[Report]:
    found = []
    for message in said:
        match = _NOT_SEEN.search(message.text)
        if match is None:
            continue
        first_day, first, last_day, last = match.groups()
        end_ms = moment_ms(last_day or first_day, last, message.date_ms)
        begin_ms = moment_ms(first_day, first, end_ms)
        found.append(Report(Span(begin_ms, end_ms), "were fetched afterwards" in message.text))
    return found


def unpaired(said: Sequence[SimMessage]) -> Iterator[str]:
    """Blindness is told once, then its end; the end of the day finds nobody blind."""
    blind: SimMessage | None = None
    for message in said:
        if "BLIND" in message.text:
            if blind is not None and blind.text != message.text:  # the same text again: its answer got lost
                yield f"blind twice without being back: message {message.message_id}: {first_line(message)}"
            blind = message
        elif _BACK.search(message.text):
            blind = None
    if blind is not None:
        yield f"blind and never back: message {blind.message_id}: {first_line(blind)}"


def moment_ms(day: str | None, time: str, before_ms: float) -> float:
    """The named time of the named day, or the last such time of day up to `before_ms`."""
    if day is not None:
        return datetime.fromisoformat(f"{day}T{time}+00:00").timestamp() * 1000
    hour, minute, second = map(int, time.split(":"))
    of_day_ms = ((hour * 60 + minute) * 60 + second) * 1000
    midnight_ms = before_ms // 86_400_000 * 86_400_000
    moment = midnight_ms + of_day_ms
    return moment if moment <= before_ms + 1_000 else moment - 86_400_000


def clock_time(unix_ms: float) -> str:
    return datetime.fromtimestamp(unix_ms / 1000, UTC).strftime("%H:%M:%S")


def first_line(message: SimMessage) -> str:
    return message.text.partition("\n")[0]


# --- the chat against the rows

_HEADLINES = {
    ("price", "PUMP"): "PUMP",
    ("price", "DUMP"): "DUMP",
    ("oi", "UP"): "OI SURGE",
    ("oi", "DOWN"): "OI DROP",
    ("vol", "UP"): "VOLUME",
    ("vol", "DOWN"): "VOLUME",
}
_ALERT_SIGNS = ("📈", "📉", "🔼", "🔽", "📊", "📋", "⏳")


def tells(message: SimMessage, row: Row) -> bool:
    text = message.text.replace("\u00a0", " ")
    return row.symbol in text.split() and _HEADLINES[row.kind, row.direction] in text


def chat_problems(said: Sequence[SimMessage], rows: Sequence[Row]) -> Iterator[str]:
    """Every alert once: in the message that its row names, and in no other that does not say "possibly again"."""
    alerts = {message.message_id: message for message in said if message.text.startswith(_ALERT_SIGNS)}
    named: dict[int, list[Row]] = {}
    for row in rows:
        message = alerts.get(row.message_id or 0)
        if row.state != "sent":
            yield f"lost: {row} is {row.state}"
        elif message is None or not tells(message, row):
            yield f"lost: {row} is not in message {row.message_id}"
        else:
            named.setdefault(message.message_id, []).append(row)
            is_old = message.date_ms / 1000 - row.ts > LATE_AFTER_S
            if is_old and "LATE" not in first_line(message):
                yield f"old news as if it were new: {row} in message {message.message_id}"
            if MARK.search(message.text) and row.attempts < 2 and len(named[message.message_id]) == 1:
                yield f"marked in vain: {row}"
    for message in alerts.values():
        if message.message_id not in named:
            yield from _again_problems(message, alerts, rows)
        elif message.text.startswith(("📋", "⏳ LATE:")):
            yield from _digest_problems(message, named[message.message_id])


def _again_problems(message: SimMessage, alerts: dict[int, SimMessage], rows: Sequence[Row]) -> Iterator[str]:
    """A message that no row names: what it told is told again later, and that says so."""
    again = [
        row
        for row in rows
        if tells(message, row)
        and (row.message_id or 0) > message.message_id
        and row.event_ms <= message.date_ms + SKEW_MS
        and row.attempts > 1
        and MARK.search(alerts[row.message_id or 0].text)
    ]
    if not again:
        yield f"told twice without a mark: message {message.message_id}: {first_line(message)}"


def _digest_problems(message: SimMessage, rows: Sequence[Row]) -> Iterator[str]:
    said = re.search(r"([\d,]+) alerts?", message.text)
    if said is not None and "(1/" not in first_line(message) and "/" not in first_line(message):
        count = int(said[1].replace(",", ""))
        if count != len(rows):
            yield f"digest {message.message_id} speaks of {count} alerts, {len(rows)} rows name it"
