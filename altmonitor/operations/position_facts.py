"""Who is positioned in a contract, asked for an operation: what is missing becomes an error or a degraded part.

Who asks for one part gets the reason as an error; who asks for several gets those that are known, and under
`degraded` why the others are not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar, get_args

import msgspec

from altmonitor.core.json_text import camel
from altmonitor.core.types import VENUE_TITLES, Venue
from altmonitor.interfaces.queries import MissingPart, Part, PositionScope, WhoFacts
from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import BadArgument, Blocked, OperationError, Unavailable, UnknownContract, Unreachable
from altmonitor.operations.symbols import SymbolWord, VenueWord, listed_symbol
from altmonitor.positioning.picture import picture_values

V = TypeVar("V")

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


def told(result: type[V], facts: WhoFacts, part: Part) -> V:
    """One part of the picture as the answer that is about it alone."""
    values = picture_values(facts.picture)[part]
    return msgspec.convert(
        {"symbol": facts.picture.symbol, **object_of(values), **degraded_values(facts.missing)}, result
    )


def object_of(values: object) -> dict[str, Any]:
    return dict(values) if isinstance(values, dict) else {}


def degraded_values(missing: Sequence[MissingPart]) -> dict[str, Any]:
    parts = degraded(missing)
    return {} if parts is msgspec.UNSET else {"degraded": msgspec.to_builtins(parts)}


Period = Literal["5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d"]


class PeriodArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=camel):
    symbol: SymbolWord
    period: Annotated[Period, msgspec.Meta(description="Length of a bucket of the ratios.")] = "5m"
    venue: VenueWord | None = None


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


def must_show_traders(context: OperationContext, venue: Venue | None, what: str) -> None:
    """Raises: BadArgument for an exchange that does not show who is positioned."""
    if venue in (None, "binance"):
        return
    raise BadArgument(
        f"{what}: Binance alone shows them, not {VENUE_TITLES[venue]}; get_divergence with venue=okx compares the "
        "crowd with top traders of OKX, get_open_interest and get_funding take every venue that is watched"
    )
