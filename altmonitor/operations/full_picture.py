"""Who is positioned in one contract, all parts at once."""

from __future__ import annotations

import msgspec

from altmonitor.core.json_text import camel
from altmonitor.interfaces.queries import PositionScope, WhoFacts
from altmonitor.operations.context import OperationContext
from altmonitor.operations.operation import Example, Operation
from altmonitor.operations.position_facts import (
    PICTURE_SOURCE,
    DegradedPart,
    PeriodArguments,
    SideValues,
    asked,
    degraded_values,
    must_show_traders,
    required,
)
from altmonitor.positioning.open_interest import Basis
from altmonitor.positioning.picture import DISCLAIMER, picture_values


class TopTraderPart(msgspec.Struct, frozen=True, kw_only=True, rename=camel):
    """As get_top_trader."""

    period: str
    top_account_lsr: float
    top_position_lsr: float
    taker_buy_sell_ratio: float
    age_sec: int


class OpenInterestPart(msgspec.Struct, frozen=True, kw_only=True, rename=camel):
    """As get_open_interest."""

    oi_now_usd: int | None
    oi_now_coins: float
    oi_chg_5m: float | None
    oi_chg_15m: float | None
    oi_chg_1h: float | None
    oi_chg_4h: float | None
    age_sec: int


class FundingPart(msgspec.Struct, frozen=True, kw_only=True, rename=camel):
    """As get_funding. per10kPerSettlementUsd: USD that 10,000 USD of long pay (above 0) or get at one settlement."""

    rate_pct: float
    interval_hours: float
    annualized_pct: float
    per_10k_per_settlement_usd: float | None
    long_pays: bool | None
    next_funding_countdown: str | None
    age_sec: int | None


class SmartMoneyPart(msgspec.Struct, frozen=True, kw_only=True, rename=camel):
    """As get_smart_money. whaleSpread: how far the whales' short entry lies above their long one, a fraction of it."""

    long_short_ratio: float | None
    headcount_ratio: float | None
    notional_ratio: float | None
    total_traders: int | None
    total_notional_usd: int | None
    whale_spread: float | None
    long: SideValues
    short: SideValues
    signal_day_age_hours: float | None
    age_sec: int
    note: str


class FullPicture(msgspec.Struct, frozen=True, kw_only=True, rename=camel):
    """A part that is null is missing; `degraded` says why. price: USD; priceBasis: where it is from.
    smartMoneyShareOfOI: followed traders' notional / (2 × open interest), a fraction 0…1."""

    symbol: str
    price: float | None
    price_basis: Basis | None
    smart_money: SmartMoneyPart | None
    top_trader: TopTraderPart | None
    open_interest: OpenInterestPart | None
    funding: FundingPart | None
    smart_money_share_of_oi: float | None = msgspec.field(name="smartMoneyShareOfOI")
    source: str = PICTURE_SOURCE
    disclaimer: str = DISCLAIMER
    degraded: tuple[DegradedPart, ...] | msgspec.UnsetType = msgspec.UNSET


async def get_full_picture(context: OperationContext, arguments: PeriodArguments) -> FullPicture:
    must_show_traders(context, arguments.venue, "the whole picture")
    return full_picture(await whole(context, arguments.symbol, period=arguments.period))


async def whole(context: OperationContext, word: str, *, period: str = "5m") -> WhoFacts:
    """Raises: OperationError when followed traders, top traders and open interest are missing together."""
    facts = await asked(context, word, PositionScope(period=period))
    required(
        None if facts.picture.is_empty else facts,
        facts,
        *("smartMoney", "topTrader", "openInterest"),
        now_ms=context.clock.now_ms(),
    )
    return facts


def full_picture(facts: WhoFacts) -> FullPicture:
    values = picture_values(facts.picture)
    return msgspec.convert({**values, **degraded_values(facts.missing)}, FullPicture)


FULL_PICTURE = Operation(
    name="get_full_picture",
    summary="Everything about who is positioned in a contract at once: smart money, top traders, open interest, "
    "funding, mark price.",
    arguments=PeriodArguments,
    result=FullPicture,
    run=get_full_picture,
    reads="exchange",
    route="GET /api/symbols/{symbol}/picture",
    chat="who",
    cli="who",
    examples=(Example(title="one contract", arguments={"symbol": "SOLUSDT"}),),
)
