"""One alert → one message: what, how much, over which window; then the facts around it; then when.

The first line alone must do: it is all a locked phone shows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from altmonitor.core.alert import Alert
from altmonitor.interfaces.delivery import Press
from altmonitor.market.contracts import base_of
from altmonitor.render import format as n
from altmonitor.render.alert_parts import (
    chart_page,
    divergence_lines,
    episode_lines,
    exchange_page,
    position_lines,
    position_value,
    press_lines,
    standing_line,
    whale_line,
)
from altmonitor.render.format import SEPARATOR, Style, fact_line, joined

__all__ = [
    "SEPARATOR",
    "Style",
    "alert_html",
    "condition_text",
    "fact_line",
    "hash_tag",
    "headline_key",
    "joined",
    "measured",
    "window_of",
]

_HASH_TAG = re.compile(r"[A-Z0-9_]+")
_SAME_SPAN = 0.01  # share by which a measured window may differ from the asked one without being worth a word
_ASKED_S = {"1m": 60.0, "60s": 60.0, "5m": 300.0, "15m": 900.0}
_FLAT = "→"


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
    body = {
        "price": _price_lines,
        "oi": _oi_lines,
        "vol": _volume_lines,
        "condition": _condition_lines,
        "position": position_lines,
        "divergence": divergence_lines,
    }[alert.kind]
    lines = [
        style.say("sample") if alert.details.is_sample else "",
        _headline(alert, style),
        *body(alert, style),
        joined(_day(alert, style)),
        whale_line(alert, style),
        standing_line(alert, window_of(alert), style),
        *episode_lines(alert, style),
        _time_line(alert, style),
    ]
    if maybe_repeated and alert.id is not None:
        lines.append(f"<i>{style.say('maybe_repeated', id=alert.id)}</i>")
    lines.append((hash_tag(alert.symbol) or "") if has_buttons else _links(alert.symbol, style))
    lines += press_lines(presses, style)
    return "\n".join(line for line in lines if line)


def headline_key(alert: Alert) -> str:
    """Key of the headline word in `texts`: `PUMP`, `DUMP`, `OI_UP`, `OI_DOWN`, or the kind: `VOLUME`, `CONDITION` …"""
    if alert.kind in ("condition", "position", "divergence"):
        return alert.kind.upper()
    if alert.kind == "price":
        return alert.direction
    return "VOLUME" if alert.kind == "vol" else f"OI_{alert.direction}"


def measured(alert: Alert) -> float | None:
    """What was compared with the threshold: percent, for volume a multiple."""
    if alert.metric is not None:
        return alert.metric
    return {"price": alert.change_pct, "oi": alert.oi_change}.get(alert.kind)


def window_of(alert: Alert) -> str:
    """`1m`, `5m`, `15m` or `60s`; rows of older databases have no note and were measured over the candle."""
    return alert.note if alert.note in _ASKED_S else "1m"


def hash_tag(symbol: str) -> str | None:
    """`#SWARMS`; None where Telegram would not make a tag of it."""
    base = base_of(symbol)
    tag = symbol if base.isdigit() else base
    return f"#{tag}" if _HASH_TAG.fullmatch(tag) and not tag.isdigit() and len(tag) <= n.SYMBOL_CHARS_MAX else None


def condition_text(alert: Alert) -> str:
    """What was asked for, as it was typed, on one line."""
    return n.symbol_text(alert.details.condition or n.NA)


def _headline(alert: Alert, style: Style) -> str:
    value = measured(alert)
    shown = n.multiple(value) if alert.kind == "vol" else n.pct(value, 1 if alert.kind == "oi" else 2)
    if alert.kind == "condition":
        shown = condition_text(alert)
    elif alert.kind in ("position", "divergence"):
        shown = position_value(alert, style)
    words = [style.say(headline_key(alert)), f"<code>{n.symbol_text(alert.symbol)}</code>", f"<b>{shown}</b>"]
    return " ".join([style.say("late"), *words] if alert.late else words)


def _price_lines(alert: Alert, style: Style) -> list[str]:
    details = alert.details
    was = details.told_before_pct
    now = n.pct(measured(alert))
    return [
        "" if was is None else style.say("was_now", before=n.pct(was), now=now),
        joined(_price_window(alert, style), *_signs(alert, style)),
        fact_line(style.say("price", price=n.price(alert.price)), _amplitude(alert, style)),
        fact_line(_candle_volume(alert, style), _taker_buys(alert, style)),
        fact_line(_oi_change(alert, style), _long_short(alert, style)),
        fact_line(_funding(alert, style)),
    ]


def _oi_lines(alert: Alert, style: Style) -> list[str]:
    details = alert.details
    window = style.say(window_of(alert))
    coins = None
    if details.oi_contracts is not None:
        coins = style.say("coins", quantity=n.quantity(details.oi_contracts), base=n.symbol_text(base_of(alert.symbol)))
    moved = None  # the line above says n/a already
    if alert.change_pct is not None:
        moved = style.say("price_over_window", change=n.pct(alert.change_pct), window=window)
    return [
        joined(_asked_window(alert, style), *_signs(alert, style)),
        fact_line(style.say("oi_size", usd=n.usd(details.oi_usd)), coins),
        fact_line(style.say("price", price=n.price(alert.price)), moved),
        fact_line(_long_short_if_known(alert, style)),
        fact_line(_funding(alert, style)),
    ]


def _volume_lines(alert: Alert, style: Style) -> list[str]:
    details = alert.details
    volume = n.usd(details.quote_usdt)
    if details.median_usdt is None or details.baseline_count is None:
        compared = style.say("against_median_unknown", volume=volume)
    else:
        median, count = n.usd(details.median_usdt), details.baseline_count
        compared = style.say("against_median", volume=volume, median=median, count=count)
    moved = style.say("price_in_candle", change=n.pct(alert.change_pct))
    return [
        compared,
        fact_line(style.say("price", price=n.price(alert.price)), moved),
        fact_line(_amplitude(alert, style), _taker_buys(alert, style)),
        fact_line(
            _oi_change(alert, style) if alert.oi_change is not None else None, _long_short_if_known(alert, style)
        ),
        fact_line(_funding(alert, style)),
    ]


def _condition_lines(alert: Alert, style: Style) -> list[str]:
    moved = None
    if alert.change_pct is not None:
        moved = style.say("price_over_window", change=n.pct(alert.change_pct), window=style.say(window_of(alert)))
    return [
        fact_line(style.say("price", price=n.price(alert.price)), moved),
        fact_line(_funding(alert, style)),
    ]


def _price_window(alert: Alert, style: Style) -> str:
    span_s = alert.details.window_s
    if window_of(alert) in ("5m", "15m"):
        return style.say("in_window", window=style.say(window_of(alert)))
    if window_of(alert) == "60s":
        return style.say("in_span", span=n.span(60.0 if span_s is None else span_s, style.lang))
    if span_s is None or not 0 <= span_s < 59.5:  # over, or no number
        return style.say("in_candle")
    return style.say("in_candle_at", span=n.duration(span_s, style.lang))


def _asked_window(alert: Alert, style: Style) -> str:
    window = window_of(alert)
    span_s = alert.details.window_s
    asked_s = _ASKED_S[window]
    if span_s is None or abs(span_s - asked_s) <= asked_s * _SAME_SPAN:
        return style.say("in_window", window=style.say(window))
    return style.say("in_window_measured", window=style.say(window), span=n.span(span_s, style.lang))


def _signs(alert: Alert, style: Style) -> tuple[str, str]:
    """Which way price and open interest went; names only."""
    arrows = {"up": "↑", "down": "↓"}
    if alert.quadrant is not None:
        price, oi = (arrows[way] for way in alert.quadrant.split("_"))
    else:
        price, oi = _arrow(alert.change_pct), n.NA if alert.oi_change is None else _FLAT
        if alert.kind == "oi":  # the price is what is not known or did not move
            oi = _arrow(alert.oi_change)
    return style.say("price_sign", sign=price), style.say("oi_sign", sign=oi)


def _arrow(change: float | None) -> str:
    if change is None or change != change:
        return n.NA
    return "↑" if change > 0 else "↓" if change < 0 else _FLAT


def _amplitude(alert: Alert, style: Style) -> str | None:
    """Of the running candle, so only where the alert is about it."""
    if alert.amplitude is None or window_of(alert) != "1m":
        return None
    return style.say("amplitude", amplitude=n.unsigned_pct(alert.amplitude, 1))


def _candle_volume(alert: Alert, style: Style) -> str | None:
    volume = alert.details.quote_usdt
    return None if volume is None else style.say("candle_volume", volume=n.usd(volume))


def _taker_buys(alert: Alert, style: Style) -> str | None:
    share = alert.details.taker_buy_share
    return None if share is None else style.say("taker_buys", share=n.share(share))


def _oi_change(alert: Alert, style: Style) -> str:
    """Sampled once a minute, so its age belongs to it."""
    shown = style.say("oi_change", change=n.pct(alert.oi_change))
    return shown if alert.oi_change is None else _aged(shown, alert.details.oi_age_s, style)


def _long_short_if_known(alert: Alert, style: Style) -> str | None:
    """For kinds that do not ask for the ratio: a line that is always n/a says nothing."""
    return None if alert.lsr is None else _long_short(alert, style)


def _long_short(alert: Alert, style: Style) -> str:
    shown = style.say("long_short", ratio=n.ratio(alert.lsr))
    return shown if alert.lsr is None else _aged(shown, alert.details.lsr_age_s, style)


def _aged(shown: str, age_s: float | None, style: Style) -> str:
    return shown if age_s is None else style.say("aged", value=shown, age=n.age(age_s, style.lang))


def _funding(alert: Alert, style: Style) -> str | None:
    rate, hours = alert.details.funding_rate, alert.details.funding_hours
    if rate is None:
        return None
    shown = n.pct(rate * 100, 4)
    return (
        style.say("funding", rate=shown)
        if hours is None
        else style.say("funding_every", rate=shown, hours=n.exact(hours))
    )


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


def _links(symbol: str, style: Style) -> str:
    if len(symbol) > n.SYMBOL_CHARS_MAX:
        return ""
    exchange, chart = n.escape(exchange_page(symbol, style)), n.escape(chart_page(symbol))
    return joined(hash_tag(symbol), f'<a href="{exchange}">Binance</a>', f'<a href="{chart}">TradingView</a>')
