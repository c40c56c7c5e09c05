"""A chart of tracked snapshots as one page of HTML: drawn inline, nothing is loaded from anywhere.

The lines are stretched to the width of the window, the words are not: on a telephone they are as large as on a desk.
"""

from __future__ import annotations

from typing import Final

from altmonitor.positioning.picture import PANEL_HEIGHT_PX, WIDTH_PX, LineName, SeriesChart, SeriesLine, SeriesPanel
from altmonitor.render import format as n
from altmonitor.render.charts.layout import price_labels, round_ticks, time_ticks
from altmonitor.render.format import Style

DASH: Final = "–"
VALUE_TICKS: Final = 4
TIME_TICKS: Final = 5
DAY_MS: Final = 86_400_000
_EDGE: Final = 0.04
"""Of the width: a time written nearer to an edge would stand beyond it."""

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
_PRICES: Final = frozenset({"long_whale_entry", "short_whale_entry", "mark_price"})
_STYLE: Final = (
    "body{background:#0d1117;color:#c9d1d9;font:14px/1.45 system-ui,sans-serif;margin:0}"
    "main{max-width:812px;margin:0 auto;padding:16px;box-sizing:border-box}"
    "h1{font-size:18px;margin:4px 0}h2{font-size:13px;margin:14px 0 4px}"
    "p,.axis,.out{color:#8b949e;font-size:12px}"
    ".plot{position:relative;margin:0 8px 0 60px}"
    f"svg{{display:block;background:#161b22;width:100%;height:{PANEL_HEIGHT_PX}px}}"
    ".axis{position:absolute;font-size:11px;line-height:1;white-space:nowrap}"
    ".y{right:100%;margin-right:6px;transform:translateY(-50%)}"
    ".x{transform:translateX(-50%);top:100%;margin-top:4px}"
    ".plot{padding-bottom:0;margin-bottom:22px}"
)


def series_page(symbol: str, chart: SeriesChart | None, style: Style, *, disclaimer: str) -> str:
    """chart None: fewer than two snapshots, and the page says what to do."""
    name = n.symbol_text(symbol)
    if chart is None:
        body = "<p>Two tracked snapshots are needed to draw; run <code>altmonitor track</code> for a while.</p>"
    else:
        span = n.period(chart.from_ms, chart.to_ms, style.tz, is_dated=True)
        lasts = n.duration((chart.to_ms - chart.from_ms) / 1000)
        body = f"<p>{span} · {lasts} · {chart.points} snapshots{_outages(chart)}</p>" + "".join(
            f"<h2>{title}{_legend(panel)}</h2>{_panel(panel, chart, style)}"
            for title, panel in zip(_TITLES, chart.panels, strict=True)
        )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{name}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{name} · followed traders</h1>{body}<p>{disclaimer}</p></main></body></html>\n"
    )


def _outages(chart: SeriesChart) -> str:
    count = len(chart.outages)
    return f" · {count} {'outage' if count == 1 else 'outages'} (grey)" if count else ""


def _legend(panel: SeriesPanel) -> str:
    """Each line's newest value stands beside its name."""
    shown = ""
    for line in panel.lines:
        last = n.price(line.last) if line.name in _PRICES else n.quantity(line.last)
        last = DASH if last == n.NA else last
        shown += f' · <span style="color:{_COLOURS[line.name]}">{_NAMES[line.name]} {last}</span>'
    return shown


def _panel(panel: SeriesPanel, chart: SeriesChart, style: Style) -> str:
    values = _value_ticks(panel)
    times = _time_ticks(chart, style)
    grid = "".join(f'<path class="grid" d="M0,{y:.1f}H{WIDTH_PX}" {_GRID}/>' for y, _ in values)
    grid += "".join(f'<path class="grid" d="M{x * WIDTH_PX:.1f},0V{PANEL_HEIGHT_PX}" {_GRID}/>' for x, _ in times)
    silent = "".join(_outage(from_ms, to_ms, chart) for from_ms, to_ms in chart.outages)
    drawn = "".join(_line(line, panel, chart) for line in panel.lines)
    words = "".join(
        f'<span class="axis y" style="top:{y / PANEL_HEIGHT_PX * 100:.1f}%">{label}</span>' for y, label in values
    ) + "".join(f'<span class="axis x" style="left:{x * 100:.1f}%">{label}</span>' for x, label in times)
    return (
        f'<div class="plot"><svg viewBox="0 0 {WIDTH_PX} {PANEL_HEIGHT_PX}" preserveAspectRatio="none" role="img">'
        f"{silent}{grid}{drawn}</svg>{words}</div>"
    )


_GRID: Final = 'stroke="#2a313a" stroke-width="1" vector-effect="non-scaling-stroke"'


def _value_ticks(panel: SeriesPanel) -> list[tuple[float, str]]:
    """(distance from the top, label), lowest first."""
    if panel.low is None or panel.high is None:
        return []
    # a size below zero is only the room below the line
    values = [v for v in round_ticks(panel.low, panel.high, at_most=VALUE_TICKS) if v >= 0 or panel.high < 0]
    is_price = panel.lines[0].name in _PRICES
    labels = price_labels(values) if is_price else [n.quantity(value) for value in values]
    return [(_y(value, panel), label) for value, label in zip(values, labels, strict=True)]


def _time_ticks(chart: SeriesChart, style: Style) -> list[tuple[float, str]]:
    """(share of the width, label), oldest first: a time, or the day where days pass."""
    moments = time_ticks(chart.from_ms, chart.to_ms, style.tz, at_most=TIME_TICKS)
    is_long = len(moments) > 1 and moments[1] - moments[0] >= DAY_MS
    shown = []
    for moment_ms in moments:
        share = _x(moment_ms, chart) / WIDTH_PX
        if _EDGE <= share <= 1 - _EDGE:
            label = n.date_and_time(moment_ms, style.tz)[5:10] if is_long else n.clock_minute(moment_ms, style.tz)
            shown.append((share, label))
    return shown


def _outage(from_ms: int, to_ms: int, chart: SeriesChart) -> str:
    x = _x(from_ms, chart)
    return (
        f'<rect class="outage" x="{x:.1f}" y="0" width="{_x(to_ms, chart) - x:.1f}" height="{PANEL_HEIGHT_PX}" '
        'fill="#21262d"/>'
    )


def _line(line: SeriesLine, panel: SeriesPanel, chart: SeriesChart) -> str:
    colour = _COLOURS[line.name]
    drawn = ""
    for run in line.runs(chart.longest_step_ms):
        points = [f"{_x(time_ms, chart):.1f},{_y(value, panel):.1f}" for time_ms, value in run]
        if len(points) == 1:  # a line of no length with round ends is a dot, however the picture is stretched
            drawn += f'<path d="M{points[0]}h0" stroke="{colour}" stroke-width="5" stroke-linecap="round" {_UNSCALED}/>'
        else:
            drawn += (
                f'<polyline fill="none" stroke="{colour}" stroke-width="1.6" {_UNSCALED} points="{" ".join(points)}"/>'
            )
    return drawn


_UNSCALED: Final = 'vector-effect="non-scaling-stroke"'


def _x(time_ms: float, chart: SeriesChart) -> float:
    return (time_ms - chart.from_ms) / max(1, chart.to_ms - chart.from_ms) * WIDTH_PX


def _y(value: float, panel: SeriesPanel) -> float:
    return (1 - panel.share_of_height(value)) * PANEL_HEIGHT_PX
