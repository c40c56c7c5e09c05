"""How positions changed over the tracked time, from what `altmonitor track` stored."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from altmonitor.core.errors import NoSnapshotsYet
from altmonitor.core.json_text import camel
from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import Unavailable
from altmonitor.operations.operation import Example, Operation
from altmonitor.operations.position_pages import Language, style_of
from altmonitor.operations.symbols import SymbolWord, spelled_symbol
from altmonitor.positioning.history import (
    DEFAULT_ENTRIES,
    MAX_AGE_MIN,
    MOST_ENTRIES,
    SLACK_MS,
    NotEnoughSnapshots,
    Snapshot,
    change,
    profit_trend,
    scan_extreme,
)
from altmonitor.positioning.picture import DISCLAIMER, chart
from altmonitor.positioning.statistics_history import BAR_SLACK_MS, stored_oi_change, stored_ratio_change
from altmonitor.positioning.tracked_values import (
    NOTHING_TO_SCAN,
    change_values,
    oi_change_values,
    ratio_change_values,
    scan_values,
    trend_values,
)
from altmonitor.render.series_page import series_page

SOURCE = "snapshots stored by `altmonitor track`"
MOST_MINUTES = 43_200


class SpanArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    symbol: SymbolWord
    minutes: Annotated[float, msgspec.Meta(ge=1, le=MOST_MINUTES, description="How far back.")] = 60


async def _rows(context: OperationContext, symbol: str, minutes: float) -> Sequence[Snapshot]:
    """Raises: NoSnapshotsYet, StorageError."""
    since_ms = context.clock.now_ms() - round(minutes * 60_000) - SLACK_MS
    async with context.snapshots() as tracked:
        return await tracked.snapshots(symbol, since_ms=since_ms)


# --- change -------------------------------------------------------------------------------------------------------


class QtyMove(msgspec.Struct, frozen=True, kw_only=True, rename=camel):
    """Coins, and percent of the first; null from 0, which has no percent, and where a number is missing."""

    from_qty: float | None
    to_qty: float | None
    qty_change: float | None
    qty_change_pct: float | None


class SideMove(QtyMove, frozen=True, kw_only=True, rename=camel):
    """Coins; average entries in USD; whale: the largest of them."""

    from_avg: float | None
    to_avg: float | None
    whale_avg: float | None
    whale: QtyMove


class OpenInterestMove(msgspec.Struct, frozen=True, kw_only=True, rename=camel):
    """Open interest in coins and USD, percent of the first."""

    from_ts: int
    to_ts: int
    span_minutes: float
    is_span_off: bool
    samples: int
    from_coins: float | None
    to_coins: float | None
    change_pct: float | None
    from_usd: float | None
    to_usd: float | None
    usd_change_pct: float | None


class LongShareMove(msgspec.Struct, frozen=True, kw_only=True, rename=camel):
    """Percent long, the difference in percentage points; Lsr: long / short."""

    from_long_pct: float
    to_long_pct: float
    change_pct: float
    from_lsr: float
    to_lsr: float


class TopTraderMove(msgspec.Struct, frozen=True, kw_only=True, rename=camel):
    """Top traders' ratios of position sizes and of accounts, of buckets of `period`."""

    from_ts: int
    to_ts: int
    span_minutes: float
    is_span_off: bool
    samples: int
    period: str
    positions: LongShareMove
    accounts: LongShareMove


class ChangeAnswer(msgspec.Struct, frozen=True, kw_only=True, rename=camel):
    """First stored row against the last. Ts: unix ms. spanMinutes: what the rows cover; spanIsOff: not what was asked
    for. price: mark price at the end, USD. openInterest, topTraders: null without two rows of them."""

    symbol: str
    from_ts: int
    to_ts: int
    asked_minutes: float
    span_minutes: float
    span_is_off: bool
    samples: int
    price: float | None
    long: SideMove
    short: SideMove
    open_interest: OpenInterestMove | None
    top_traders: TopTraderMove | None
    note: str
    age_sec: int
    source: str = SOURCE
    disclaimer: str = DISCLAIMER


async def get_change(context: OperationContext, arguments: SpanArguments) -> ChangeAnswer:
    symbol, now_ms, minutes = spelled_symbol(arguments.symbol), context.clock.now_ms(), arguments.minutes
    since_ms = now_ms - round(minutes * 60_000) - BAR_SLACK_MS
    async with context.snapshots() as tracked:
        rows = await tracked.snapshots(symbol, since_ms=since_ms)
        held = await tracked.open_interest(symbol, since_ms=since_ms)
        ratios = await tracked.top_traders(symbol, period=context.config.top_trader_period, since_ms=since_ms)
    found = change(symbol, rows, minutes=minutes, now_ms=now_ms)
    if isinstance(found, NotEnoughSnapshots):
        raise Unavailable(str(found))
    values = {
        **change_values(found),
        "openInterest": oi_change_values(stored_oi_change(held, minutes=minutes, now_ms=now_ms)),
        "topTraders": ratio_change_values(stored_ratio_change(ratios, minutes=minutes, now_ms=now_ms)),
        "ageSec": _age_s(found.to_ms, now_ms),
    }
    return msgspec.convert(values, ChangeAnswer)


def _age_s(at_ms: int, now_ms: int) -> int:
    return max(0, (now_ms - at_ms) // 1000)


# --- trend --------------------------------------------------------------------------------------------------------


class ShareStep(msgspec.Struct, frozen=True, kw_only=True):
    """Whole percent in profit and the difference in percentage points; null where nobody was."""

    start: float | None = msgspec.field(name="from")
    end: float | None = msgspec.field(name="to")
    change: float | None


class SideTrendValues(msgspec.Struct, frozen=True, kw_only=True, rename=camel):
    """profitPct: of the traders; whaleProfitPct: of the whales."""

    profit_pct: ShareStep
    whale_profit_pct: ShareStep


class TrendAnswer(msgspec.Struct, frozen=True, kw_only=True, rename=camel):
    """First stored row against the last. Ts: unix ms. spanMinutes: what the rows cover; spanIsOff: not what was
    asked for."""

    symbol: str
    from_ts: int
    to_ts: int
    asked_minutes: float
    span_minutes: float
    span_is_off: bool
    samples: int
    long: SideTrendValues
    short: SideTrendValues
    age_sec: int
    source: str = SOURCE
    disclaimer: str = DISCLAIMER


async def get_profit_trend(context: OperationContext, arguments: SpanArguments) -> TrendAnswer:
    symbol, now_ms = spelled_symbol(arguments.symbol), context.clock.now_ms()
    rows = await _rows(context, symbol, arguments.minutes)
    found = profit_trend(symbol, rows, minutes=arguments.minutes, now_ms=now_ms)
    if isinstance(found, NotEnoughSnapshots):
        raise Unavailable(str(found))
    return msgspec.convert({**trend_values(found), "ageSec": _age_s(found.to_ms, now_ms)}, TrendAnswer)


# --- scan ---------------------------------------------------------------------------------------------------------


class ScanArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=camel):
    limit: Annotated[int, msgspec.Meta(ge=1, le=1_000, description="Entries per list; more than 30 is 30.")] = (
        DEFAULT_ENTRIES
    )
    max_age_min: Annotated[
        float, msgspec.Meta(ge=1, le=MOST_MINUTES, description="Oldest stored row that counts, minutes.")
    ] = MAX_AGE_MIN


class ExtremeEntry(msgspec.Struct, frozen=True, kw_only=True, rename=camel):
    """longShortRatio: of position sizes, 0 when all are short. Profits: whole percent in profit. ageMin: minutes."""

    symbol: str
    long_short_ratio: float
    long_profit_pct: float | None
    short_profit_pct: float | None
    long_traders: int | None
    short_traders: int | None
    age_min: float


class ScanAnswer(msgspec.Struct, frozen=True, kw_only=True, rename=camel):
    """scanned: contracts compared. The most extreme first; a contract stands in one list only."""

    scanned: int
    most_long: tuple[ExtremeEntry, ...]
    most_short: tuple[ExtremeEntry, ...]
    source: str = SOURCE
    disclaimer: str = DISCLAIMER


async def scan(context: OperationContext, arguments: ScanArguments) -> ScanAnswer:
    now_ms, limit = context.clock.now_ms(), min(arguments.limit, MOST_ENTRIES)
    rows: Sequence[Snapshot] = ()
    async with context.snapshots() as tracked:
        rows = await tracked.newest_snapshots(since_ms=now_ms - round(arguments.max_age_min * 60_000))
    found = scan_extreme(rows, now_ms=now_ms, limit=limit, max_age_min=arguments.max_age_min)
    if not found.scanned:
        raise NoSnapshotsYet(NOTHING_TO_SCAN)
    return msgspec.convert(scan_values(found), ScanAnswer)


# --- chart --------------------------------------------------------------------------------------------------------


class ChartArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=camel):
    symbol: SymbolWord
    hours: Annotated[float, msgspec.Meta(ge=0.1, le=720, description="How far back.")] = 24
    lang: Language | None = None


class ChartAnswer(msgspec.Struct, frozen=True, kw_only=True, rename=camel):
    """points: snapshots drawn. html: one page with the picture in it; it loads nothing."""

    symbol: str
    points: int
    from_ts: int
    to_ts: int
    html: str
    age_sec: int
    source: str = SOURCE
    disclaimer: str = DISCLAIMER


async def render_chart(context: OperationContext, arguments: ChartArguments) -> ChartAnswer:
    symbol, now_ms = spelled_symbol(arguments.symbol), context.clock.now_ms()
    rows = await _rows(context, symbol, arguments.hours * 60)
    drawn = chart(symbol, rows)
    if drawn is None:
        raise Unavailable(str(NotEnoughSnapshots(symbol=symbol, minutes=arguments.hours * 60, rows=len(rows))))
    style = style_of(context, arguments.lang)
    html = await asyncio.to_thread(series_page, symbol, drawn, style, disclaimer=DISCLAIMER)
    return ChartAnswer(
        symbol=symbol,
        points=drawn.points,
        from_ts=drawn.from_ms,
        to_ts=drawn.to_ms,
        html=html,
        age_sec=_age_s(drawn.to_ms, now_ms),
    )


_ONE: dict[str, Any] = {"symbol": "SOLUSDT"}

TRACKED_OPERATIONS: Sequence[Operation] = (  # type: ignore[type-arg]  # of all kinds
    Operation(
        name="get_change",
        summary="How the positions of smart money in a contract changed over the last minutes, with open interest and "
        "top traders, from tracked snapshots.",
        arguments=SpanArguments,
        result=ChangeAnswer,
        run=get_change,
        reads="stored",
        route="GET /api/symbols/{symbol}/change",
        chat="who",
        cli="who change",
        examples=(Example(title="the last hour", arguments=_ONE),),
    ),
    Operation(
        name="get_profit_trend",
        summary="How the share of smart money in profit moved on both sides of a contract, from tracked snapshots.",
        arguments=SpanArguments,
        result=TrendAnswer,
        run=get_profit_trend,
        reads="stored",
        route="GET /api/symbols/{symbol}/profit-trend",
        chat="who",
        cli="who trend",
        examples=(Example(title="the last two hours", arguments={"symbol": "SOLUSDT", "minutes": 120}),),
    ),
    Operation(
        name="scan_extreme",
        summary="Which contracts are furthest to one side: smart money most long and most short, from snapshots.",
        arguments=ScanArguments,
        result=ScanAnswer,
        run=scan,
        reads="stored",
        route="GET /api/extremes",
        chat="who",
        cli="who scan",
        examples=(Example(title="three of each", arguments={"limit": 3}),),
    ),
    Operation(
        name="render_chart",
        summary="A chart of tracked smart-money positions, whale entries and price of a contract, as one page of HTML.",
        arguments=ChartArguments,
        result=ChartAnswer,
        run=render_chart,
        reads="stored",
        route="GET /api/symbols/{symbol}/positions-chart",
        chat="chart",
        cli="who chart",
        examples=(Example(title="the last six hours", arguments={"symbol": "SOLUSDT", "hours": 6}),),
    ),
)
