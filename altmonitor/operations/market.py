"""The market: all contracts at once, and candles, open interest and reasons of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

from altmonitor.detectors.kinds import KINDS
from altmonitor.detectors.verdict import Explanation, RuleCheck
from altmonitor.interfaces.exchange import Priority
from altmonitor.market.candles import MINUTE_MS, Candle, ClosedCandle, Kline
from altmonitor.operations.arguments import WORDS
from altmonitor.operations.board import MarketBoard, MarketRow, MarketTable
from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import NotFound
from altmonitor.operations.operation import Example, Operation
from altmonitor.operations.symbols import OneContractAt, SymbolWord, VenueWord, listed_symbol

CANDLES_DEFAULT, CANDLES_MAX = 99, 1_000
OI_TOLERANCE = "the old sample within 25 % of the window, the newest at most 1.5 sweeps old"
LAST_SECOND = 253_402_300_799

MarketSort = Literal[
    "symbol",
    "change_1m",
    "change_5m",
    "change_15m",
    "change_1h",
    "change_24h",
    "volume_multiple",
    "volume_24h",
    "oi_usd",
    "oi_change_1m",
    "oi_change_5m",
    "funding",
]
_SORT_FIELDS: dict[MarketSort, str] = {
    "change_1m": "change_1m_pct",
    "change_5m": "change_5m_pct",
    "change_15m": "change_15m_pct",
    "change_1h": "change_1h_pct",
    "change_24h": "change_24h_pct",
    "volume_multiple": "volume_multiple",
    "volume_24h": "volume_24h_usdt",
    "oi_usd": "oi_usd",
    "oi_change_1m": "oi_change_1m_pct",
    "oi_change_5m": "oi_change_5m_pct",
    "funding": "funding_pct",
}


class MarketArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sorted by size without its sign, or by name."""

    sort: Annotated[MarketSort, msgspec.Meta(description="Largest first.")] = "symbol"
    limit: Annotated[int, msgspec.Meta(ge=1, le=5_000, description="Rows; all without it.")] | None = None
    search: Annotated[str, msgspec.Meta(max_length=40, description="Part of a symbol.")] = ""
    venue: VenueWord | None = None


async def get_market(context: OperationContext, arguments: MarketArguments) -> MarketTable:
    board = context.running().at(arguments.venue).board
    await board.prepare()
    table = board.table()
    if arguments == MarketArguments(venue=arguments.venue):
        return table
    wanted = arguments.search.upper()
    rows = [row for row in table.rows if wanted in row.symbol] if wanted else list(table.rows)
    if arguments.sort != "symbol":
        name = _SORT_FIELDS[arguments.sort]

        def size(row: MarketRow) -> float:
            value: float | None = getattr(row, name)
            return -1.0 if value is None else abs(value)

        rows.sort(key=size, reverse=True)
    return msgspec.structs.replace(table, rows=tuple(rows[: arguments.limit]))


# --- candles ------------------------------------------------------------------------------------------------------


class CandleArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    symbol: SymbolWord
    limit: Annotated[int, msgspec.Meta(ge=1, le=CANDLES_MAX, description="The newest so many minutes.")] = (
        CANDLES_DEFAULT
    )
    venue: VenueWord | None = None


class CandleRow(msgspec.Struct, frozen=True, kw_only=True):
    """Prices in USDT. open_ms: begin of the minute, unix ms. is_closed: false for the running minute."""

    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume_usdt: float
    is_closed: bool


class Candles(msgspec.Struct, frozen=True, kw_only=True):
    """candles: oldest → newest. missing: minutes in between that were neither seen nor fetched. age_s: of the newest
    price. source: `live` from the stream, `exchange` where history was asked for.
    """

    symbol: str
    interval: str
    source: str
    age_s: float | None
    missing: int
    candles: tuple[CandleRow, ...]


async def get_candles(context: OperationContext, arguments: CandleArguments) -> Candles:
    view = None if context.monitor is None and arguments.venue is None else context.running().at(arguments.venue)
    symbol = listed_symbol(arguments.symbol, context, arguments.venue)
    rows, event_ms = ({}, 0) if view is None else _live_candles(view.board, symbol, arguments.limit)
    rest = context.rest if view is None or view.rest is None else view.rest
    source = "live"
    if len(rows) < arguments.limit and rest is not None:
        end_ms = min(rows, default=context.clock.now_ms() + MINUTE_MS) - 1
        wanted = arguments.limit - len(rows)
        start_ms = (end_ms // MINUTE_MS - wanted + 1) * MINUTE_MS
        older = await rest.klines(symbol, start_ms=start_ms, end_ms=end_ms, limit=wanted, priority=Priority.TRACKING)
        rows = {candle.open_ms: _candle_row(candle) for candle in older} | rows
        source = "exchange" if not event_ms else "live, exchange"
    if not rows:
        raise NotFound(f"no candle of {symbol} is known")
    candles = tuple(rows[open_ms] for open_ms in sorted(rows))[-arguments.limit :]
    spanned = (candles[-1].open_ms - candles[0].open_ms) // MINUTE_MS + 1
    now_ms = context.clock.now_ms()
    return Candles(
        symbol=symbol,
        interval="1m",
        source=source,
        age_s=max(0, now_ms - event_ms) / 1000 if event_ms else None,
        missing=spanned - len(candles),
        candles=candles,
    )


def _live_candles(board: MarketBoard, symbol: str, limit: int) -> tuple[dict[int, CandleRow], int]:
    """By open time, and the event time of the newest price; ({}, 0) where nothing was seen."""
    book = board.book(symbol)
    if book is None or book.kline is None:
        return {}, 0
    rows = {candle.open_ms: _candle_row(candle) for candle in book.closed[-limit:]}
    if book.open_ms not in rows:
        rows[book.open_ms] = _candle_row(book.kline)
    return rows, book.event_ms


def _candle_row(candle: Candle | ClosedCandle | Kline) -> CandleRow:
    return CandleRow(
        open_ms=candle.open_ms,
        open=candle.open,
        high=candle.high,
        low=candle.low,
        close=candle.close,
        volume_usdt=candle.quote_usdt,
        is_closed=True if isinstance(candle, ClosedCandle) else candle.is_closed,
    )


# --- open interest ------------------------------------------------------------------------------------------------


class OpenInterestSample(msgspec.Struct, frozen=True, kw_only=True):
    time_ms: int
    contracts: float


class OpenInterestSamples(msgspec.Struct, frozen=True, kw_only=True):
    """contracts: base coins; usd: at the last price. change_*_pct: null where no honest value exists; span_*_s: what
    was really measured. sweep: number of the round that ended last. samples: what is kept, oldest → newest."""

    symbol: str
    source: str
    sweep: int
    contracts: float
    usd: float | None
    sampled_ms: int
    age_s: float
    change_1m_pct: float | None
    span_1m_s: float | None
    change_5m_pct: float | None
    span_5m_s: float | None
    note: str
    samples: tuple[OpenInterestSample, ...]


async def get_open_interest_samples(context: OperationContext, arguments: OneContractAt) -> OpenInterestSamples:
    view = context.running().at(arguments.venue)
    symbol = listed_symbol(arguments.symbol, context, arguments.venue)
    facts = await view.market.open_interest(symbol)
    if facts is None:
        raise NotFound(f"open interest of {symbol} was not sampled yet")
    return OpenInterestSamples(
        symbol=symbol,
        source="live: open-interest sweep",
        sweep=view.board.sweeps,
        contracts=facts.contracts,
        usd=facts.usd,
        sampled_ms=facts.sampled_ms,
        age_s=max(0, context.clock.now_ms() - facts.sampled_ms) / 1000,
        change_1m_pct=facts.change_1m_pct,
        span_1m_s=facts.span_1m_s,
        change_5m_pct=facts.change_5m_pct,
        span_5m_s=facts.span_5m_s,
        note=f"Changes are given when honest: {OI_TOLERANCE}.",
        samples=tuple(
            OpenInterestSample(time_ms=time_ms, contracts=contracts)
            for time_ms, contracts in view.board.oi_samples(symbol)
        ),
    )


# --- why ----------------------------------------------------------------------------------------------------------


class WhyArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    symbol: SymbolWord
    at_s: (
        Annotated[
            float,
            msgspec.Meta(
                ge=0,
                le=LAST_SECOND,
                description="Unix second in the minute asked for; now without it.",
                extra={WORDS: "unix seconds such as 1790000000"},
            ),
        ]
        | None
    ) = None
    venue: VenueWord | None = None


class RuleJudged(msgspec.Struct, frozen=True, kw_only=True):
    """One rule in one minute. value, threshold: in `unit`; null: no honest value, or switched off. from_ms … to_ms: the
    window really measured. verdict: why it was told or not, in words. until_ms: when that reason ends.
    sigmas, busy_times: how many of the contract's usual or busy minutes the threshold is, null: it is as it was set."""

    kind: str
    window: str
    unit: str
    value: float | None
    threshold: float | None
    verdict: str
    is_raised: bool
    from_ms: int | None
    to_ms: int | None
    sample_age_s: float | None
    floor_usd: float | None
    measured_usd: float | None
    until_ms: int | None
    is_late: bool
    sigmas: float | None = None
    busy_times: float | None = None


class WhyAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """at_ms: the moment explained (exchange's time). is_now: by today's settings; else as it was judged then.

    gap: why nothing but stored alerts is known of that minute, null: it was seen. alerts: keys of those it raised,
    null: not known. known_from_ms: how far back judgements are kept.
    """

    symbol: str
    at_ms: int
    is_now: bool
    rules: tuple[RuleJudged, ...]
    alerts: tuple[str, ...] | None
    gap: str | None
    known_from_ms: int | None


async def why(context: OperationContext, arguments: WhyArguments) -> WhyAnswer:
    view = context.running().at(arguments.venue)
    symbol = listed_symbol(arguments.symbol, context, arguments.venue)
    at_ms = None if arguments.at_s is None else round(arguments.at_s * 1000)
    return _explained(await view.explain(symbol, at_ms))


def _explained(found: Explanation) -> WhyAnswer:
    return WhyAnswer(
        symbol=found.symbol,
        at_ms=found.at_ms,
        is_now=found.is_now,
        rules=tuple(map(_judged, found.checks)),
        alerts=None if found.told is None else tuple(row.alert.key for row in found.told),
        gap=None if found.gap is None else found.gap.value,
        known_from_ms=found.known_from_ms,
    )


def _judged(check: RuleCheck) -> RuleJudged:
    unit = KINDS[check.rule.kind].unit
    return RuleJudged(
        kind=check.rule.kind,
        window=check.rule.window,
        unit="" if unit is None else unit.suffixes[0],
        value=check.value,
        threshold=check.threshold,
        verdict=check.verdict.value,
        is_raised=check.verdict.is_raised,
        from_ms=check.from_ms,
        to_ms=check.to_ms,
        sample_age_s=check.sample_age_s,
        floor_usd=check.floor_usd,
        measured_usd=check.measured_usd,
        until_ms=check.until_ms,
        is_late=check.is_late,
        sigmas=check.sigmas,
        busy_times=check.busy_times,
    )


MARKET_OPERATIONS: Sequence[Operation] = (  # type: ignore[type-arg]  # of all kinds
    Operation(
        name="get_market",
        summary="The whole market now, or what moved most: price of every contract, changes over 1 min to 24 h, "
        "volume, OI and funding.",
        arguments=MarketArguments,
        result=MarketTable,
        run=get_market,
        route="GET /api/market",
        etag=lambda table: f"{table.sweep}-{table.as_of_ms}",
        chat="top",
        examples=(
            Example(title="all contracts"),
            Example(title="the three largest moves of 5 minutes", arguments={"sort": "change_5m", "limit": 3}),
        ),
    ),
    Operation(
        name="get_candles",
        summary="One-minute candles of a contract, the running one included; missing minutes are left out and counted.",
        arguments=CandleArguments,
        result=Candles,
        run=get_candles,
        reads="exchange",
        route="GET /api/symbols/{symbol}/candles",
        chat="chart",
        examples=(Example(title="the last three minutes", arguments={"symbol": "SOLUSDT", "limit": 3}),),
    ),
    Operation(
        name="get_open_interest_samples",
        summary="The samples of open interest of a contract that the monitor took in the last quarter of an hour.",
        arguments=OneContractAt,
        result=OpenInterestSamples,
        run=get_open_interest_samples,
        route="GET /api/symbols/{symbol}/oi",
        etag=lambda found: f"{found.sweep}-{found.sampled_ms}",
        chat="oi",
        examples=(Example(title="one contract", arguments={"symbol": "SOLUSDT"}),),
    ),
    Operation(
        name="why",
        summary="Why a contract raised an alert in a minute, or why not: every rule with value, threshold and verdict.",
        arguments=WhyArguments,
        result=WhyAnswer,
        run=why,
        reads="stored",
        route="GET /api/symbols/{symbol}/why",
        chat="why",
        examples=(Example(title="now", arguments={"symbol": "SOLUSDT"}),),
    ),
)
