"""Who is positioned in one contract now: followed traders, top traders, open interest, funding, together and drawn.

Every part can be missing for its own reason. Who asks for one part gets that reason as an error; who asks for several
gets those that are known, and under `degraded` why the others are not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar, get_args

import msgspec

from altmonitor.core.json_text import camel
from altmonitor.interfaces.queries import MissingPart, Part, PositionScope, WhoFacts
from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import Blocked, OperationError, Unavailable, UnknownContract, Unreachable
from altmonitor.operations.operation import Example, Operation
from altmonitor.operations.symbols import OneSymbol, SymbolWord, listed_symbol
from altmonitor.positioning.funding import DEFAULT_NOTIONAL_USD
from altmonitor.positioning.open_interest import Basis
from altmonitor.positioning.picture import DISCLAIMER, PositionPicture, picture_values
from altmonitor.positioning.smart_money import notional_ratio, notional_usd
from altmonitor.positioning.units import rounded, whole_usd
from altmonitor.render.format import Style
from altmonitor.render.panel import panel_of, panel_page
from altmonitor.render.position_card import push_card
from altmonitor.settings.zones import zone_of

V = TypeVar("V")

Period = Literal["5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d"]
CardLanguage = Literal["en", "zh", "ru"]
Cause = Literal["blocked", "unreachable", "no data", "not tracked"]

RETRY_AFTER_S = 10
SMART_MONEY_SOURCE = "Binance: traders whom it lets others follow"
TOP_TRADER_SOURCE = "Binance: the 20 % of accounts with the largest margin balance"
OPEN_INTEREST_SOURCE = "Binance: open-interest statistics, 5-minute bars"
FUNDING_SOURCE = "Binance: mark price and funding rate"
PICTURE_SOURCE = "Binance USDT perpetual"


class DegradedPart(msgspec.Struct, frozen=True, kw_only=True, rename=camel):
    """What is missing from an answer, and why. untilMs: unix ms before which asking again is of no use."""

    part: str
    cause: Cause
    until_ms: int | None
    advice: str


def advice(cause: str, until_ms: int | None) -> str:
    """When asking again may help, in words."""
    match cause:
        case "blocked":
            return f"The exchange refuses this address; ask again after {_time_text(until_ms)}."
        case "unreachable":
            return "The exchange gave no usable answer; ask again in a minute."
        case "not tracked":
            return "Nothing fresh was tracked; run `altmonitor track`."
        case _:
            return "The exchange has no such numbers of this contract; asking again does not help."


def degraded(missing: Sequence[MissingPart]) -> tuple[DegradedPart, ...] | msgspec.UnsetType:
    parts = (
        DegradedPart(
            part=one.part, cause=_cause(one.cause), until_ms=one.until_ms, advice=advice(one.cause, one.until_ms)
        )
        for one in missing
    )
    return tuple(parts) or msgspec.UNSET


def _cause(given: str) -> Cause:
    return given if given in get_args(Cause) else "unreachable"  # type: ignore[return-value]  # just looked


def _time_text(at_ms: int | None) -> str:
    return (
        "some minutes" if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    )


async def asked(context: OperationContext, word: str, scope: PositionScope) -> WhoFacts:
    """Raises: BadArgument, UnknownContract, Unavailable where nobody may ask the exchange."""
    if context.positions is None:
        raise Unavailable("this process asks no exchange: run `altmonitor run`, or `altmonitor mcp`")
    return await context.positions.who(listed_symbol(word, context), scope)


def required(value: V | None, facts: WhoFacts, *parts: Part, now_ms: int) -> V:
    """Raises: Blocked, Unreachable or UnknownContract, in this order of what the parts are missing for."""
    if value is not None:
        return value
    raise why_missing([one for one in facts.missing if one.part in parts], facts.picture.symbol, now_ms=now_ms)


def why_missing(missing: Sequence[MissingPart], symbol: str, *, now_ms: int) -> OperationError:
    causes = {one.cause: one for one in reversed(missing)}
    if (blocked := causes.get("blocked")) is not None:
        until_ms = blocked.until_ms
        wait_s = None if until_ms is None else max(1, math.ceil((until_ms - now_ms) / 1000))
        return Blocked(
            f"{symbol}: the exchange refuses this address and is not asked before {_time_text(until_ms)}",
            until_ms=until_ms,
            retry_after_s=wait_s,
        )
    if (unreached := causes.get("unreachable")) is not None:
        why = f" ({unreached.reason})" if unreached.reason else ""
        return Unreachable(f"{symbol}: the exchange gave no usable answer{why}", retry_after_s=RETRY_AFTER_S)
    return UnknownContract(f"{symbol}: the exchange lists no such contract, or keeps no such numbers of it")


# --- followed traders ---------------------------------------------------------------------------------------------


class SideValues(msgspec.Struct, frozen=True, kw_only=True, rename=camel):
    """Those who are long, or short. USD at entry prices; profit: whole percent of them in profit; entries in USD.
    Whales: the largest of them by margin balance. null: nobody is there, or it is not known."""

    traders: int | None
    smart_money_usd: int | None
    avg_entry: float | None
    profit_pct: int | None
    whales: int | None
    whales_usd: int | None
    whale_avg_entry: float | None
    whale_profit_pct: int | None


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


async def get_smart_money(context: OperationContext, arguments: OneSymbol) -> SmartMoneyAnswer:
    facts = await asked(context, arguments.symbol, PositionScope(parts=frozenset({"smartMoney"})))
    required(facts.picture.overview, facts, "smartMoney", now_ms=context.clock.now_ms())
    return told(SmartMoneyAnswer, facts, "smartMoney")


def told(result: type[V], facts: WhoFacts, part: Part) -> V:
    """One part of the picture as the answer that is about it alone."""
    values = picture_values(facts.picture)[part]
    return msgspec.convert(
        {"symbol": facts.picture.symbol, **_object(values), **degraded_values(facts.missing)}, result
    )


def _object(values: object) -> dict[str, Any]:
    return dict(values) if isinstance(values, dict) else {}


def degraded_values(missing: Sequence[MissingPart]) -> dict[str, Any]:
    parts = degraded(missing)
    return {} if parts is msgspec.UNSET else {"degraded": msgspec.to_builtins(parts)}


# --- top traders, open interest, funding --------------------------------------------------------------------------


class PeriodArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=camel):
    symbol: SymbolWord
    period: Annotated[Period, msgspec.Meta(description="Length of a bucket of the ratios.")] = "5m"


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
    scope = PositionScope(parts=frozenset({"topTrader"}), period=arguments.period)
    facts = await asked(context, arguments.symbol, scope)
    required(facts.picture.top_traders, facts, "topTrader", now_ms=context.clock.now_ms())
    return told(TopTraderAnswer, facts, "topTrader")


class OpenInterestAnswer(msgspec.Struct, frozen=True, kw_only=True, rename=camel):
    """oiNowUsd: whole USD; oiNowCoins: base coins. oiChg*: percent of the coins, so that a price move alone is no
    change; null where the older bar is missing."""

    symbol: str
    oi_now_usd: int | None
    oi_now_coins: float
    oi_chg_5m: float | None
    oi_chg_15m: float | None
    oi_chg_1h: float | None
    oi_chg_4h: float | None
    age_sec: int
    source: str = OPEN_INTEREST_SOURCE
    disclaimer: str = DISCLAIMER


async def get_open_interest(context: OperationContext, arguments: OneSymbol) -> OpenInterestAnswer:
    facts = await asked(context, arguments.symbol, PositionScope(parts=frozenset({"openInterest"})))
    required(facts.picture.open_interest, facts, "openInterest", now_ms=context.clock.now_ms())
    return told(OpenInterestAnswer, facts, "openInterest")


class FundingArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=camel):
    symbol: SymbolWord
    notional_usd: Annotated[
        float, msgspec.Meta(ge=0, le=1e12, description="Size of the position the cost is computed for, USD.")
    ] = DEFAULT_NOTIONAL_USD


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
    scope = PositionScope(parts=frozenset({"funding"}), notional_usd=arguments.notional_usd)
    facts = await asked(context, arguments.symbol, scope)
    picture = facts.picture
    cost = required(picture.funding, facts, "funding", now_ms=context.clock.now_ms())
    values = _object(picture_values(picture)["funding"])
    assumed = " The exchange told no interval, 8 h is assumed." if cost.is_interval_assumed else ""
    return FundingAnswer(
        symbol=picture.symbol,
        price=picture.mark_price,
        rate_pct=cost.rate_pct,
        interval_hours=cost.interval_h,
        settlements_per_day=cost.settlements_per_day,
        annualized_pct=cost.annualized_pct,
        notional_usd=cost.notional_usd,
        per_settlement_usd=cost.per_settlement_usd,
        daily_usd=cost.daily_usd,
        annual_usd=cost.annual_usd,
        long_pays=cost.long_pays,
        next_funding_countdown=values["nextFundingCountdown"],
        age_sec=picture.funding_age_s,
        note=f"The rate as it stands for the next settlement; it moves until then.{assumed}",
    )


# --- all of it ----------------------------------------------------------------------------------------------------


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


# --- drawn --------------------------------------------------------------------------------------------------------


Language = Annotated[CardLanguage, msgspec.Meta(description="Language of the words; that of the settings without it.")]


class PanelArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=camel):
    symbol: SymbolWord
    include_html: Annotated[bool, msgspec.Meta(description="false: only the numbers.")] = True
    lang: Language | None = None


class PanelSide(msgspec.Struct, frozen=True, kw_only=True, rename=camel):
    """avgEntry: USD. profitPct: whole percent of the traders in profit."""

    avg_entry: float | None
    profit_pct: int | None
    whales: int | None


class PanelSummary(msgspec.Struct, frozen=True, kw_only=True, rename=camel):
    """USD at entry prices; smShareOfOI: a fraction 0…1; takerBsr: taker bought / sold."""

    price: float | None
    total_notional_usd: int | None
    total_traders: int | None
    long_short_notional_ratio: float | None
    long: PanelSide
    short: PanelSide
    top_position_lsr: float | None
    taker_bsr: float | None
    sm_share_of_oi: float | None = msgspec.field(name="smShareOfOI")
    oi_now_usd: int | None


class PanelAnswer(msgspec.Struct, frozen=True, kw_only=True, rename=camel):
    """html: one page that loads nothing; left out when it was not asked for."""

    symbol: str
    summary: PanelSummary
    age_sec: int
    html: str | msgspec.UnsetType = msgspec.UNSET
    source: str = PICTURE_SOURCE
    note: str
    disclaimer: str = DISCLAIMER
    degraded: tuple[DegradedPart, ...] | msgspec.UnsetType = msgspec.UNSET


async def render_panel(context: OperationContext, arguments: PanelArguments) -> PanelAnswer:
    facts = await asked(context, arguments.symbol, PositionScope())
    required(facts.picture.overview, facts, "smartMoney", now_ms=context.clock.now_ms())
    style = style_of(context, arguments.lang)
    html = panel_page(panel_of(facts.picture, style), lang=style.lang) if arguments.include_html else msgspec.UNSET
    return PanelAnswer(
        symbol=facts.picture.symbol,
        summary=_summary(facts.picture),
        age_sec=_age_s(facts.picture),
        html=html,
        note="html: save it as a file, or show it in a frame; it loads nothing.",
        degraded=degraded(facts.missing),
    )


def _age_s(picture: PositionPicture) -> int:
    seen = picture.overview
    return 0 if seen is None else max(0, (picture.now_ms - seen.captured_ms) // 1000)


def _summary(picture: PositionPicture) -> PanelSummary:
    seen, top, held, price = picture.overview, picture.top_traders, picture.open_interest, picture.price
    sides = _object(picture_values(picture)["smartMoney"])
    return PanelSummary(
        price=None if price is None else price.price,
        total_notional_usd=None if seen is None else whole_usd(notional_usd(seen)),
        total_traders=None if seen is None else seen.total_traders,
        long_short_notional_ratio=None if seen is None else rounded(notional_ratio(seen), 2),
        long=msgspec.convert(sides["long"], PanelSide),
        short=msgspec.convert(sides["short"], PanelSide),
        top_position_lsr=None if top is None else top.positions.long_short_ratio,
        taker_bsr=None if top is None else top.taker.buy_sell_ratio,
        sm_share_of_oi=rounded(picture.smart_money_share_of_oi, 3),
        oi_now_usd=None if held is None else whole_usd(held.usd),
    )


class PushArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=camel):
    symbol: SymbolWord
    lang: Language | None = None


class PushAnswer(msgspec.Struct, frozen=True, kw_only=True, rename=camel):
    """html: a message in Telegram's HTML (parse_mode HTML), at most 4,096 characters."""

    symbol: str
    html: str
    age_sec: int
    source: str = PICTURE_SOURCE
    note: str
    disclaimer: str = DISCLAIMER
    degraded: tuple[DegradedPart, ...] | msgspec.UnsetType = msgspec.UNSET


async def render_push(context: OperationContext, arguments: PushArguments) -> PushAnswer:
    facts = await asked(context, arguments.symbol, PositionScope())
    required(facts.picture.overview, facts, "smartMoney", now_ms=context.clock.now_ms())
    return PushAnswer(
        symbol=facts.picture.symbol,
        html="\n".join(push_card(facts, style_of(context, arguments.lang))),
        age_sec=_age_s(facts.picture),
        note="Send it with parse_mode HTML and link previews off.",
        degraded=degraded(facts.missing),
    )


def style_of(context: OperationContext, lang: str | None) -> Style:
    config = context.config
    return Style(
        lang=lang or config.smart_money_card_lang or config.alert_lang,
        tz=zone_of(config.alert_tz),
    )


_ONE = {"symbol": "SOLUSDT"}

POSITION_OPERATIONS: Sequence[Operation] = (  # type: ignore[type-arg]  # of all kinds
    Operation(
        name="get_smart_money",
        summary="Smart money in a contract: how many followed traders and whales are long and short, their sizes in "
        "USD, average entries and share in profit.",
        arguments=OneSymbol,
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
        arguments=OneSymbol,
        result=OpenInterestAnswer,
        run=get_open_interest,
        reads="exchange",
        route="GET /api/symbols/{symbol}/open-interest",
        chat="oi",
        examples=(Example(title="one contract", arguments=_ONE),),
    ),
    Operation(
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
        examples=(Example(title="one contract", arguments=_ONE),),
    ),
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
    Operation(
        name="render_panel",
        summary="A panel of who is positioned in a contract, as one page of HTML to look at, with its numbers.",
        arguments=PanelArguments,
        result=PanelAnswer,
        run=render_panel,
        reads="exchange",
        route="GET /api/symbols/{symbol}/panel",
        chat="who",
        cli="panel",
        examples=(Example(title="only the numbers", arguments={"symbol": "SOLUSDT", "includeHtml": False}),),
    ),
    Operation(
        name="render_push",
        summary="A Telegram message about who is positioned in a contract, ready to be sent by a bot.",
        arguments=PushArguments,
        result=PushAnswer,
        run=render_push,
        reads="exchange",
        route="GET /api/symbols/{symbol}/push",
        chat="who",
        examples=(Example(title="in English", arguments={"symbol": "SOLUSDT", "lang": "en"}),),
    ),
)
