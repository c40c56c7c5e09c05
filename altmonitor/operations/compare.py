"""Two contracts side by side: one row of the table, one function, and its texts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, replace

import msgspec

from altmonitor.core.json_text import camel
from altmonitor.core.types import Fraction
from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import BadArgument
from altmonitor.operations.full_picture import whole
from altmonitor.operations.operation import Example, Operation
from altmonitor.operations.position_facts import PICTURE_SOURCE, DegradedPart, degraded
from altmonitor.operations.symbols import SymbolWord, listed_symbol
from altmonitor.positioning.picture import DISCLAIMER, key_numbers
from altmonitor.positioning.units import rounded


class CompareArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    first: SymbolWord
    second: SymbolWord


class ComparedContract(msgspec.Struct, frozen=True, kw_only=True, rename=camel):
    """Of one contract; null is not known. USD at entry prices; Lsr: long / short; funding as percent of a year."""

    symbol: str
    price: float | None
    smart_money_usd: int | None
    notional_ratio: float | None
    long_profit_pct: int | None
    short_profit_pct: int | None
    smart_money_share_of_oi: float | None = msgspec.field(name="smartMoneyShareOfOI")
    top_position_lsr: float | None
    top_account_lsr: float | None
    oi_now_usd: int | None
    oi_chg_1h: float | None
    oi_chg_4h: float | None
    funding_annualized_pct: float | None
    age_sec: int | None
    degraded: tuple[DegradedPart, ...] | msgspec.UnsetType = msgspec.UNSET


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The same numbers of both, in the order asked for. No side of them is better."""

    first: ComparedContract
    second: ComparedContract
    source: str = PICTURE_SOURCE
    disclaimer: str = DISCLAIMER


async def compare(context: OperationContext, arguments: CompareArguments) -> Comparison:
    names = [listed_symbol(word, context) for word in (arguments.first, arguments.second)]
    if names[0] == names[1]:
        raise BadArgument(f"two different contracts are needed, not {names[0]} twice")
    first, second = await asyncio.gather(*(_contract(context, name) for name in names))
    return Comparison(first=first, second=second)


async def _contract(context: OperationContext, symbol: str) -> ComparedContract:
    facts = await whole(context, symbol)
    numbers = key_numbers(facts.picture)
    share = rounded(numbers.smart_money_share_of_oi, 3)
    values = asdict(replace(numbers, smart_money_share_of_oi=None if share is None else Fraction(share)))
    return ComparedContract(**values, degraded=degraded(facts.missing))


COMPARE_OPERATIONS: Sequence[Operation] = (  # type: ignore[type-arg]  # of all kinds
    Operation(
        name="compare",
        summary="Compares two contracts side by side: smart money, top traders, open interest and funding of both.",
        arguments=CompareArguments,
        result=Comparison,
        run=compare,
        reads="exchange",
        route="GET /api/compare",
        chat="compare",
        cli="compare",
        examples=(Example(title="two contracts", arguments={"first": "BTCUSDT", "second": "SOLUSDT"}),),
    ),
)
