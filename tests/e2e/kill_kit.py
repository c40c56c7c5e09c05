"""Kill after kill: the market that keeps firing, and what the database says against what the chat holds."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import msgspec

from altmonitor.sim.market import SeededMarket
from altmonitor.sim.script import Dump, Event, Pump
from altmonitor.sim.telegram.values import SimMessage
from altmonitor.sim.wire import Frame
from tests.e2e.process import World, watched

SPACING_S = 0.2
COOLDOWN_S = 90
MARGIN_MS = 2_000
"""So long a frame may take to be told, on a machine that does other things as well."""
MARK = "may have reached you already"


class WatchedMarket(SeededMarket):
    """Remembers when it pushed candles beyond ±3 %: what a monitor that sees them must tell."""

    def __init__(self, *, seed: int, start_ms: int, events: int) -> None:
        super().__init__(seed=seed, start_ms=start_ms, symbols=400, frames_per_s=600)
        self.add(*moves(watched(self), random.Random(seed), start_ms=start_ms + 5_000, count=events))
        self.beyond: list[tuple[int, str, str]] = []

    def frames(self, after_ms: int, until_ms: int) -> list[Frame]:
        found = super().frames(after_ms, until_ms)
        for frame in found:
            event = msgspec.json.decode(frame.event)
            if event["e"] == "kline" and not event["k"]["x"]:
                change = (float(event["k"]["c"]) / float(event["k"]["o"]) - 1) * 100
                if abs(change) >= 3:
                    self.beyond.append((event["E"], event["s"], "PUMP" if change > 0 else "DUMP"))
        return found


def moves(symbols: list[str], chance: random.Random, *, start_ms: int, count: int) -> list[Event]:
    """Rises of 4 %, one after the other through all symbols, then as many falls, and so on."""
    script: list[Event] = []
    while len(script) < count:
        kind = Pump if len(script) // len(symbols) % 2 == 0 else Dump
        for symbol in chance.sample(symbols, len(symbols)):
            script.append(kind(symbol, start_ms + round(len(script) * SPACING_S * 1000), 4.0, 0.3))
    return script


@dataclass(slots=True, kw_only=True)
class Life:
    """One run. live_ms: from when it saw everything, None when it was killed before that. said: messages in the chat
    at its end. committed: keys in the database then; unsure: of those that wait and may be in the chat already."""

    ended_ms: int = 0
    live_ms: int | None = None
    said: int = 0
    committed: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An alert and its delivery."""

    key: str
    symbol: str
    direction: str
    event_ms: int
    state: str
    message_id: int
    attempts: int


def stored(here: World) -> list[Row]:
    found = here.rows(
        "SELECT key, symbol, direction, event_ms, state, message_id, attempts "
        "FROM alerts LEFT JOIN deliveries ON alert_id = id ORDER BY id"
    )
    return [Row(**dict(zip(Row.__slots__, row, strict=True))) for row in found]


def tells(message: SimMessage, row: Row) -> bool:
    return {row.symbol, row.direction} <= set(message.text.split())


def alert_messages(here: World) -> list[SimMessage]:
    """Operator news name either no symbol or no move."""
    symbols = set(here.symbols)
    return [message for message in here.said if _names(message, symbols) and _names(message, {"PUMP", "DUMP"})]


def times_told(here: World) -> int:
    """A digest may be edited to hold more."""
    return sum(1 + len(message.edits) for message in alert_messages(here))


def _names(message: SimMessage, words: set[str]) -> bool:
    return not words.isdisjoint(message.text.split())


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What the database says against what the chat holds.

    lost: alerts that are stored and not in the chat. copies: per run, messages that hold alerts which the next run told
    again. unmarked: alerts told again without saying so. in_vain: marked messages of alerts sent in one attempt.
    unknown: messages about no stored alert.
    """

    rows: list[Row]
    lost: list[Row] = field(default_factory=list)
    copies: list[set[int]] = field(default_factory=list)
    unmarked: list[Row] = field(default_factory=list)
    in_vain: list[SimMessage] = field(default_factory=list)
    unknown: list[SimMessage] = field(default_factory=list)


def compared(here: World, lives: list[Life]) -> Outcome:
    said = {message.message_id: message for message in alert_messages(here)}
    found = Outcome(rows=stored(here))
    for row in found.rows:
        message = said.get(row.message_id)
        if row.state != "sent" or message is None or not tells(message, row):
            found.lost.append(row)
    kept = [row for row in found.rows if row not in found.lost]
    said_before = 0
    for life in lives:
        own = [message for message in said.values() if said_before < message.message_id <= life.said]
        said_before = life.said
        again = [
            (message.message_id, row)
            for row in kept
            if row.key in life.unsure
            for message in own
            if message.message_id != row.message_id and tells(message, row)
        ]
        found.copies.append({message_id for message_id, _ in again})
        found.unmarked += [row for _, row in again if MARK not in said[row.message_id].text or row.attempts == 1]
    more_than_once = {row.message_id for row in kept if row.attempts > 1}
    known = {row.message_id for row in kept}.union(*found.copies)
    excused = more_than_once.union(*found.copies)
    found.in_vain = [
        message for message_id, message in said.items() if MARK in message.text and message_id not in excused
    ]
    found.unknown = [message for message_id, message in said.items() if message_id not in known]
    return found


def twice_in_cooldown(told: list[Row]) -> list[Row]:
    last_ms: dict[tuple[str, str], int] = {}
    found = []
    for row in told:
        before_ms = last_ms.get((row.symbol, row.direction))
        last_ms[row.symbol, row.direction] = row.event_ms
        if before_ms is not None and row.event_ms - before_ms < COOLDOWN_S * 1000:
            found.append(row)
    return found


def seen(market: WatchedMarket, lives: list[Life]) -> set[tuple[int, str, str]]:
    """Pushes beyond the threshold that reached a program which lived on long enough to tell them."""
    return {
        push
        for push in market.beyond
        if any(life.live_ms is not None and life.live_ms <= push[0] <= life.ended_ms - MARGIN_MS for life in lives)
    }


def is_raised(push: tuple[int, str, str], told: list[Row]) -> bool:
    at_ms, symbol, direction = push
    return any(
        (row.symbol, row.direction) == (symbol, direction) and abs(row.event_ms - at_ms) < COOLDOWN_S * 1000
        for row in told
    )
