"""A chart of tracked snapshots as one page of HTML: drawn inline, nothing is loaded from anywhere."""

from __future__ import annotations

from typing import Final

from altmonitor.positioning.chart import PANEL_HEIGHT_PX, WIDTH_PX, Chart, Line, LineName, Panel
from altmonitor.render import format as n
from altmonitor.render.style import Style

_TITLES: Final = ("Long size, coins", "Short size, coins", "Whales' average entries and mark price")
_COLOURS: Final[dict[LineName, str]] = {
    "long_qty": "#3fb68b",
    "short_qty": "#ff5353",
    "long_whale_entry": "#3fb68b",
    "short_whale_entry": "#ff5353",
    "mark_price": "#e8b339",
}
_NAMES: Final[dict[LineName, str]] = {
    "long_qty": "long",
    "short_qty": "short",
    "long_whale_entry": "long whales",
    "short_whale_entry": "short whales",
    "mark_price": "mark price",
}
_STYLE: Final = (
    "body{background:#0d1117;color:#c9d1d9;font:14px system-ui,sans-serif;margin:16px auto;max-width:812px}"
    "svg{display:block;background:#161b22;margin:4px 0 14px;width:100%}h1{font-size:18px}h2{font-size:13px;margin:0}"
    "p{color:#8b949e;font-size:12px}"
)


def series_page(symbol: str, chart: Chart | None, style: Style, *, disclaimer: str) -> str:
    """chart None: fewer than two snapshots, and the page says what to do."""
    name = n.symbol_text(symbol)
    if chart is None:
        body = "<p>Two tracked snapshots are needed to draw; run <code>altmonitor track</code> for a while.</p>"
    else:
        span = n.period(chart.from_ms, chart.to_ms, style.tz, is_dated=True)
        lasts = n.duration((chart.to_ms - chart.from_ms) / 1000)
        body = f"<p>{span} · {lasts} · {chart.points} snapshots</p>" + "".join(
            f"<h2>{title}{_labels(panel)}</h2>{_svg(panel, chart)}"
            for title, panel in zip(_TITLES, chart.panels, strict=True)
        )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title><style>{_STYLE}</style>'
        "</head>"
        f"<body><h1>{name} · followed traders</h1>{body}<p>{disclaimer}</p></body></html>\n"
    )


def _labels(panel: Panel) -> str:
    """Each line's newest value stands beside its name."""
    shown = ""
    for line in panel.lines:
        is_price = line.name in ("long_whale_entry", "short_whale_entry", "mark_price")
        last = n.price(line.last) if is_price else n.quantity(line.last)
        last = "–" if last == n.NA else last
        shown += f' · <span style="color:{_COLOURS[line.name]}">{_NAMES[line.name]} {last}</span>'
    return shown


def _svg(panel: Panel, chart: Chart) -> str:
    drawn = "".join(_path(line, panel, chart) for line in panel.lines)
    return f'<svg viewBox="0 0 {WIDTH_PX} {PANEL_HEIGHT_PX}" role="img">{drawn}</svg>'


def _path(line: Line, panel: Panel, chart: Chart) -> str:
    span_ms = max(1, chart.to_ms - chart.from_ms)
    places = [
        ((time_ms - chart.from_ms) / span_ms * WIDTH_PX, (1 - panel.share_of_height(value)) * PANEL_HEIGHT_PX)
        for time_ms, value in line.points
    ]
    points = [f"{x:.1f},{y:.1f}" for x, y in places]
    if not points:
        return ""
    colour = _COLOURS[line.name]
    if len(points) == 1:
        ((x, y),) = places
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>'
    return f'<polyline fill="none" stroke="{colour}" stroke-width="1.6" points="{" ".join(points)}"/>'
