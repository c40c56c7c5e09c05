"""Stored alerts and their counts as tables for a terminal, in the reader's language."""

from __future__ import annotations

import html
from datetime import datetime

from rich.console import RenderableType

from altmonitor.commands.replies import HistoryShown, StatsShown
from altmonitor.core.alert import StoredAlert
from altmonitor.render import format as n
from altmonitor.render.format import Style
from altmonitor.render.kinds import headline_key, over_text, value_text
from altmonitor.render.outcomes import outcome_stats_lines
from altmonitor.render.replies_market import history_head, history_reference_s, stats_lines
from altmonitor.render.tables import table
from altmonitor.render.texts.reply_texts import say_reply

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
