"""An account that cannot find a fault proves nothing: one quiet quarter of an hour, tampered with in every way."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from copy import copy
from dataclasses import replace
from pathlib import Path

from altmonitor.sim.faults import RestFault
from altmonitor.sim.telegram_values import SimMessage
from tests.chaos.account import account
from tests.chaos.day import Day, Request, day
from tests.chaos.ledger import stored

HOURS, SPEED = 0.5, 100
MINUTE_MS = 60_000


async def test_every_kind_of_tampering_is_found(tmp_path: Path) -> None:
    clean, changed = tmp_path / "clean", tmp_path / "changed"
    clean.mkdir()
    async with day(clean, seed=4, hours=HOURS, speed=SPEED) as today:
        await today.play()
        assert account(today).problems == []
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
            problems = account(replace(today, folder=changed)).problems
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

        tampered(today, found)


def tampered(today: Day, found: Callable[[], str]) -> None:
    """With what the simulators saw."""
    fed_ms = list(today.fed_ms)
    hole_ms = fed_ms[len(fed_ms) // 2]
    today.fed_ms[:] = [at_ms for at_ms in fed_ms if not hole_ms <= at_ms <= hole_ms + 4 * MINUTE_MS]
    assert found().count("had no data and is in no report") == 3
    today.fed_ms[:] = fed_ms

    requests = today.faults.requests
    middle = requests[len(requests) // 2]
    refusal = RestFault(status=418, retry_after="600")
    requests.insert(len(requests) // 2, Request(middle.at_ms, middle.path, None, refusal))
    assert "requests while refused" in found()
    requests.remove(Request(middle.at_ms, middle.path, None, refusal))

    today.telegram.violations.append("planted")  # type: ignore[arg-type]
    assert "a limit of Telegram was broken: planted" in found()
    today.telegram.violations.clear()


def again(message: SimMessage, *, message_id: int | None = None, text: str | None = None) -> SimMessage:
    """Another message of the chat."""
    other = copy(message)
    if message_id is not None:
        other.message_id = message_id
    if text is not None:
        other.parsed = replace(message.parsed, text=text)
    return other
