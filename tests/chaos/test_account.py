"""An account that cannot find a fault proves nothing: one quiet quarter of an hour, tampered with in every way."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from copy import copy
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from altmonitor.sim.control import RestFault
from altmonitor.sim.telegram.values import SimMessage, Violation
from tests.chaos.account import account
from tests.chaos.day import Day, Request, day
from tests.chaos.ledger import Span, clock_time, stored

HOURS, SPEEDS = 0.5, (100.0, 50.0, 25.0)
PAUSES_MOST = 0.1  # of that time
MINUTE_MS, STEP_MS = 60_000, 2_000
ENDS_DATA = ("feed", "kill", "stop")


@pytest.mark.timeout(600)
async def test_every_kind_of_tampering_is_found(folder: Path) -> None:
    """On a machine that pauses at every turn what is planted is put down to a pause: then again at half the speed."""
    for speed in SPEEDS:
        pauses_s = 0.0
        async with day(place(folder, speed), seed=4, hours=HOURS, speed=speed) as today:
            try:
                await today.play()
                assert account(today).problems == []
                pauses_s = today.stalls.total_s()
                all_is_found(today)
            except AssertionError:
                pauses_s = max(pauses_s, today.stalls.total_s())
                if pauses_s * speed < PAUSES_MOST * HOURS * 3_600:
                    raise
            else:
                return
    pytest.skip("the machine paused too often to tell a planted fault from a pause")


def all_is_found(today: Day) -> None:
    clean, changed = today.folder, today.folder.with_name("changed")
    # What a busy machine did to this half hour must not excuse what is planted.
    today.stalls.spans.clear()
    today.fed_ms[:] = steady(today)
    known = account(today).problems
    said = today.telegram.chats[today.destination.chat_id]
    alerts = [message for message in said if message.text.startswith(("📈", "📉", "📊", "🔼", "🔽"))]
    assert len(alerts) >= 3
    kept = list(said)

    first = next(row.id for row in stored(today.database) if row.message_id == alerts[0].message_id)

    def found(*statements: str) -> str:
        """The problems with these changes made to a copy of the database; the chat is as it was afterwards.

        :first is the alert of the first message.
        """
        shutil.rmtree(changed, ignore_errors=True)
        shutil.copytree(clean, changed)
        with closing(sqlite3.connect(changed / "alerts.db")) as db:
            for statement in statements:
                assert db.execute(statement, {"first": first}).rowcount > 0
            db.commit()
        problems = [line for line in account(replace(today, folder=changed)).problems if line not in known]
        said[:] = kept
        return "\n".join(problems)

    assert found() == ""
    said.remove(alerts[0])
    assert "lost: #" in found()
    said.append(again(alerts[0], message_id=9_999))
    assert "told twice without a mark: message 9999" in found()
    problems = found("DELETE FROM alerts WHERE id = :first", "DELETE FROM deliveries WHERE alert_id = :first")
    assert "missed without a word" in problems
    assert "told twice without a mark" in problems
    assert "is queued" in found("UPDATE deliveries SET state = 'queued' WHERE alert_id = :first")
    assert "belongs to no event" in found("UPDATE alerts SET event_ms = event_ms + 1800000 WHERE id = :first")
    assert "invented" in found("UPDATE alerts SET metric = metric * 2 WHERE kind != 'oi'")
    said.append(again(alerts[0], text="🔴 BLIND since 14:20:00 UTC"))
    assert "blind and never back" in found()
    said.append(again(alerts[0], text=idle_report(today), date_ms=quiet_ms(today) + 10 * MINUTE_MS))
    assert "minutes that were seen are reported as missed" in found()

    tampered(today, found)
    slow(today, said, found)


def place(folder: Path, speed: float) -> Path:
    found = folder / f"{speed:g}" / "clean"
    found.mkdir(parents=True)
    return found


def steady(today: Day) -> list[int]:
    """Without the gaps in which the simulators did not get to run: those that no fault made."""
    blind = [Span(began_ms, ended_ms) for began_ms, ended_ms, fault in today.played if fault.name.startswith(ENDS_DATA)]
    found = today.fed_ms[:1]
    for before_ms, after_ms in pairwise(today.fed_ms):
        if after_ms - before_ms < MINUTE_MS or not any(span.meets(before_ms, after_ms) for span in blind):
            found += range(before_ms + STEP_MS, after_ms, STEP_MS)
        found.append(after_ms)
    return found


def quiet_ms(today: Day) -> int:
    """A moment with data, far from every fault."""
    troubles = [ms for began_ms, ended_ms, _ in today.played for ms in (began_ms, ended_ms)]
    fed_ms = [ms for ms in today.fed_ms if today.fed_ms[0] + 2 * MINUTE_MS < ms < today.fed_ms[-1] - 10 * MINUTE_MS]
    return max(fed_ms, key=lambda ms: min(abs(ms - other) for other in troubles))


def idle_report(today: Day) -> str:
    begin_ms = quiet_ms(today)
    return f"Data is back after 10 min\nNot seen: {clock_time(begin_ms)} – {clock_time(begin_ms + 10 * MINUTE_MS)} UTC"


def tampered(today: Day, found: Callable[[], str]) -> None:
    """With what the simulators saw."""
    fed_ms = list(today.fed_ms)
    hole_ms = quiet_ms(today)
    today.fed_ms[:] = [at_ms for at_ms in fed_ms if not hole_ms <= at_ms <= hole_ms + 4 * MINUTE_MS]
    assert found().count("had no data and is in no report") == 3
    with paused(today, hole_ms, hole_ms + 60_000):
        assert found().count("had no data and is in no report") == 3
    with paused(today, hole_ms, hole_ms + 4 * MINUTE_MS):
        assert found() == ""
    today.fed_ms[:] = fed_ms

    requests = today.faults.requests
    middle = requests[len(requests) // 2]
    refusal = RestFault(status=418, retry_after="600")
    planted = Request(middle.at_ms, middle.at_ms, middle.path, None, refusal)
    requests.insert(len(requests) // 2, planted)
    assert "requests while refused" in found()
    with paused(today, middle.at_ms, middle.at_ms + 25_000):
        assert "requests while refused" in found()
    with paused(today, middle.at_ms - 25_000, middle.at_ms + 20_000):
        assert found() == ""
    requests.remove(planted)

    flood = Violation(at_ms=hole_ms, chat_id=today.destination.chat_id, rule="chat", retry_after_s=5)
    today.telegram.violations.append(flood)
    assert "a limit of Telegram was broken" in found()
    with paused(today, hole_ms - 4_900, hole_ms):
        assert "a limit of Telegram was broken" in found()
    with paused(today, hole_ms - 5_000, hole_ms):
        assert found() == ""
    today.telegram.violations.remove(flood)


def slow(today: Day, said: list[SimMessage], found: Callable[[], str]) -> None:
    """The first alert of a calm half hour, five minutes after it should have come."""
    event_ms = {row.message_id: row.event_ms for row in stored(today.database) if not row.late}
    in_time = [(at, message) for at, message in enumerate(said) if message.message_id in event_ms]
    assert in_time
    destination, message = in_time[0]
    told_ms = event_ms[message.message_id] + 5 * MINUTE_MS
    played, today.played = today.played, []
    said[destination] = again(message, date_ms=told_ms)
    assert "slow: #" in found()
    said[destination] = again(message, date_ms=told_ms)
    with paused(today, told_ms - 4 * MINUTE_MS, told_ms - 1 * MINUTE_MS):
        assert "slow: #" in found()
    said[destination] = again(message, date_ms=told_ms)
    with paused(today, told_ms - 5 * MINUTE_MS, told_ms):
        assert found() == ""
    today.played = played


@contextmanager
def paused(today: Day, begin_ms: float, end_ms: float) -> Iterator[None]:
    """The machine let nobody run in this time."""
    spans = list(today.stalls.spans)
    apart = [span for span in spans if not span.meets(begin_ms, end_ms)]
    today.stalls.spans[:] = sorted([*apart, Span(begin_ms, end_ms)], key=lambda span: span.begin_ms)
    yield
    today.stalls.spans[:] = spans


def again(
    message: SimMessage, *, message_id: int | None = None, text: str | None = None, date_ms: int | None = None
) -> SimMessage:
    """Another message of the chat."""
    other = copy(message)
    if date_ms is not None:
        other.date_ms = date_ms
    if message_id is not None:
        other.message_id = message_id
    if text is not None:
        other.parsed = replace(message.parsed, text=text)
    return other
