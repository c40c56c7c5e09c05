"""Where an alert stands: how often today, how large in days, what became of its move, and who pressed what under it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote

from altmonitor.core.alert import DETECTED_KINDS, Alert, TrackedSide
from altmonitor.core.types import VENUE_TITLES
from altmonitor.core.venue_names import name_at
from altmonitor.detectors.kinds import WINDOW_S
from altmonitor.detectors.price import WHOLE
from altmonitor.interfaces.delivery import InlineButton, Keyboard, Press
from altmonitor.market.contracts import base_of
from altmonitor.render import format as n
from altmonitor.render.format import Style, fact_line, joined
from altmonitor.render.signed_buttons import ACTIONS, ButtonSigner

_NAME_CHARS_MAX = 32
_DOUBLING = re.compile(r"x[1-9]\d{0,5}", re.ASCII)


def standing_line(alert: Alert, window: str, style: Style) -> str:
    """`3rd SOL alert today · largest 1 m move in 9 d`; '' when neither is to be said."""
    return fact_line(today(alert, style, "today"), _largest(alert, window, style))


def today(alert: Alert, style: Style, key: str) -> str | None:
    """From the second one on: that it is the first says nothing."""
    count = alert.details.today_count
    if count is None or count < 2:
        return None
    return style.say(key, ordinal=n.ordinal(count, style.lang), base=n.symbol_text(base_of(alert.symbol)))


def episode_lines(alert: Alert, style: Style) -> list[str]:
    """What joined the move, and how it ended; for the first message of an episode."""
    lines = [line] if (line := _joined_line(alert.details.joined, style)) else []
    ended = alert.details.ended
    if ended is not None:
        peak = None
        if ended.peak_pct is not None:
            peak = style.say("ended_low" if ended.peak_pct < 0 else "ended_high", change=n.pct(ended.peak_pct))
        last = None if ended.last_pct is None else style.say("ended_last", change=n.pct(ended.last_pct))
        over = style.say("ended", duration=n.duration(ended.lasted_s, style.lang))
        lines.append(joined(over, peak, last))
    return lines


def _joined_line(joined_by: Sequence[str], style: Style) -> str:
    """`➕ joined by volume and a pump; doubled 3 times since`. joined_by: as `Details.joined`."""
    doublings = [int(thing[1:]).bit_length() - 1 for thing in joined_by if _DOUBLING.fullmatch(thing)]
    things = [_joiner(thing, style) for thing in joined_by if not _DOUBLING.fullmatch(thing)]
    times = max(doublings, default=0)
    doubled = style.say(f"doubled_{n.plural(times, style.lang)}", count=times) if times else ""
    if not things:
        return style.say("only_doubled", doubled=doubled) if doubled else ""
    named = things[-1]
    if things[:-1]:
        named = style.say("list_and", first=style.say("list").join(things[:-1]), last=named)
    return style.say("joined_doubled", things=named, doubled=doubled) if doubled else style.say("joined", things=named)


def press_lines(presses: Sequence[Press], style: Style) -> list[str]:
    """`🔇 muted 1 h · anna 12:05`, oldest first."""
    return [
        f"<i>{style.say(f'pressed_{press.action}', by=_name(press.by), time=n.clock_minute(press.at_ms, style.tz))}</i>"
        for press in presses
    ]


def _largest(alert: Alert, window: str, style: Style) -> str | None:
    days = alert.details.largest_days
    if not days or alert.kind not in DETECTED_KINDS:
        return None
    return style.say(f"largest_{alert.kind}", window=style.say(window), days=days)


def _joiner(thing: str, style: Style) -> str:
    """A kind, a direction or a window; what a later version may call otherwise stands as it is."""
    if thing in DETECTED_KINDS or thing in ("PUMP", "DUMP", WHOLE):
        return style.say(f"joined_{thing}")
    if thing in WINDOW_S:
        return style.say("joined_window", window=style.say(thing))
    return n.symbol_text(thing)


def _name(by: str) -> str:
    """One line; a name can hold anything."""
    line = " ".join(by.split()) or "?"
    return n.escape(line if len(line) <= _NAME_CHARS_MAX else line[: _NAME_CHARS_MAX - 1] + "…")


# ---
# What stands under the message of a single alert, and the addresses an alert leads to.


def alert_buttons(alert: Alert, style: Style, signer: ButtonSigner | None) -> Keyboard:
    """Mute, chart and why, if presses can come back to us, then two links. Empty for a symbol no exchange can have."""
    if len(alert.symbol) > n.SYMBOL_CHARS_MAX:
        return ()
    chart = chart_page(alert)
    links = (
        InlineButton(text=VENUE_TITLES[alert.venue], url=exchange_page(alert, style)),
        *(() if chart is None else (InlineButton(text="TradingView", url=chart),)),
    )
    if signer is None or alert.id is None:
        return (links,)
    alert_id = alert.id
    actions = tuple(
        InlineButton(text=style.say(f"button_{action}"), data=signer.action(action, alert_id)) for action in ACTIONS
    )
    return (actions, links)


_VENUE_PAGES = {
    "bybit": "https://www.bybit.com/trade/usdt/{name}",
    "okx": "https://www.okx.com/trade-swap/{name}",
    "hyperliquid": "https://app.hyperliquid.xyz/trade/{name}",
}


def exchange_page(alert: Alert, style: Style) -> str:
    """Not escaped; some symbols are Chinese, so it is percent-encoded."""
    if alert.venue == "binance":
        return style.say("futures_page", symbol=_in_url(alert.symbol))
    name = name_at(alert.venue, alert.symbol)
    return _VENUE_PAGES[alert.venue].format(name=_in_url(name.lower() if alert.venue == "okx" else name))


def followed_page(symbol: str, style: Style) -> str:
    """Of the traders whom the exchange's website follows. Not escaped."""
    return style.say("whales_page_url", symbol=_in_url(symbol))


def chart_page(alert: Alert) -> str | None:
    """None where TradingView has no chart of the venue's contracts under their own names."""
    if alert.venue == "hyperliquid":
        return None
    return f"https://www.tradingview.com/chart/?symbol={alert.venue.upper()}:{_in_url(alert.symbol)}.P"


def _in_url(symbol: str) -> str:
    return quote(symbol, safe="", errors="replace")


# ---
# The line about whales under an alert: average entry and share in profit of both sides, their part of OI, age.


DASH = "–"
FRESH_S = 1.0


def whale_line(alert: Alert, style: Style) -> str:
    """'' when nothing is known of them. A number that is not known is a dash; a side without an entry has no words."""
    found = alert.details.whales
    if found is None:
        return _link(alert, style) if alert.details.has_followed else ""
    sides = joined(
        _side("whales_long", found.long_entry, found.long_profit_share, style),
        _side("whales_short", found.short_entry, found.short_profit_share, style),
        None if found.oi_share is None else style.say("whales_oi", share=n.share(found.oi_share, 1)),
    )
    page = _link(alert, style) if alert.details.has_followed else style.say("whales_page")
    line = style.say("whales", page=page, sides=sides)
    return line if found.age_s < FRESH_S else style.say("aged", value=line, age=n.age(found.age_s, style.lang))


def tracked_line(alert: Alert, style: Style) -> str:
    """'' for a symbol that is not tracked."""
    found = alert.details.tracked
    if found is None:
        return ""
    sides = joined(
        _tracked_side("tracked_long", found.long, style),
        _tracked_side("tracked_short", found.short, style),
    )
    return style.say("tracked", minutes=n.exact(found.minutes), sides=sides)


def _tracked_side(key: str, side: TrackedSide, style: Style) -> str:
    change = "" if side.change_pct is None else f" ({n.pct(side.change_pct)})"
    qty = f"{dashed(n.quantity(side.from_coins))} → {dashed(n.quantity(side.to_coins))}{change}"
    profit = ""
    if side.from_profit_pct is not None and side.to_profit_pct is not None:
        before, after = (f"{value:.0f}" for value in (side.from_profit_pct, side.to_profit_pct))
        profit = style.say("tracked_profit", before=before, after=after)
    return style.say(key, qty=qty) + profit


def dashed(shown: str) -> str:
    return DASH if shown == n.NA else shown


def _side(key: str, entry: float | None, share: float | None, style: Style) -> str:
    return style.say(key, entry=dashed(n.price(entry)), share=dashed(n.share(share)))


def _link(alert: Alert, style: Style) -> str:
    return f'<a href="{n.escape(followed_page(alert.symbol, style))}">{style.say("whales_page")}</a>'
