"""One contract: what is known now, its candles as a table, why there is or is not an alert, who is positioned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from altmonitor.core.types import Venue, named_venue
from altmonitor.market.candles import MINUTE_MS
from altmonitor.operations.board import MarketRow
from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import OperationError
from altmonitor.operations.market import CandleArguments, Candles, get_candles
from altmonitor.render import format as n
from altmonitor.render.alert_parts import dashed
from altmonitor.render.explanation import explanation_lines
from altmonitor.render.format import Style
from altmonitor.render.texts.page_texts import say_page
from altmonitor.web.pages.market import COLUMNS
from altmonitor.web.pages.tables import Cell, change_cell, price_cell, usd_cell

TABLE_MINUTES: Final = 60
CHART_MINUTES: Final = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """title: meaning, and how old it is."""

    name: str
    text: str
    tone: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleLine:
    """cells: empty for a minute that is missing."""

    time: str
    cells: tuple[Cell, ...]


def row_of(context: OperationContext, symbol: str, venue: Venue | None) -> MarketRow | None:
    """None: not watched, or no monitor runs here."""
    if context.monitor is None:
        return None
    return next((row for row in context.monitor.at(venue).board.table().rows if row.symbol == symbol), None)


_AGE_OF: Final[Mapping[str, str]] = {
    "col_oi": "oi_age_s",
    "col_oi_1m": "oi_age_s",
    "col_oi_5m": "oi_age_s",
    "col_funding": "funding_age_s",
    "col_ratio": "long_short_ratio_age_s",
}
"""Column → the age that is not the price's."""


def facts_of(row: MarketRow, now_ms: int, style: Style) -> list[Fact]:
    """What the market table knows of one contract, each with its age."""
    found = []
    for column in COLUMNS:
        text, tone = column.cell(row)
        name, meaning = say_page(style.lang, column.name), say_page(style.lang, column.mean)
        age_s: float | None = getattr(row, _AGE_OF.get(column.name, "price_age_s"))
        aged = ""
        if age_s is not None and text != dashed(n.NA):
            time = n.when(now_ms - age_s * 1000, style.tz)
            aged = say_page(style.lang, "aged", what=name, age=n.age(age_s, style.lang), time=time)
        found.append(Fact(name=name, text=text, tone=tone, title=f"{meaning} {aged}".strip()))
    return found


async def candles_of(context: OperationContext, symbol: str, venue: Venue | None) -> Candles | None:
    """None: nothing is known of them now."""
    try:
        return await get_candles(context, CandleArguments(symbol=symbol, limit=TABLE_MINUTES, venue=venue))
    except OperationError:
        return None


def candle_lines(candles: Candles, style: Style) -> list[CandleLine]:
    """Newest first; a minute without a candle has a line of its own."""
    known = {candle.open_ms: candle for candle in candles.candles}
    last_ms, first_ms = max(known), min(known)
    found = []
    for open_ms in range(last_ms, first_ms - 1, -MINUTE_MS):
        candle = known.get(open_ms)
        cells: tuple[Cell, ...] = ()
        if candle is not None:
            change = (candle.close - candle.open) / candle.open * 100 if candle.open > 0 else None
            cells = (
                *(price_cell(value) for value in (candle.open, candle.high, candle.low, candle.close)),
                change_cell(change),
                usd_cell(candle.volume_usdt),
            )
        found.append(CandleLine(time=n.clock_minute(open_ms, style.tz), cells=cells))
    return found


async def why_lines(
    context: OperationContext, symbol: str, venue: Venue | None, at_ms: int | None, style: Style
) -> list[str]:
    """HTML, as the chat says it. Raises: OperationError where no monitor runs."""
    explanation = await context.running().at(venue).explain(symbol, at_ms)
    watched = context.config.venues
    named = named_venue(venue or watched[0], watched)
    return explanation_lines(explanation, context.clock.now_ms() / 1000, style, venue=named)
