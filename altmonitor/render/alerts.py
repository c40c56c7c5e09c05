"""One alert → one message: what, how much, over which window; then the facts around it; then when.

The first line alone must do: it is all a locked phone shows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from altmonitor.core.alert import Alert, VenueMove
from altmonitor.core.types import VENUE_TITLES
from altmonitor.detectors.kinds import KINDS
from altmonitor.interfaces.delivery import Press
from altmonitor.market.contracts import base_of
from altmonitor.render import format as n
from altmonitor.render.alert_lines import SAMPLED_LIQUIDATIONS
from altmonitor.render.alert_parts import (
    chart_page,
    episode_lines,
    exchange_page,
    press_lines,
    standing_line,
    tracked_line,
    whale_line,
)
from altmonitor.render.alert_values import headline_key, number, window_of
from altmonitor.render.format import Style, joined
from altmonitor.render.kinds import FACES, value_text
from altmonitor.render.outcomes import outcome_line
from altmonitor.settings.settings import Unit

_HASH_TAG = re.compile(r"[A-Z0-9_]+")


def alert_html(
    alert: Alert,
    style: Style,
    *,
    maybe_repeated: bool,
    presses: Sequence[Press] = (),
    has_buttons: bool = False,
) -> str:
    """Telegram HTML, at most 4,096 UTF-16 units. maybe_repeated: an earlier attempt may have arrived. presses: what was
    pressed under it. has_buttons: the links stand under it and not in it."""
    lines = [
        style.say("sample") if alert.details.is_sample else "",
        _headline(alert, style),
        *FACES[alert.kind].lines(alert, style),
        joined(_day(alert, style)),
        whale_line(alert, style),
        tracked_line(alert, style),
        standing_line(alert, window_of(alert), style),
        outcome_line(alert, style) if style.has_outcome_line else "",
        *episode_lines(alert, style),
        *venue_lines(alert, style),
        _time_line(alert, style),
    ]
    if maybe_repeated and alert.id is not None:
        lines.append(f"<i>{style.say('maybe_repeated', id=alert.id)}</i>")
    lines.append((hash_tag(alert.symbol) or "") if has_buttons else _links(alert, style))
    lines += press_lines(presses, style)
    return "\n".join(line for line in lines if line)


def hash_tag(symbol: str) -> str | None:
    """`#SWARMS`; None where Telegram would not make a tag of it."""
    base = base_of(symbol)
    tag = symbol if base.isdigit() else base
    return f"#{tag}" if _HASH_TAG.fullmatch(tag) and not tag.isdigit() and len(tag) <= n.SYMBOL_CHARS_MAX else None


def _headline(alert: Alert, style: Style) -> str:
    words = [
        style.say(headline_key(alert)),
        f"<code>{n.symbol_text(alert.symbol)}</code>",
        f"<b>{value_text(alert, style)}</b>",
        *([] if alert.venue == "binance" else [VENUE_TITLES[alert.venue]]),
    ]
    return " ".join([style.say("late"), *words] if alert.late else words)


def venue_lines(alert: Alert, style: Style) -> list[str]:
    """`🌐 also +2.9 % on Bybit, first by 0.4 ± 0.2 s`, one line a venue."""
    return [_venue_line(alert, move, style) for move in alert.details.venues]


def _venue_line(alert: Alert, move: VenueMove, style: Style) -> str:
    size = number(alert.kind, move.size)
    if KINDS[alert.kind].unit is Unit.USD and move.venue in SAMPLED_LIQUIDATIONS:
        size = f"≥ {size}"
    also = style.say("venue_also", size=size, venue=VENUE_TITLES[move.venue])
    if move.ahead_s is None or move.within_s is None:
        return also
    within, ahead = f"{move.within_s:.1f}", f"{abs(move.ahead_s):.1f}"
    if abs(move.ahead_s) <= move.within_s:
        order = style.say("venue_same", within=within)
    else:
        order = style.say("venue_first" if move.ahead_s > 0 else "venue_later", ahead=ahead, within=within)
    return style.say("venue_with", also=also, order=order)


def _day(alert: Alert, style: Style) -> str | None:
    change, volume = alert.details.day_change_pct, alert.details.day_quote_usdt
    if change is not None and volume is not None:
        return style.say("day_with_volume", change=n.pct(change), volume=n.usd(volume))
    if change is not None:
        return style.say("day", change=n.pct(change))
    return None if volume is None else style.say("day_volume", volume=n.usd(volume))


def _time_line(alert: Alert, style: Style) -> str:
    candle = None
    if alert.candle_ms is not None and window_of(alert) == "1m":
        candle = style.say("candle_at", time=n.clock_minute(alert.candle_ms, style.tz))
    if alert.late:
        return joined(n.date_and_time(alert.event_ms, style.tz), candle, style.say("found_afterwards"))
    return joined(n.when(alert.event_ms, style.tz), candle)


def _links(alert: Alert, style: Style) -> str:
    if len(alert.symbol) > n.SYMBOL_CHARS_MAX:
        return ""
    exchange, chart = n.escape(exchange_page(alert, style)), chart_page(alert)
    return joined(
        hash_tag(alert.symbol),
        f'<a href="{exchange}">{VENUE_TITLES[alert.venue]}</a>',
        None if chart is None else f'<a href="{n.escape(chart)}">TradingView</a>',
    )
