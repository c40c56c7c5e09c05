"""Funding at every venue side by side: per 8 hours whatever the interval, and how far the venues are apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from altmonitor.core.types import VENUE_TITLES, Venue
from altmonitor.core.venue_names import coin_of
from altmonitor.operations.arguments import shown
from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import UnknownContract
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
    told. source: who said so."""

    venue: str
    symbol: str
    rate_8h_pct: float
    interval_h: float
    next_ms: int | None
    age_s: float
    source: str


class CoinFunding(msgspec.Struct, frozen=True, kw_only=True):
    """spread_8h_pct: dearest minus cheapest venue for a long, percent per 8 hours; spread_apr_pct: the same for a year,
    simple, without fees. null where fewer than two venues are known."""

    coin: str
    venues: tuple[FundingAtVenue, ...]
    spread_8h_pct: float | None
    spread_apr_pct: float | None
    lowest_venue: str | None
    highest_venue: str | None


class FundingComparison(msgspec.Struct, frozen=True, kw_only=True):
    """as_of_ms: unix ms. known: coins of which any venue's rate is known; coins: those asked for."""

    as_of_ms: int
    known: int
    coins: tuple[CoinFunding, ...]


async def compare_fundings(context: OperationContext, arguments: CompareFundingsArguments) -> FundingComparison:
    board, now_ms = context.running().fundings, context.clock.now_ms()
    coins = board.coins()
    if arguments.symbol is None:
        found = [_coin(coin, board.of_coin(coin), now_ms) for coin in coins]
        found.sort(key=lambda row: -1.0 if row.spread_8h_pct is None else row.spread_8h_pct, reverse=True)
    else:
        symbol = spelled_symbol(arguments.symbol)
        rows = board.of(symbol)
        if not rows:
            raise UnknownContract(f"no funding rate of {shown(symbol)} is known at any venue")
        found = [_coin(coin_of(symbol), rows, now_ms)]
    return FundingComparison(as_of_ms=now_ms, known=len(coins), coins=tuple(found[: arguments.limit]))


def _coin(coin: str, rows: Sequence[VenueFunding], now_ms: int) -> CoinFunding:
    rates: dict[Venue, VenueFunding] = {row.venue: row for row in rows}
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
                source=SOURCES[row.source].format(venue=VENUE_TITLES[row.venue]),
            )
            for row in rows
        ),
        spread_8h_pct=None if spread is None else round(spread.spread_8h * 100, 6),
        spread_apr_pct=None if spread is None else round(spread.apr_pct, 2),
        lowest_venue=None if spread is None else spread.lower_venue,
        highest_venue=None if spread is None else spread.higher_venue,
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
