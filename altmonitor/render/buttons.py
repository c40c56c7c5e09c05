"""What stands under the message of a single alert, and the addresses an alert leads to."""

from __future__ import annotations

from urllib.parse import quote

from altmonitor.core.alert import Alert
from altmonitor.interfaces.delivery import InlineButton, Keyboard
from altmonitor.render import format as n
from altmonitor.render.signed_buttons import ACTIONS, Seal
from altmonitor.render.style import Style


def alert_buttons(alert: Alert, style: Style, seal: Seal | None) -> Keyboard:
    """Mute, chart and why, if presses can come back to us, then two links. Empty for a symbol no exchange can have."""
    if len(alert.symbol) > n.SYMBOL_CHARS_MAX:
        return ()
    links = (
        InlineButton(text="Binance", url=exchange_page(alert.symbol, style)),
        InlineButton(text="TradingView", url=chart_page(alert.symbol)),
    )
    if seal is None or alert.id is None:
        return (links,)
    alert_id = alert.id
    actions = tuple(
        InlineButton(text=style.say(f"button_{action}"), data=seal.action(action, alert_id)) for action in ACTIONS
    )
    return (actions, links)


def exchange_page(symbol: str, style: Style) -> str:
    """Not escaped; some symbols are Chinese, so it is percent-encoded."""
    return style.say("futures_page", symbol=_in_url(symbol))


def followed_page(symbol: str, style: Style) -> str:
    """Of the traders whom the exchange's website follows. Not escaped."""
    return style.say("whales_page_url", symbol=_in_url(symbol))


def chart_page(symbol: str) -> str:
    return f"https://www.tradingview.com/chart/?symbol=BINANCE:{_in_url(symbol)}.P"


def _in_url(symbol: str) -> str:
    return quote(symbol, safe="", errors="replace")
