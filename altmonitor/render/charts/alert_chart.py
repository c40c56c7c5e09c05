"""Which chart an alert deserves, without a word of any language: signs, numbers, times."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

from altmonitor.core.alert import Alert
from altmonitor.detectors.kinds import KINDS, UPWARDS, WINDOW_S
from altmonitor.market.candles import MINUTE_MS, Kline
from altmonitor.render import format as n
from altmonitor.render.alert_values import window_of
from altmonitor.render.charts.layout import ChartSpec, Direction, Mark
from altmonitor.render.kinds import chart_label

_SEPARATOR = " · "


def chart_of_alert(
    alert: Alert, candles: Sequence[Kline], *, tz: tzinfo, open_interest: Sequence[tuple[int, float]] = ()
) -> ChartSpec:
    """candles, open_interest: oldest → newest."""
    told = _SEPARATOR.join((*_what(alert), n.date_and_time(alert.event_ms, tz)))
    return ChartSpec(
        symbol=alert.symbol,
        candles=tuple(candles),
        tz=tz,
        open_interest=tuple(open_interest),
        marks=(mark_of(alert),),
        subtitle=told,
    )


def chart_of_symbol(
    symbol: str,
    candles: Sequence[Kline],
    *,
    tz: tzinfo,
    now_ms: int,
    open_interest: Sequence[tuple[int, float]] = (),
    alerts: Sequence[Alert] = (),
) -> ChartSpec:
    """alerts: those of this symbol to be marked, oldest → newest; what lies before the first candle is not shown."""
    return ChartSpec(
        symbol=symbol,
        candles=tuple(candles),
        tz=tz,
        open_interest=tuple(open_interest),
        marks=tuple(mark_of(alert) for alert in alerts if alert.symbol == symbol),
        subtitle=n.date_and_time(now_ms, tz),
    )


def caption_of(alert: Alert, *, tz: tzinfo) -> str:
    """Names the symbol in full, because a picture may lack the letters for it."""
    symbol = f"<code>{n.symbol_text(alert.symbol)}</code>"
    return _SEPARATOR.join((symbol, *map(n.escape, _what(alert)), n.when(alert.event_ms, tz)))


def caption_of_symbol(symbol: str, *, tz: tzinfo, now_ms: int) -> str:
    return _SEPARATOR.join((f"<code>{n.symbol_text(symbol)}</code>", n.when(now_ms, tz)))


def _what(alert: Alert) -> tuple[str, ...]:
    """Value and window; a condition names its own, and who is positioned is not measured over one."""
    has_window = bool(KINDS[alert.kind].windows)
    return (chart_label(alert), window_of(alert)) if has_window else (chart_label(alert),)


def mark_of(alert: Alert) -> Mark:
    """The candle where one was measured, else the window that ended with the event."""
    direction: Direction = "up" if alert.direction in UPWARDS else "down"
    if alert.candle_ms is not None and window_of(alert) == "1m":
        # A candle's last push comes after its end; it belongs to it all the same.
        time_ms = min(max(alert.event_ms, alert.candle_ms), alert.candle_ms + MINUTE_MS)
        return Mark(from_ms=alert.candle_ms, time_ms=time_ms, label=chart_label(alert), direction=direction)
    span_s = alert.details.window_s
    span_ms = round((WINDOW_S[window_of(alert)] if span_s is None else span_s) * 1000)
    return Mark(from_ms=alert.event_ms - span_ms, time_ms=alert.event_ms, label=chart_label(alert), direction=direction)
