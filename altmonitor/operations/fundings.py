"""Funding at every venue side by side: per 8 hours whatever the interval, and how far the venues are apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from altmonitor.core.types import VENUE_TITLES, Venue
from altmonitor.core.venue_names import coin_of
from altmonitor.operations.arguments import shown
from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import NoMonitor, UnknownContract
from altmonitor.operations.known_fundings import (
    NO_FUNDINGS,
    CoinFundings,
    all_fundings,
    average_of,
    coins_known,
    fundings_of,
)
from altmonitor.operations.operation import Example, Operation
from altmonitor.operations.symbols import SymbolWord, spelled_symbol
from altmonitor.positioning.funding import FundingSource, VenueFunding, funding_spread

COINS_DEFAULT, COINS_MAX = 20, 2_000
SOURCES: dict[FundingSource, str] = {
    "own": "{venue}: its own funding table",
    "predicted": "Hyperliquid predictedFundings",
}


class CompareFundingsArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    symbol: Annotated[SymbolWord, msgspec.Meta(description="Only this contract's coin; all without it.")] | None = None
    limit: Annotated[
        int, msgspec.Meta(ge=1, le=COINS_MAX, description="At most so many coins, the widest spread first.")
    ] = COINS_DEFAULT


class FundingAtVenue(msgspec.Struct, frozen=True, kw_only=True):
    """rate_8h_pct: percent per 8 hours; above 0 longs pay. interval_h: hours between two settlements; null next_ms: not
    told. open_interest_usd: of one side there; null: not known. source: who told the rate."""

    venue: str
    symbol: str
    rate_8h_pct: float
    interval_h: float
    next_ms: int | None
    age_s: float
    open_interest_usd: float | None
    source: str


class CoinFunding(msgspec.Struct, frozen=True, kw_only=True):
    """spread_8h_pct: dearest minus cheapest venue for a long, percent per 8 hours; spread_apr_pct: the same for a year,
    simple, without fees. null where fewer than two venues are known. average_8h_pct: over the venues in `average_of`,
    each weighted by its open interest; null where that is known of none."""

    coin: str
    venues: tuple[FundingAtVenue, ...]
    spread_8h_pct: float | None
    spread_apr_pct: float | None
    lowest_venue: str | None
    highest_venue: str | None
    average_8h_pct: float | None
    average_of: tuple[str, ...]


class FundingComparison(msgspec.Struct, frozen=True, kw_only=True):
    """as_of_ms: unix ms. known: coins of which any venue's rate is known; coins: those asked for."""

    as_of_ms: int
    known: int
    coins: tuple[CoinFunding, ...]


async def compare_fundings(context: OperationContext, arguments: CompareFundingsArguments) -> FundingComparison:
    now_ms = context.clock.now_ms()
    if arguments.symbol is None:
        known = await all_fundings(context)
        if known is None:
            raise NoMonitor(NO_FUNDINGS)
        found = [_coin(coin, rows, now_ms) for coin, rows in known.items()]
        found.sort(key=lambda row: -1.0 if row.spread_8h_pct is None else row.spread_8h_pct, reverse=True)
        return FundingComparison(as_of_ms=now_ms, known=len(known), coins=tuple(found[: arguments.limit]))
    symbol = spelled_symbol(arguments.symbol)
    of_coin = await fundings_of(context, symbol)
    if of_coin is None:
        raise NoMonitor(NO_FUNDINGS)
    if not of_coin:
        raise UnknownContract(f"no funding rate of {shown(symbol)} is known at any venue")
    return FundingComparison(
        as_of_ms=now_ms, known=await coins_known(context), coins=(_coin(coin_of(symbol), of_coin, now_ms),)
    )


def _coin(coin: str, sized: CoinFundings, now_ms: int) -> CoinFunding:
    rates: dict[Venue, VenueFunding] = {row.funding.venue: row.funding for row in sized}
    average, _ = average_of(sized)
    spread = funding_spread({venue: row.rate_8h for venue, row in rates.items()})
    return CoinFunding(
        coin=coin,
        venues=tuple(
            FundingAtVenue(
                venue=row.venue,
                symbol=row.symbol,
                rate_8h_pct=round(row.rate_8h * 100, 6),
                interval_h=row.interval_h,
                next_ms=row.next_ms,
                age_s=round(row.age_s(now_ms), 1),
                open_interest_usd=None if one.oi_usd is None else round(one.oi_usd),
                source=SOURCES[row.source].format(venue=VENUE_TITLES[row.venue]),
            )
            for one in sized
            for row in (one.funding,)
        ),
        spread_8h_pct=None if spread is None else round(spread.spread_8h * 100, 6),
        spread_apr_pct=None if spread is None else round(spread.apr_pct, 2),
        lowest_venue=None if spread is None else spread.lower_venue,
        highest_venue=None if spread is None else spread.higher_venue,
        average_8h_pct=None if average is None else round(average.rate_8h * 100, 6),
        average_of=() if average is None else average.venues,
    )


FUNDING_OPERATIONS: Sequence[Operation] = (  # type: ignore[type-arg]  # of all kinds
    Operation(
        name="compare_fundings",
        summary="Funding of a coin at every venue watched, per 8 hours whatever the interval, and the spread between "
        "the venues; all coins by spread without a symbol.",
        arguments=CompareFundingsArguments,
        result=FundingComparison,
        run=compare_fundings,
        route="GET /api/funding",
        chat="funding",
        examples=(
            Example(title="one coin", arguments={"symbol": "SOLUSDT"}),
            Example(title="the three widest spreads", arguments={"limit": 3}),
        ),
    ),
)
