"""The line about whales under an alert: average entry and share in profit of both sides, their part of OI, age."""

from __future__ import annotations

from altmonitor.core.alert import Alert
from altmonitor.render import format as n
from altmonitor.render.buttons import followed_page
from altmonitor.render.style import Style, joined

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


def dashed(shown: str) -> str:
    return DASH if shown == n.NA else shown


def _side(key: str, entry: float | None, share: float | None, style: Style) -> str:
    return style.say(key, entry=dashed(n.price(entry)), share=dashed(n.share(share)))


def _link(alert: Alert, style: Style) -> str:
    return f'<a href="{n.escape(followed_page(alert.symbol, style))}">{style.say("whales_page")}</a>'
