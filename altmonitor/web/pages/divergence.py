"""Crowd against top traders of one contract: the gap now, its history as a picture and as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from altmonitor.core.clock import speed_of
from altmonitor.interfaces.exchange import Priority
from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import Unavailable
from altmonitor.positioning.divergence import Divergence, HistoryPoint, divergence, history, long_pct
from altmonitor.positioning.ratios import LongShort
from altmonitor.render import format as n
from altmonitor.render.alert_parts import DASH, dashed
from altmonitor.render.format import Style
from altmonitor.render.texts.page_texts import say_page
from altmonitor.render.texts.reply_texts import say_reply
from altmonitor.web.pages.line_picture import LinePicture, LineSeries, line_picture

PERIODS: Final = ("5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d")
BUCKETS: Final = 48
WITHIN_S: Final = 8.0
VENUE: Final = "binance"


@dataclass(frozen=True, slots=True, kw_only=True)
class DivergenceView:
    """facts: label, text, meaning. rows: newest first: time, crowd, top traders by positions and accounts, gap."""

    facts: list[tuple[str, str, str]]
    picture: LinePicture | None
    rows: list[tuple[str, ...]]


async def divergence_view(context: OperationContext, symbol: str, period: str, style: Style) -> DivergenceView | None:
    """None: the exchange has no such numbers. Raises: ExchangeError, TimeoutError, Unavailable without an exchange."""
    venue = context.cohorts.get(VENUE)
    if venue is None:
        raise Unavailable("no exchange is asked from here")
    async with context.clock.timeout(WITHIN_S * speed_of(context.clock)):
        histories = await venue.cohorts(symbol, period=period, limit=BUCKETS, priority=Priority.TRACKING)
    points, found = history(histories, limit=BUCKETS), divergence(histories)
    if not points:
        return None
    return DivergenceView(
        facts=[] if found is None else _facts(found, context.clock.now_ms(), style),
        picture=line_picture(
            [
                _series("crowd", "crowd", [(point.time_ms, point.retail) for point in points], style),
                _series("top_positions", "top", [(point.time_ms, point.top_positions) for point in points], style),
            ],
            style.tz,
            shown=lambda value: n.unsigned_pct(value, 0 if value == int(value) else 1),
        ),
        rows=[_row(point, style) for point in reversed(points)],
    )


def _series(key: str, tone: str, buckets: list[tuple[int, LongShort | None]], style: Style) -> LineSeries:
    return LineSeries(
        name=say_page(style.lang, key),
        tone=tone,
        points=[(time_ms, long_pct(bucket)) for time_ms, bucket in buckets if bucket is not None],
    )


def _facts(found: Divergence, now_ms: int, style: Style) -> list[tuple[str, str, str]]:
    lang = style.lang
    time, age = n.when(found.time_ms, style.tz, reference_ms=now_ms), n.age((now_ms - found.time_ms) / 1000, lang)

    def aged(key: str) -> str:
        return say_page(lang, "aged", what=say_page(lang, key), age=age, time=time)

    return [
        (say_page(lang, "crowd"), n.unsigned_pct(found.retail_long_pct, 2), aged("crowd")),
        (say_page(lang, "top_positions"), n.unsigned_pct(found.smart_money_long_pct, 2), aged("top_positions")),
        (
            say_page(lang, "gap"),
            n.signed(found.long_pct_gap),
            aged("gap") + " " + say_reply(lang, f"div_{found.signal}"),
        ),
    ]


def _row(point: HistoryPoint, style: Style) -> tuple[str, ...]:
    return (
        n.date_and_time(point.time_ms, style.tz),
        *(
            DASH if bucket is None else n.unsigned_pct(long_pct(bucket), 2)
            for bucket in (point.retail, point.top_positions, point.top_accounts)
        ),
        dashed(n.signed(point.long_pct_gap)),
    )
