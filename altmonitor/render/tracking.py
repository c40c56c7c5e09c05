"""News of the tracker as one message of HTML."""

from __future__ import annotations

from altmonitor.render import format as n
from altmonitor.render.style import Style
from altmonitor.tracker.tracker_news import PositionMoved, TrackerBlocked, TrackerNews, TrackerRecovered, TrackerStuck

REASON_CHARS_MAX = 300


def tracking_text(news: TrackerNews, style: Style, *, now_ms: int) -> str:
    if isinstance(news, PositionMoved):
        return _position(news, style)
    series = style.say("series_" + news.series.value.replace("-", "_"))
    if isinstance(news, TrackerRecovered):
        return style.say("tracker_recovered", series=series, captured=news.captured, planned=news.planned)
    if isinstance(news, TrackerBlocked):
        return style.say(
            "tracker_blocked",
            series=series,
            time=n.when(news.until_ms, style.tz, reference_ms=now_ms),
            duration=n.duration((news.until_ms - now_ms) / 1000, style.lang),
            reason=_reason(news.reason),
        )
    return _stuck(news, style, series)


def _stuck(news: TrackerStuck, style: Style, series: str) -> str:
    told = style.say("tracker_" + news.kind, **_counts(news), series=series)
    return told + ("\n" + style.say("tracker_reason", reason=_reason(news.reason)) if news.reason else "")


def _counts(news: TrackerStuck) -> dict[str, int]:
    counts = {"sweeps": news.sweeps}
    return counts if news.kind == "stuck" else counts | {"planned": news.planned, "captured": news.captured}


def _position(news: PositionMoved, style: Style) -> str:
    alert, side = news.alert, news.change.long if news.alert.side == "long" else news.change.short
    values = {
        "symbol": n.symbol_text(alert.symbol),
        "side": style.say(f"side_{alert.side}"),
        "to": n.quantity(alert.to_coins),
    }
    if alert.step == "new":
        first = style.say("position_new", **values)
    else:
        minutes = f"{news.change.span_minutes:.0f}"
        moved = {"pct": n.pct(alert.change_pct), "minutes": minutes, "from_": n.quantity(alert.from_coins)}
        first = style.say("position_moved", **values, **moved)
    entry, price = n.price(side.to_avg_entry), n.price(news.change.mark_price)
    return first + "\n" + style.say("position_price", entry=entry, price=price)


def _reason(text: str) -> str:
    return n.escape(text if len(text) <= REASON_CHARS_MAX else text[: REASON_CHARS_MAX - 1] + "…")
