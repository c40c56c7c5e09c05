"""Over contracts and venues: what funding differs by, who took the price, and how well the venues answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import msgspec

from altmonitor.core.errors import AltmonitorError
from altmonitor.interfaces.exchange import Priority
from altmonitor.interfaces.positioning import TakerBucket, TakerFlows
from altmonitor.market.candles import MINUTE_MS, Candle
from altmonitor.operations.context import OperationContext
from altmonitor.operations.known_fundings import (
    NO_FUNDINGS,
    NO_WEIGHTS,
    CoinFundings,
    all_fundings,
    average_of,
    funding_source,
    fundings_of,
    open_interest_source,
)
from altmonitor.operations.operation import Example, Operation
from altmonitor.operations.preferences import read_preferences
from altmonitor.operations.score_inputs import NOBODY_ASKS, TICKER
from altmonitor.operations.score_values import DISCLAIMER, SourceUsed, digits, number, sources_of_fundings
from altmonitor.operations.symbols import SymbolWord, listed_symbol
from altmonitor.positioning.funding import SizedFunding
from altmonitor.scores.flows import WINDOWS_H, Imbalance, imbalance, rotations
from altmonitor.scores.funding_arbitrage import NOTIONAL_USD, Opportunity, opportunity

MOST_SHOWN = 50


class FundingArbArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """min_spread: percent per 8 h, as a decimal of it: 0.01 is 0.01 %."""

    min_spread: Annotated[
        float, msgspec.Meta(ge=0, le=100, description="Percent per 8 h between the venues, e.g. 0.01.")
    ] = 0.01
    symbol: SymbolWord | None = None


class FundingRateAt(msgspec.Struct, frozen=True, kw_only=True):
    """rate_8h_pct: percent per 8 h. interval_h: of the venue. open_interest_usd: of one side there; null: not known."""

    venue: str
    rate_8h_pct: float
    interval_h: float
    age_s: float
    open_interest_usd: float | None
    source: str
    unavailable: str | None


class ArbOpportunity(msgspec.Struct, frozen=True, kw_only=True):
    """spread: percent per 8 h; apr: percent of a year, simple: spread × 3 × 365. *_usd: on `notional_usd` of each side.

    fees_usd: four taker fills. break_even_h: hours of this spread that pay for them. action: in words, no advice.
    average_8h_pct: percent per 8 h over the venues in `average_of`, each weighted by its open interest.
    """

    symbol: str
    spread: float
    apr: float
    long_exchange: str
    short_exchange: str
    action: str
    notional_usd: float
    estimated_profit_8h_usd: float
    fees_usd: float
    break_even_h: float
    average_8h_pct: float | None
    average_of: tuple[str, ...]
    venues: tuple[FundingRateAt, ...]
    source: str
    unavailable: dict[str, str]


class FundingArb(msgspec.Struct, frozen=True, kw_only=True):
    """The widest spread first, at most 50. coverage: share of the coins known anywhere that two venues list."""

    ts: int
    opportunities: tuple[ArbOpportunity, ...]
    coverage: float
    unavailable: dict[str, str]
    sources: tuple[SourceUsed, ...]
    disclaimer: str = DISCLAIMER


async def funding_arb(context: OperationContext, arguments: FundingArbArguments) -> FundingArb:
    now_ms = context.clock.now_ms()
    rows: list[CoinFundings] | None
    if arguments.symbol is None:
        known = await all_fundings(context)
        rows = None if known is None else list(known.values())
    else:
        one_coin = await fundings_of(context, listed_symbol(arguments.symbol, context))
        rows = None if one_coin is None else [one_coin]
    if rows is None:
        why = {"opportunities": NO_FUNDINGS}
        return FundingArb(ts=now_ms // 1000, opportunities=(), coverage=0.0, unavailable=why, sources=())
    shared = [row for row in rows if len(row) >= 2]
    found: list[tuple[Opportunity, CoinFundings]] = []
    for row in shared:
        rates: dict[str, float] = {at.funding.venue: at.funding.rate_8h for at in row}
        one = opportunity(row[0].funding.symbol, rates, fee_pct=context.config.taker_fee_pct)
        if one is not None and one.spread_8h > 0 and one.spread_8h * 100 >= arguments.min_spread - 1e-12:
            found.append((one, row))
    found.sort(key=lambda pair: -pair[0].spread_8h)
    return FundingArb(
        ts=now_ms // 1000,
        opportunities=tuple(_opportunity(one, row, now_ms) for one, row in found[:MOST_SHOWN]),
        coverage=number(len(shared) / len(rows)) if rows else 0.0,
        unavailable={},
        sources=sources_of_fundings([at for row in shared for at in row], now_ms),
    )


def _opportunity(one: Opportunity, row: CoinFundings, now_ms: int) -> ArbOpportunity:
    average, _ = average_of(row)
    return ArbOpportunity(
        symbol=one.symbol,
        spread=number(one.spread_8h * 100, 8),
        apr=number(one.apr_pct, 4),
        long_exchange=one.long_exchange,
        short_exchange=one.short_exchange,
        action=f"long on {one.long_exchange}, short on {one.short_exchange}",
        notional_usd=NOTIONAL_USD,
        estimated_profit_8h_usd=number(one.profit_8h_usd, 4),
        fees_usd=number(one.fees_usd, 2),
        break_even_h=number(one.break_even_h or 0.0, 2),
        average_8h_pct=None if average is None else number(average.rate_8h * 100, 8),
        average_of=() if average is None else average.venues,
        venues=tuple(_at_venue(at, now_ms) for at in row),
        source=", ".join(dict.fromkeys(funding_source(at.funding) for at in row)),
        unavailable={} if average is not None else {"average_8h_pct": NO_WEIGHTS},
    )


def _at_venue(at: SizedFunding, now_ms: int) -> FundingRateAt:
    names = [funding_source(at.funding), *([] if at.oi_usd is None else [open_interest_source(at.funding.venue)])]
    return FundingRateAt(
        venue=at.funding.venue,
        rate_8h_pct=number(at.funding.rate_8h * 100, 8),
        interval_h=at.funding.interval_h,
        age_s=number(at.funding.age_s(now_ms), 1),
        open_interest_usd=digits(at.oi_usd, 0),
        source=", ".join(names),
        unavailable=None if at.oi_usd is not None else "the venue is not watched, or has not told it lately",
    )


# --- who took the price -------------------------------------------------------------------------------------------

SPOT_MISSING = "spot markets are not asked"
TAKER_VOLUME = "/api/v5/rubik/stat/taker-volume-contract"
NO_TAKERS = "its candles do not say what takers bought"


class FlowsArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """symbol: without it those of the preferences."""

    symbol: SymbolWord | None = None


class FlowWindow(msgspec.Struct, frozen=True, kw_only=True):
    """usd: bought by takers minus sold by takers. share: of the volume, −1…1. minutes: that were summed."""

    usd: float
    volume_usd: float
    share: float
    minutes: int
    source: str


class AssetFlow(msgspec.Struct, frozen=True, kw_only=True):
    """perp: Binance's, okx: OKX's, each by window, 1h to 24h. unavailable: field → why it is null."""

    symbol: str
    perp: dict[str, FlowWindow] | None
    okx: dict[str, FlowWindow] | None
    bybit: dict[str, FlowWindow] | None
    hyperliquid: dict[str, FlowWindow] | None
    spot: dict[str, FlowWindow] | None
    unavailable: dict[str, str]


class RotationValue(msgspec.Struct, frozen=True, kw_only=True):
    venue: str
    from_symbol: str
    to_symbol: str
    window: str


class Flows(msgspec.Struct, frozen=True, kw_only=True):
    """Taker imbalance: who took the price, bought minus sold. It is no deposit to and no withdrawal from anywhere."""

    ts: int
    assets: tuple[AssetFlow, ...]
    rotations_detected: tuple[RotationValue, ...]
    coverage: float
    note: str
    sources: tuple[SourceUsed, ...]
    disclaimer: str = DISCLAIMER


async def flows(context: OperationContext, arguments: FlowsArguments) -> Flows:
    if arguments.symbol is None:
        symbols = (await read_preferences(context)).watchlist
    else:
        symbols = (listed_symbol(arguments.symbol, context),)
    now_ms = context.clock.now_ms()
    asked, others = await asyncio.gather(
        asyncio.gather(*(_day_of(context, symbol, now_ms) for symbol in symbols)),
        asyncio.gather(*(_okx_day(context, symbol) for symbol in symbols)),
    )
    found = {symbol: rows for symbol, rows in zip(symbols, asked, strict=True) if not isinstance(rows, str)}
    sums = {
        symbol: [imbalance(rows, hours=hours, now_ms=now_ms) for hours in WINDOWS_H] for symbol, rows in found.items()
    }
    elsewhere = [rows for rows in others if not isinstance(rows, str)]
    of_okx = {
        symbol: _imbalances(rows, now_ms)
        for symbol, rows in zip(symbols, others, strict=True)
        if not isinstance(rows, str)
    }
    ends = {
        f"binance:{TICKER}": [rows[-1].open_ms + MINUTE_MS for rows in found.values() if rows],
        f"okx:{TAKER_VOLUME}": [rows[-1].open_ms + rows[-1].minutes * MINUTE_MS for rows in elsewhere],
    }
    return Flows(
        ts=now_ms // 1000,
        assets=tuple(
            _asset(symbol, sums.get(symbol) or str(rows), of_okx.get(symbol) or str(there))
            for symbol, rows, there in zip(symbols, asked, others, strict=True)
        ),
        rotations_detected=tuple(
            RotationValue(venue=venue, from_symbol=one.from_symbol, to_symbol=one.to_symbol, window=f"{one.hours}h")
            for venue, rows in (("binance", sums), ("okx", of_okx))
            for one in rotations(rows)
        ),
        coverage=number(len(found) / len(symbols)) if symbols else 0.0,
        note="taker imbalance of perpetuals, not deposits or withdrawals",
        sources=tuple(
            SourceUsed(
                name=name,
                venue=name.split(":")[0],
                endpoint=name.split(":", 1)[1],
                age_s=number(max(0, now_ms - max(end_ms)) / 1000, 1),
            )
            for name, end_ms in ends.items()
            if end_ms
        ),
    )


async def _okx_day(context: OperationContext, symbol: str) -> Sequence[TakerBucket] | str:
    """Quarters of an hour of a day, or why there are none."""
    source: object = context.cohorts.get("okx")
    if not isinstance(source, TakerFlows):
        return NOBODY_ASKS
    try:
        return await source.taker_day(symbol, priority=Priority.TRACKING) or "the venue has no such number of it"
    except AltmonitorError as problem:
        return str(problem)


async def _day_of(context: OperationContext, symbol: str, now_ms: int) -> Sequence[Candle] | str:
    """The minutes of a day, or why there are none."""
    if context.rest is None:
        return NOBODY_ASKS
    hours, page = WINDOWS_H[-1], 1_000
    start_ms = now_ms // MINUTE_MS * MINUTE_MS - hours * 60 * MINUTE_MS
    found: list[Candle] = []
    try:
        while start_ms <= now_ms:
            rows = await context.rest.klines(
                symbol, start_ms=start_ms, end_ms=now_ms, limit=page, priority=Priority.TRACKING
            )
            found += rows
            if len(rows) < page:
                break
            start_ms = rows[-1].open_ms + MINUTE_MS
    except AltmonitorError as problem:
        return str(problem)
    return found or "the venue has no candles of it"


def _imbalances(rows: Sequence[TakerBucket], now_ms: int) -> list[Imbalance]:
    return [imbalance(rows, hours=hours, now_ms=now_ms, each_min=rows[0].minutes) for hours in WINDOWS_H]


def _asset(symbol: str, perp: Sequence[Imbalance] | str, okx: Sequence[Imbalance] | str) -> AssetFlow:
    """By window, or why it is not known."""
    missing = {"spot": SPOT_MISSING, "bybit": NO_TAKERS, "hyperliquid": NO_TAKERS}
    missing |= {name: told for name, told in (("perp", perp), ("okx", okx)) if isinstance(told, str)}
    return AssetFlow(
        symbol=symbol,
        perp=None if isinstance(perp, str) else _windows(perp, f"binance:{TICKER}"),
        okx=None if isinstance(okx, str) else _windows(okx, f"okx:{TAKER_VOLUME}"),
        bybit=None,
        hyperliquid=None,
        spot=None,
        unavailable=missing,
    )


def _windows(sums: Sequence[Imbalance], source: str) -> dict[str, FlowWindow]:
    return {
        f"{one.hours}h": FlowWindow(
            usd=number(one.usd, 0),
            volume_usd=number(one.volume_usd, 0),
            share=number(one.share),
            minutes=one.minutes,
            source=source,
        )
        for one in sums
    }


SCORE_MARKET_OPERATIONS: Sequence[Operation] = (  # type: ignore[type-arg]  # of all kinds
    Operation(
        name="funding_arb",
        summary="Where funding of one coin differs between venues: spread per 8 hours, percent of a year, profit and "
        "fees on 10,000 USD.",
        arguments=FundingArbArguments,
        result=FundingArb,
        run=funding_arb,
        route="GET /v1/funding-arb",
        keyed=True,
        tool=False,
        examples=(Example(title="one coin", arguments={"symbol": "SOLUSDT", "min_spread": 0}),),
    ),
    Operation(
        name="taker_flows",
        summary="Bought minus sold by takers over 1 to 24 hours and where it went; no deposits or withdrawals.",
        arguments=FlowsArguments,
        result=Flows,
        run=flows,
        reads="exchange",
        route="GET /v1/flows",
        keyed=True,
        tool=False,
        examples=(Example(title="one contract", arguments={"symbol": "SOLUSDT"}),),
    ),
)
