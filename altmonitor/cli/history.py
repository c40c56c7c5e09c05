"""`altmonitor history` and `altmonitor stats`: stored alerts, for a person or for a machine."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Collection
from datetime import datetime
from typing import Final

import msgspec
from rich.console import RenderableType

from altmonitor.cli.common import Answer, Session, print_answer
from altmonitor.cli.outcomes import outcome_summary_values, summary_in
from altmonitor.commands.record import STATS_TOP
from altmonitor.commands.replies import HistoryShown, StatsShown
from altmonitor.core.alert import Kind, StoredAlert
from altmonitor.core.errors import ConfigError
from altmonitor.core.outcome import LINE_HORIZON_MIN
from altmonitor.core.types import Venue
from altmonitor.render import format as n
from altmonitor.render.alert_values import headline_key, over_text
from altmonitor.render.format import Style
from altmonitor.render.kinds import value_text
from altmonitor.render.outcomes import outcome_stats_lines
from altmonitor.render.replies_market import history_head, history_reference_s, stats_lines
from altmonitor.render.tables import table
from altmonitor.render.texts.reply_texts import say_reply
from altmonitor.settings.days import bounds_ms, past_day
from altmonitor.settings.input import find, nearest, spelled
from altmonitor.storage.alert_queries import alert_reader

USUAL: Final = 20
USUAL_OF_A_DAY: Final = 1000
NO_DAY: Final = (
    "is not one day of the past. Write it as 2026-11-29, 29.11, 29.11.2026, 29 Nov, today, yesterday or monday"
)


def history(
    session: Session,
    *,
    symbol: str | None,
    limit: int | None,
    kind: Kind | None,
    as_json: bool,
    date: str | None = None,
    venue: Venue | None = None,
) -> int:
    """Print stored alerts, newest first. limit: None for as many as usual. date: only of this day in ALERT_TZ, as
    typed. Returns the exit code. Raises: StorageError, ConfigError for what is no day of the past."""
    now_s = session.clock.now_ms() / 1000
    zone = session.style.tz
    day = None if date is None else past_day(date, today=datetime.fromtimestamp(now_s, zone).date())
    if date is not None and day is None:
        raise ConfigError([f"--date {date}: {NO_DAY}"])
    most = limit or (USUAL if day is None else USUAL_OF_A_DAY)

    async def ask() -> Answer:
        async with alert_reader(session.config.alerts_at) as alerts:
            name, near = (None, ()) if symbol is None else _meant(symbol, await alerts.symbols())
            found = await alerts.recent(
                limit=most if day is None else most + 1,
                symbol=name,
                kind=kind,
                venue=venue,
                event_between_ms=None if day is None else bounds_ms(day, zone),
            )
        rows = found[:most]
        reply = HistoryShown(
            alerts=rows,
            limit=most,
            symbol=name,
            kind=kind,
            now_s=now_s,
            suggestions=() if rows else near,
            day=day,
            has_more=len(found) > most,
            kept_days=session.config.retention_days,
            venue=venue,
        )
        values = [msgspec.to_builtins(row.alert) | {"delivery": row.delivery} for row in rows]
        return Answer(values=values, lines=history_table(reply, session.style))

    return print_answer(asyncio.run(ask()), as_json=as_json)


def _meant(word: str, known: Collection[str]) -> tuple[str, tuple[str, ...]]:
    """The contract a word names, as in the chat; of one without alerts what it may mean. known: those with some."""
    found = find(word, known)
    return (found, ()) if found is not None else (spelled(word) or word, nearest(word, known))


def stats(session: Session, *, hours: int, venue: Venue | None, as_json: bool) -> int:
    """Print counts of stored alerts. Returns the exit code. Raises: StorageError."""

    async def ask() -> Answer:
        async with alert_reader(session.config.alerts_at) as alerts:
            found = await alerts.stats(since_s=session.clock.now_ms() / 1000 - hours * 3600, top=STATS_TOP, venue=venue)
            summary = await summary_in(session, alerts)
        rows = tuple(row for row in summary.whole if row.horizon_min == LINE_HORIZON_MIN)
        values = {
            "hours": hours,
            "total": found.total,
            "by_kind": dict(found.by_kind),
            "by_venue": dict(found.by_venue),
            "by_symbol": found.by_symbol,
            "outcomes": outcome_summary_values(summary),
        }
        reply = StatsShown(hours=hours, stats=found, outcomes=rows, venue=venue)
        return Answer(values=values, lines=stats_table(reply, session.style))

    return print_answer(asyncio.run(ask()), as_json=as_json)


# --- tables, in the reader's language ---------------------------------------------------------------------------------

_TIME, _ALERT, _CONTRACT, _SIZE, _PRICE, _DELIVERY = range(6)


def history_table(reply: HistoryShown, style: Style) -> list[RenderableType]:
    head: list[RenderableType] = [_bare(line) for line in history_head(reply, style)]
    if not reply.alerts:
        return head
    reference_ms = history_reference_s(reply, style) * 1000
    names = ("time", "alert", "contract", "size", "price", "delivery")
    columns = [say_reply(style.lang, f"column_{name}") for name in names]
    rows = [_row(told, reference_ms, style) for told in reply.alerts]
    words, whole = {*range(len(names))} - {_PRICE}, {*range(len(names))} - {_ALERT, _SIZE}
    return [*head, table(columns, rows, words=words, whole=whole)]


def _row(told: StoredAlert, reference_ms: float, style: Style) -> tuple[str, ...]:
    alert = told.alert
    late = [style.say("late")] if alert.late else []
    return (
        _time(alert.event_ms, reference_ms, style),
        _bare(" ".join([*late, style.say(headline_key(alert))])),
        n.symbol_text(alert.symbol),
        _bare(" ".join(text for text in (value_text(alert, style), over_text(alert, style)) if text)),
        "" if alert.price is None else n.price(alert.price),
        say_reply(style.lang, f"delivery_{told.delivery}") if told.delivery else "",
    )


def _time(event_ms: int, reference_ms: float, style: Style) -> str:
    """With its zone where it is of the day that goes without saying, with its date and no zone where it is not."""
    if n.is_same_day(event_ms, reference_ms, style.tz):
        return n.when(event_ms, style.tz)
    moment, reference = (datetime.fromtimestamp(ms / 1000, style.tz) for ms in (event_ms, reference_ms))
    return moment.strftime("%m-%d %H:%M:%S" if moment.year == reference.year else "%Y-%m-%d %H:%M:%S")


def stats_table(reply: StatsShown, style: Style) -> list[RenderableType]:
    lang, stats = style.lang, reply.stats
    title = _bare(stats_lines(reply, style)[0])
    if not stats.total:
        return [title]
    alerts = say_reply(lang, "column_alerts")
    kinds = [(say_reply(lang, f"kind_{kind}"), f"{count:,}") for kind, count in stats.by_kind.items() if count]
    symbols = [(n.symbol_text(symbol), f"{count:,}") for symbol, count in stats.by_symbol]
    return [
        title,
        table((say_reply(lang, "column_kind"), alerts), kinds),
        table((say_reply(lang, "column_contract"), alerts), symbols),
        *map(_bare, outcome_stats_lines(reply.outcomes, style)),
    ]


def _bare(text: str) -> str:
    return html.unescape(n.without_markup(text))
