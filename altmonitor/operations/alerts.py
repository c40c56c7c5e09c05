"""Stored alerts: lists page after page, and counts."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Sequence
from typing import Annotated

import msgspec

from altmonitor.core.alert import Alert, AlertPlace, DeliveryState, Kind, StoredAlert
from altmonitor.core.types import Venue
from altmonitor.operations.arguments import WORDS, shown
from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import BadArgument
from altmonitor.operations.operation import Example, Operation
from altmonitor.operations.symbols import SymbolWord, stored_symbol

ALERTS_DEFAULT, ALERTS_MAX = 100, 1_000
STATS_DEFAULT_H, STATS_MAX_H = 24, 720
STATS_TOP = 10
ROWS_AT_ONCE = 100
LAST_SECOND = 253_402_300_799

Limit = Annotated[int, msgspec.Meta(ge=1, le=ALERTS_MAX, description="At most so many, newest first.")]
Since = Annotated[
    float,
    msgspec.Meta(
        ge=0,
        le=LAST_SECOND,
        description="Detected at or after this unix second.",
        extra={WORDS: "unix seconds such as 1790000000"},
    ),
]
Cursor = Annotated[
    str, msgspec.Meta(min_length=1, max_length=80, description="next_cursor of the page before this one.")
]


class AlertsArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    limit: Limit = ALERTS_DEFAULT
    symbol: SymbolWord | None = None
    kind: Kind | None = None
    venue: Venue | None = None
    since: Since | None = None
    cursor: Cursor | None = None


class SymbolAlertsArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    symbol: SymbolWord
    limit: Limit = ALERTS_DEFAULT
    kind: Kind | None = None
    venue: Venue | None = None
    since: Since | None = None
    cursor: Cursor | None = None


class AlertEntry(Alert, frozen=True, kw_only=True):
    """A stored alert. delivery: the least finished state over all chats; null without any."""

    delivery: DeliveryState | None = None


class AlertPage(msgspec.Struct, frozen=True, kw_only=True):
    """alerts: newest first. next_cursor: for the page after this one; null: that was the last."""

    alerts: tuple[AlertEntry, ...]
    next_cursor: str | None


async def get_alerts(context: OperationContext, arguments: AlertsArguments) -> AlertPage:
    return await _page(
        context, arguments, None if arguments.symbol is None else stored_symbol(arguments.symbol, context)
    )


async def get_symbol_alerts(context: OperationContext, arguments: SymbolAlertsArguments) -> AlertPage:
    return await _page(context, arguments, stored_symbol(arguments.symbol, context))


async def _page(
    context: OperationContext, arguments: AlertsArguments | SymbolAlertsArguments, symbol: str | None
) -> AlertPage:
    before = None if arguments.cursor is None else _place(arguments.cursor)
    rows = await context.history().recent(
        limit=arguments.limit + 1,
        symbol=symbol,
        kind=arguments.kind,
        venue=arguments.venue,
        since_s=arguments.since,
        before=before,
    )
    shown_rows, has_more = rows[: arguments.limit], len(rows) > arguments.limit
    entries: list[AlertEntry] = []
    for at in range(0, len(shown_rows), ROWS_AT_ONCE):
        entries += map(_entry, shown_rows[at : at + ROWS_AT_ONCE])
        await asyncio.sleep(0)  # a thousand rows must not hold up a market frame
    return AlertPage(alerts=tuple(entries), next_cursor=_cursor(shown_rows[-1]) if has_more else None)


def _entry(row: StoredAlert) -> AlertEntry:
    return AlertEntry(
        **{name: getattr(row.alert, name) for name in Alert.__struct_fields__},
        delivery=row.delivery,
    )


def _cursor(row: StoredAlert) -> str:
    place = msgspec.json.encode(AlertPlace(row.alert.ts, row.alert.id or 0))
    return base64.urlsafe_b64encode(place).decode().rstrip("=")


def _place(cursor: str) -> AlertPlace:
    """Raises: BadArgument."""
    try:
        content = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        ts, alert_id = msgspec.json.decode(content, type=tuple[float, int])
    except (binascii.Error, ValueError, msgspec.DecodeError) as problem:
        raise BadArgument(f"cursor must be the next_cursor of an earlier page, not {shown(cursor)}") from problem
    if not 0 <= ts <= LAST_SECOND or not 0 <= alert_id < 2**62:
        raise BadArgument(f"cursor must be the next_cursor of an earlier page, not {shown(cursor)}")
    return AlertPlace(ts, alert_id)


# --- counts -------------------------------------------------------------------------------------------------------


class StatsArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    hours: Annotated[int, msgspec.Meta(ge=1, le=STATS_MAX_H, description="The last so many hours.")] = STATS_DEFAULT_H
    venue: Annotated[Venue, msgspec.Meta(description="All exchanges without it.")] | None = None


class SymbolCount(msgspec.Struct, frozen=True, kw_only=True):
    symbol: str
    count: int


class AlertCounts(msgspec.Struct, frozen=True, kw_only=True):
    """by_kind, by_venue: only those that occurred. by_symbol: the most frequent first, ten at most."""

    hours: int
    total: int
    by_kind: dict[str, int]
    by_venue: dict[str, int]
    by_symbol: tuple[SymbolCount, ...]


async def alert_stats(context: OperationContext, arguments: StatsArguments) -> AlertCounts:
    since_s = context.clock.now_ms() / 1000 - arguments.hours * 3600
    found = await context.history().stats(since_s=since_s, top=STATS_TOP, venue=arguments.venue)
    return AlertCounts(
        hours=arguments.hours,
        total=found.total,
        by_kind={str(kind): count for kind, count in found.by_kind.items()},
        by_venue={str(venue): count for venue, count in found.by_venue.items()},
        by_symbol=tuple(SymbolCount(symbol=symbol, count=count) for symbol, count in found.by_symbol),
    )


ALERT_OPERATIONS: Sequence[Operation] = (  # type: ignore[type-arg]  # of all kinds
    Operation(
        name="get_alerts",
        summary="Which alerts were raised lately, over all contracts, newest first, and what became of their delivery.",
        arguments=AlertsArguments,
        result=AlertPage,
        run=get_alerts,
        reads="stored",
        route="GET /api/alerts",
        chat="history",
        cli="history",
        examples=(Example(title="the newest two", arguments={"limit": 2}),),
    ),
    Operation(
        name="alert_stats",
        summary="How many alerts there were in the last hours, by kind and by contract.",
        arguments=StatsArguments,
        result=AlertCounts,
        run=alert_stats,
        reads="stored",
        route="GET /api/alerts/stats",
        chat="stats",
        cli="stats",
        examples=(Example(title="the last day", arguments={"hours": 24}),),
    ),
    Operation(
        name="get_symbol_alerts",
        summary="Stored alerts of one contract, the newest first.",
        arguments=SymbolAlertsArguments,
        result=AlertPage,
        run=get_symbol_alerts,
        reads="stored",
        route="GET /api/symbols/{symbol}/alerts",
        chat="history",
        cli="history",
        examples=(Example(title="the newest of one contract", arguments={"symbol": "SOLUSDT", "limit": 1}),),
    ),
)
