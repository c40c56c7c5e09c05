"""Who is positioned in one contract now: followed traders, top traders, open interest, funding, and all together.

Followed and top traders are Binance's. Open interest and funding of another venue are those of its live market.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from altmonitor.core.json_text import camel
from altmonitor.core.types import VENUE_TITLES, Fraction, Venue
from altmonitor.interfaces.queries import PositionScope
from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import NotFound
from altmonitor.operations.full_picture import FULL_PICTURE
from altmonitor.operations.operation import Example, Operation
from altmonitor.operations.position_facts import (
    FUNDING_SOURCE,
    OPEN_INTEREST_SOURCE,
    SMART_MONEY_SOURCE,
    TOP_TRADER_SOURCE,
    DegradedPart,
    PeriodArguments,
    SideValues,
    asked,
    must_show_traders,
    object_of,
    required,
    told,
)
from altmonitor.operations.symbols import OneContractAt, SymbolWord, VenueWord, listed_symbol
from altmonitor.positioning.funding import DEFAULT_NOTIONAL_USD, FundingCost, funding_cost, funding_countdown
from altmonitor.positioning.picture import DISCLAIMER, picture_values

# --- followed traders ---------------------------------------------------------------------------------------------


class SmartMoneyAnswer(msgspec.Struct, frozen=True, kw_only=True, rename=camel):
    """longShortRatio: long coins / short coins; headcountRatio: of heads. totalNotionalUsd: both sides, USD at entry
    prices. signalDayAgeHours: of the exchange's daily stamp, which tells nothing of the age of the numbers; ageSec:
    since we were told them."""

    symbol: str
    long_short_ratio: float | None
    headcount_ratio: float | None
    total_notional_usd: int | None
    total_traders: int | None
    long: SideValues
    short: SideValues
    signal_day_age_hours: float | None
    age_sec: int
    source: str = SMART_MONEY_SOURCE
    note: str = ""
    disclaimer: str = DISCLAIMER
    degraded: tuple[DegradedPart, ...] | msgspec.UnsetType = msgspec.UNSET


async def get_smart_money(context: OperationContext, arguments: OneContractAt) -> SmartMoneyAnswer:
    must_show_traders(context, arguments.venue, "followed traders")
    facts = await asked(context, arguments.symbol, PositionScope(parts=frozenset({"smartMoney"})))
    required(facts.picture.overview, facts, "smartMoney", now_ms=context.clock.now_ms())
    return told(SmartMoneyAnswer, facts, "smartMoney")


# --- top traders, open interest, funding --------------------------------------------------------------------------


class TopTraderAnswer(msgspec.Struct, frozen=True, kw_only=True, rename=camel):
    """Newest bucket of `period`. Lsr: long / short, of accounts and of position sizes; taker volumes in base coins."""

    symbol: str
    period: str
    top_account_lsr: float
    top_position_lsr: float
    taker_buy_sell_ratio: float
    taker_buy_vol: float
    taker_sell_vol: float
    age_sec: int
    source: str = TOP_TRADER_SOURCE
    disclaimer: str = DISCLAIMER


async def get_top_trader(context: OperationContext, arguments: PeriodArguments) -> TopTraderAnswer:
    must_show_traders(context, arguments.venue, "top traders with what takers bought")
    scope = PositionScope(parts=frozenset({"topTrader"}), period=arguments.period)
    facts = await asked(context, arguments.symbol, scope)
    required(facts.picture.top_traders, facts, "topTrader", now_ms=context.clock.now_ms())
    return told(TopTraderAnswer, facts, "topTrader")


class OpenInterestAnswer(msgspec.Struct, frozen=True, kw_only=True, rename=camel):
    """oiNowUsd: whole USD; oiNowCoins: base coins of one side. oiChg*: percent of the coins, so that a price move
    alone is no change; null where the older bar is missing, or as `note` says."""

    symbol: str
    oi_now_usd: int | None
    oi_now_coins: float
    oi_chg_5m: float | None
    oi_chg_15m: float | None
    oi_chg_1h: float | None
    oi_chg_4h: float | None
    age_sec: int
    source: str = OPEN_INTEREST_SOURCE
    note: str = ""
    disclaimer: str = DISCLAIMER


async def get_open_interest(context: OperationContext, arguments: OneContractAt) -> OpenInterestAnswer:
    if (venue := _elsewhere(context, arguments.venue)) is not None:
        return await _open_interest_at(context, arguments.symbol, venue)
    facts = await asked(context, arguments.symbol, PositionScope(parts=frozenset({"openInterest"})))
    required(facts.picture.open_interest, facts, "openInterest", now_ms=context.clock.now_ms())
    return told(OpenInterestAnswer, facts, "openInterest")


async def _open_interest_at(context: OperationContext, word: str, venue: Venue) -> OpenInterestAnswer:
    view = context.running().at(venue)
    symbol = listed_symbol(word, context, venue)
    facts = await view.market.open_interest(symbol)
    if facts is None:
        raise NotFound(f"open interest of {symbol} at {VENUE_TITLES[venue]} was not sampled yet")
    return OpenInterestAnswer(
        symbol=symbol,
        oi_now_usd=None if facts.usd is None else round(facts.usd),
        oi_now_coins=facts.contracts,
        oi_chg_5m=None if facts.change_5m_pct is None else round(facts.change_5m_pct, 2),
        oi_chg_15m=None,
        oi_chg_1h=None,
        oi_chg_4h=None,
        age_sec=max(0, (context.clock.now_ms() - facts.sampled_ms) // 1000),
        source=f"{VENUE_TITLES[venue]}: its table of open interest, as this monitor reads it",
        note="Of 15 minutes, 1 and 4 hours nothing is kept of this exchange: those changes are null.",
    )


class FundingArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=camel):
    symbol: SymbolWord
    notional_usd: Annotated[
        float, msgspec.Meta(ge=0, le=1e12, description="Size of the position the cost is computed for, USD.")
    ] = DEFAULT_NOTIONAL_USD
    venue: VenueWord | None = None


class FundingAnswer(msgspec.Struct, frozen=True, kw_only=True, rename=camel):
    """price: mark price, USD. ratePct: percent per interval. annualizedPct: simple, not compounded. Amounts in USD for
    `notionalUsd`, from the long's view: above 0 the long pays, longPays null when nobody does."""

    symbol: str
    price: float | None
    rate_pct: float
    interval_hours: float
    settlements_per_day: float
    annualized_pct: float
    notional_usd: float
    per_settlement_usd: float
    daily_usd: float
    annual_usd: float
    long_pays: bool | None
    next_funding_countdown: str | None
    age_sec: int | None
    source: str = FUNDING_SOURCE
    note: str
    disclaimer: str = DISCLAIMER


async def get_funding(context: OperationContext, arguments: FundingArguments) -> FundingAnswer:
    now_ms = context.clock.now_ms()
    if (venue := _elsewhere(context, arguments.venue)) is not None:
        return await _funding_at(context, arguments, venue)
    scope = PositionScope(parts=frozenset({"funding"}), notional_usd=arguments.notional_usd)
    facts = await asked(context, arguments.symbol, scope)
    picture = facts.picture
    cost = required(picture.funding, facts, "funding", now_ms=now_ms)
    return _funding(
        cost,
        symbol=picture.symbol,
        price=picture.mark_price,
        countdown=object_of(picture_values(picture)["funding"])["nextFundingCountdown"],
        age_s=picture.funding_age_s,
        source=FUNDING_SOURCE,
    )


async def _funding_at(context: OperationContext, arguments: FundingArguments, venue: Venue) -> FundingAnswer:
    view = context.running().at(venue)
    symbol = listed_symbol(arguments.symbol, context, venue)
    facts = await view.market.funding(symbol)
    rate = None if facts is None else Fraction(facts.rate)
    hours = None if facts is None else facts.interval_h
    cost = funding_cost(rate, interval_h=hours, notional_usd=arguments.notional_usd)
    if facts is None or cost is None:
        raise NotFound(f"no funding rate of {symbol} at {VENUE_TITLES[venue]} was told lately")
    now_ms = context.clock.now_ms()
    return _funding(
        cost,
        symbol=symbol,
        price=facts.mark_price,
        countdown=funding_countdown(facts.next_ms, now_ms),
        age_s=max(0, (now_ms - facts.as_of_ms) // 1000),
        source=f"{VENUE_TITLES[venue]}: mark price and funding rate",
    )


def _funding(
    cost: FundingCost, *, symbol: str, price: float | None, countdown: str | None, age_s: int | None, source: str
) -> FundingAnswer:
    assumed = " The exchange told no interval, 8 h is assumed." if cost.is_interval_assumed else ""
    return FundingAnswer(
        symbol=symbol,
        price=price,
        rate_pct=cost.rate_pct,
        interval_hours=cost.interval_h,
        settlements_per_day=cost.settlements_per_day,
        annualized_pct=cost.annualized_pct,
        notional_usd=cost.notional_usd,
        per_settlement_usd=cost.per_settlement_usd,
        daily_usd=cost.daily_usd,
        annual_usd=cost.annual_usd,
        long_pays=cost.long_pays,
        next_funding_countdown=countdown,
        age_sec=age_s,
        source=source,
        note=f"The rate as it stands for the next settlement; it moves until then.{assumed}",
    )


# --- which exchange -----------------------------------------------------------------------------------------------


def _elsewhere(context: OperationContext, venue: Venue | None) -> Venue | None:
    """Whose live market answers; None: Binance is asked, whose statistics reach further back."""
    if context.monitor is None:
        return None if venue in (None, "binance") else venue
    main = next(iter(context.monitor.venues))
    wanted = venue or main
    return None if wanted == main == "binance" else wanted


_ONE = {"symbol": "SOLUSDT"}

POSITION_OPERATIONS: Sequence[Operation] = (  # type: ignore[type-arg]  # of all kinds
    Operation(
        name="get_smart_money",
        summary="Smart money in a contract: how many followed traders and whales are long and short, their sizes in "
        "USD, average entries and share in profit.",
        arguments=OneContractAt,
        result=SmartMoneyAnswer,
        run=get_smart_money,
        reads="exchange",
        route="GET /api/symbols/{symbol}/smart-money",
        chat="who",
        examples=(Example(title="one contract", arguments=_ONE),),
    ),
    Operation(
        name="get_top_trader",
        summary="Top traders of a contract: long/short ratio of their accounts and of their position sizes, and the "
        "taker buy and sell volume.",
        arguments=PeriodArguments,
        result=TopTraderAnswer,
        run=get_top_trader,
        reads="exchange",
        route="GET /api/symbols/{symbol}/top-traders",
        chat="who",
        examples=(Example(title="by the hour", arguments={"symbol": "SOLUSDT", "period": "1h"}),),
    ),
    Operation(
        name="get_open_interest",
        summary="Open interest of a contract now, in USD and coins, and its change over the last 5 and 15 minutes, "
        "1 and 4 hours.",
        arguments=OneContractAt,
        result=OpenInterestAnswer,
        run=get_open_interest,
        reads="exchange",
        route="GET /api/symbols/{symbol}/open-interest",
        chat="oi",
        examples=(Example(title="one contract", arguments=_ONE),),
    ),
    FULL_PICTURE,
    Operation(
        name="get_funding",
        summary="Funding rate of a contract and what holding a position costs in USD per settlement, day and year.",
        arguments=FundingArguments,
        result=FundingAnswer,
        run=get_funding,
        reads="exchange",
        route="GET /api/symbols/{symbol}/funding",
        chat="funding",
        examples=(Example(title="50,000 USD", arguments={"symbol": "SOLUSDT", "notionalUsd": 50000}),),
    ),
)
