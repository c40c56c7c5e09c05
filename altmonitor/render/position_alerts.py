"""An alert about who is positioned: a side that grew or shrank, a gap between the crowd and the top traders."""

from __future__ import annotations

from altmonitor.core.alert import Alert, Positions
from altmonitor.render import format as n
from altmonitor.render.style import Style, fact_line
from altmonitor.render.whales import dashed

KINDS = ("position", "divergence")


def position_value(alert: Alert, style: Style) -> str:
    """`+20.00 %`, `new`; of a gap `−10.21` percentage points."""
    if alert.kind == "divergence":
        return style.say("gap_points", gap=n.signed(alert.metric))
    return style.say("position_first") if alert.metric is None else n.pct(alert.metric)


def position_lines(alert: Alert, style: Style) -> list[str]:
    found = alert.details.positions or Positions()
    sides = style.say(
        "position_sides",
        side=style.say("side_short" if alert.note == "short" else "side_long"),
        before=dashed(n.quantity(found.from_coins)),
        now=dashed(n.quantity(found.to_coins)),
        span=n.duration(None if found.minutes is None else found.minutes * 60, style.lang),
    )
    entry, price = dashed(n.price(found.entry)), dashed(n.price(alert.price))
    return [fact_line(sides), fact_line(style.say("position_price", entry=entry, price=price))]


def divergence_lines(alert: Alert, style: Style) -> list[str]:
    found = alert.details.positions or Positions()
    crowd, top = (dashed(n.unsigned_pct(pct, 2)) for pct in (found.crowd_long_pct, found.top_long_pct))
    return [
        fact_line(style.say("gap_sides", crowd=crowd, top=top, period=n.escape(alert.note))),
        fact_line(style.say("gap_top_longer" if alert.direction == "UP" else "gap_crowd_longer")),
    ]
