"""`/history` and `/stats`: what was found, and whether it reached the reader."""

from __future__ import annotations

from altmonitor.commands.replies import HistoryShown, StatsShown
from altmonitor.core.alert import ToldAlert
from altmonitor.render import format as n
from altmonitor.render.alerts import condition_text, headline_key, measured
from altmonitor.render.blocks import joined, words
from altmonitor.render.position_alerts import position_value
from altmonitor.render.style import Style
from altmonitor.render.texts.reply_texts import say_reply


def history_lines(reply: HistoryShown, style: Style) -> list[str]:
    lang = style.lang
    filters = joined(
        words([reply.symbol]) if reply.symbol else "",
        say_reply(lang, f"kind_{reply.kind}") if reply.kind else "",
    )
    if not reply.alerts:
        none = say_reply(lang, "history_none_of", filters=filters) if filters else say_reply(lang, "history_none")
        near = say_reply(lang, "did_you_mean", suggestions=words(reply.suggestions)) if reply.suggestions else ""
        return [line for line in (none, near) if line]
    count = len(reply.alerts)
    title = say_reply(lang, "history_one") if count == 1 else say_reply(lang, "history", count=count)
    rows = [told_text(told, reply.now_s, style) for told in reply.alerts]
    return [title, *([say_reply(lang, "history_of", filters=filters)] if filters else []), *rows]


def told_text(told: ToldAlert, now_s: float, style: Style) -> str:
    """When, what, how much, delivered or not; the time is the exchange's, as in the alert itself."""
    alert = told.alert
    value = measured(alert)
    shown = n.multiple(value) if alert.kind == "vol" else n.pct(value, 1 if alert.kind == "oi" else 2)
    if alert.kind == "condition":
        shown = condition_text(alert)
    elif alert.kind in ("position", "divergence"):
        shown = position_value(alert, style)
    time = n.when(alert.event_ms, style.tz, reference_ms=now_s * 1000)
    late = [style.say("late")] if alert.late else []
    what = " ".join([*late, style.say(headline_key(alert)), f"<code>{n.symbol_text(alert.symbol)}</code>", shown])
    return joined(time, what, say_reply(style.lang, f"delivery_{told.delivery}") if told.delivery else "")


def stats_lines(reply: StatsShown, style: Style) -> list[str]:
    lang, stats = style.lang, reply.stats
    if not stats.total:
        return [say_reply(lang, "stats_none", hours=reply.hours)]
    kinds = joined(*(f"{say_reply(lang, f'kind_{kind}')} {count}" for kind, count in stats.by_kind.items() if count))
    return [
        say_reply(lang, "stats", total=stats.total, hours=reply.hours),
        say_reply(lang, "stats_kinds", kinds=kinds),
        say_reply(lang, "stats_top"),
        *(f"{count}× <code>{n.symbol_text(symbol)}</code>" for symbol, count in stats.by_symbol),
    ]
