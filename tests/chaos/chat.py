"""The chat as a person sees it: which times were reported as not seen, and whether every alert is there once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from altmonitor.sim.telegram.values import SimMessage
from tests.chaos.ledger import SKEW_MS, Row, Span
from tests.chaos.stalls import Stalls

LATE_AFTER_MS = 600_000
"""An alert that waited so long is told as late."""
ON_ITS_WAY_MS = 60_000
"""For a message that had been begun by then. A pause of the machine while it was on its way is not counted."""
MARK = re.compile(r"#(\d+) may have reached you already|Some of these may have reached you already")

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


def happened_ms(message: SimMessage) -> float:
    """When a piece of news took place; its message may have come much later."""
    match = re.fullmatch(rf"{_TIME} UTC", message.text.splitlines()[-1])
    if match is None:
        raise ValueError(f"no time at the end of: {message.text}")
    return moment_ms(match[1], match[2], message.date_ms)


def moment_ms(day: str | None, time: str, before_ms: float) -> float:
    """The named time of the named day, or the last such time of day up to `before_ms`."""
    if day is not None:
        return datetime.fromisoformat(f"{day}T{time}+00:00").timestamp() * 1000
    hour, minute, second = map(int, time.split(":"))
    of_day_ms = ((hour * 60 + minute) * 60 + second) * 1000
    midnight_ms = before_ms // 86_400_000 * 86_400_000
    moment = midnight_ms + of_day_ms
    return moment if moment <= before_ms + 1_000 else moment - 86_400_000


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
_ALERT_SIGNS = ("📈", "📉", "🔼", "🔽", "📊", "📋", "⏳ LATE")


def tells(message: SimMessage, row: Row) -> bool:
    text = message.text.replace("\u00a0", " ")
    return row.symbol in text.split() and _HEADLINES[row.kind, row.direction] in text


def chat_problems(said: Sequence[SimMessage], rows: Sequence[Row], stalls: Stalls) -> Iterator[str]:
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
            is_old = stalls.ran_ms(row.ts * 1000 + LATE_AFTER_MS, message.date_ms) > ON_ITS_WAY_MS
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
    if said is not None and "/" not in first_line(message):  # a part of several counts the whole
        count = int(said[1].replace(",", ""))
        if count != len(rows):
            yield f"digest {message.message_id} speaks of {count} alerts, {len(rows)} rows name it"
