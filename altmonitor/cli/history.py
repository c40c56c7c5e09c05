"""`altmonitor history` and `altmonitor stats`: stored alerts, for a person or for a machine."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Collection

import msgspec

from altmonitor.cli.common import Answer, Session, print_answer
from altmonitor.commands.record import STATS_TOP
from altmonitor.commands.replies import HistoryShown, Reply, StatsShown
from altmonitor.core.alert import Kind
from altmonitor.render.format import without_markup
from altmonitor.render.replies import reply_parts
from altmonitor.settings.input import find, nearest, spelled
from altmonitor.storage.alert_queries import alert_reader


def history(session: Session, *, symbol: str | None, limit: int, kind: Kind | None, as_json: bool) -> int:
    """Print stored alerts, newest first. Returns the exit code. Raises: StorageError."""

    async def ask() -> Answer:
        async with alert_reader(session.config.db_file) as alerts:
            name, near = (None, ()) if symbol is None else _meant(symbol, await alerts.symbols())
            rows = await alerts.recent(limit=limit, symbol=name, kind=kind)
        now_s = session.clock.now_ms() / 1000
        reply = HistoryShown(
            alerts=rows, limit=limit, symbol=name, kind=kind, now_s=now_s, suggestions=() if rows else near
        )
        return _answer(session, reply, [msgspec.to_builtins(row.alert) | {"delivery": row.delivery} for row in rows])

    return print_answer(asyncio.run(ask()), as_json=as_json)


def _meant(word: str, known: Collection[str]) -> tuple[str, tuple[str, ...]]:
    """The contract a word names, as in the chat, and what else it may mean. known: those with stored alerts."""
    return find(word, known) or spelled(word) or word, nearest(word, known)


def stats(session: Session, *, hours: int, as_json: bool) -> int:
    """Print counts of stored alerts. Returns the exit code. Raises: StorageError."""

    async def ask() -> Answer:
        async with alert_reader(session.config.db_file) as alerts:
            found = await alerts.stats(since_s=session.clock.now_ms() / 1000 - hours * 3600, top=STATS_TOP)
        values = {"hours": hours, "total": found.total, "by_kind": dict(found.by_kind), "by_symbol": found.by_symbol}
        return _answer(session, StatsShown(hours=hours, stats=found), values)

    return print_answer(asyncio.run(ask()), as_json=as_json)


def _answer(session: Session, reply: Reply, values: object) -> Answer:
    lines = [html.unescape(without_markup(part)) for part in reply_parts(reply, session.style)]
    return Answer(values=values, lines=lines)
