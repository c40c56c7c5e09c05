"""What the watched wallets hold of a contract, and what they did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

from altmonitor.core.venue_names import hyperliquid_coin
from altmonitor.operations.context import OperationContext
from altmonitor.operations.operation import Example, Operation
from altmonitor.operations.score_inputs import NO_WALLETS, WALLETS, ScoreInputs, inputs_of
from altmonitor.operations.score_values import DISCLAIMER, SourceUsed, digits, number, sources_of
from altmonitor.operations.symbols import OneSymbol, SymbolWord, listed_symbol
from altmonitor.positioning.wallets import WalletEvent, WalletPosition
from altmonitor.scores.readings import reason_of, value_of

TOP_POSITIONS = 10
EVENTS_MOST = 500
SIGNIFICANT_USD = {"high": 1_000_000.0, "medium": 100_000.0, "all": 0.0}


class WhalePosition(msgspec.Struct, frozen=True, kw_only=True):
    """wallet: shortened. entry, leverage: null where the venue tells none."""

    wallet: str
    side: str
    size_usd: float
    entry: float | None
    leverage: float | None
    source: str
    age_s: float
    unavailable: str | None


class Whales(msgspec.Struct, frozen=True, kw_only=True):
    """Wallets of Hyperliquid that are watched: only these, and only what they hold there.

    long_pct: percent of the wallets that hold it; notional_long_pct: percent of the USD.
    """

    ts: int
    symbol: str
    wallets: int | None
    long_wallets: int | None
    short_wallets: int | None
    long_pct: float | None
    notional_long_pct: float | None
    long_usd: float | None
    short_usd: float | None
    total_notional_usd: float | None
    top_positions: tuple[WhalePosition, ...]
    coverage: float
    unavailable: dict[str, str]
    sources: tuple[SourceUsed, ...]
    disclaimer: str = DISCLAIMER


async def whales(context: OperationContext, arguments: OneSymbol) -> Whales:
    inputs = await inputs_of(context, listed_symbol(arguments.symbol, context))
    totals = inputs.wallets
    names = ("wallets", "long_wallets", "short_wallets", "long_pct", "notional_long_pct", "long_usd", "short_usd")
    missing: dict[str, str] = {}
    if totals is None:
        missing = dict.fromkeys((*names, "total_notional_usd"), reason_of(inputs.readings, "whale_n_wallets"))
    largest = sorted(inputs.wallet_positions, key=lambda pair: -pair[1].notional_usd)[:TOP_POSITIONS]
    return Whales(
        ts=inputs.now_ms // 1000,
        symbol=inputs.symbol,
        wallets=None if totals is None else totals.wallets,
        long_wallets=None if totals is None else totals.long_wallets,
        short_wallets=None if totals is None else totals.short_wallets,
        long_pct=digits(value_of(inputs.readings, "whale_long_pct"), 2),
        notional_long_pct=digits(value_of(inputs.readings, "whale_notional_long_pct"), 2),
        long_usd=None if totals is None else number(totals.long_usd, 0),
        short_usd=None if totals is None else number(totals.short_usd, 0),
        total_notional_usd=None if totals is None else number(totals.total_usd, 0),
        top_positions=tuple(_whale_position(inputs, owner, one) for owner, one in largest),
        coverage=0.0 if totals is None else 1.0,
        unavailable=missing,
        sources=sources_of(inputs, ("whale_n_wallets",)),
    )


def _whale_position(inputs: ScoreInputs, owner: str, one: WalletPosition) -> WhalePosition:
    return WhalePosition(
        wallet=shortened(owner),
        side="long" if one.is_long else "short",
        size_usd=number(one.notional_usd, 0),
        entry=one.entry,
        leverage=one.leverage,
        source=f"hyperliquid:{WALLETS}",
        age_s=number(max(0, inputs.now_ms - one.as_of_ms) / 1000, 1),
        unavailable="the venue does not tell it" if None in (one.entry, one.leverage) else None,
    )


def shortened(address: str) -> str:
    """`0x1234…abcd`."""
    return address if len(address) <= 12 else f"{address[:6]}…{address[-4:]}"


class WhaleEventArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    symbol: SymbolWord | None = None
    significance: Annotated[
        Literal["high", "medium", "all"], msgspec.Meta(description="high: from 1 M USD, medium: from 100 k USD.")
    ] = "all"
    hours: Annotated[int, msgspec.Meta(ge=1, le=168)] = 24


class WhaleEventValue(msgspec.Struct, frozen=True, kw_only=True):
    """type: open, add, cut, flip_to_long, flip_to_short or close. wallet: shortened. ts: of the look that saw it;
    it happened since from_ts. size_usd: null where no price is known."""

    type: str
    symbol: str
    wallet: str
    direction: str
    size_usd: float | None
    from_ts: int
    ts: int
    source: str
    unavailable: str | None


class WhaleEventCounts(msgspec.Struct, frozen=True, kw_only=True):
    flips_to_long: int
    flips_to_short: int
    new_opens: int
    closes: int
    source: str


class WhaleEvents(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first, of the wallets that are watched and since they are: `watched_since_ts`."""

    ts: int
    hours: int
    watched_since_ts: int | None
    summary: WhaleEventCounts | None
    events: tuple[WhaleEventValue, ...]
    coverage: float
    unavailable: dict[str, str]
    sources: tuple[SourceUsed, ...]
    disclaimer: str = DISCLAIMER


async def whale_events(context: OperationContext, arguments: WhaleEventArguments) -> WhaleEvents:
    now_ms = context.clock.now_ms()
    symbol = None if arguments.symbol is None else listed_symbol(arguments.symbol, context)
    if context.wallets is None:
        return _no_events(arguments, now_ms, NO_WALLETS)
    since_ms = await context.wallets.watched_since_ms()
    if since_ms is None:
        found = await context.wallets.snapshot()
        return _no_events(arguments, now_ms, found.unavailable or "no wallet was looked at yet")
    rows = await context.wallets.events(
        since_ms=now_ms - arguments.hours * 3_600_000,
        coin=None if symbol is None else hyperliquid_coin(symbol),
        limit=EVENTS_MOST,
    )
    least = SIGNIFICANT_USD[arguments.significance]
    kept = [_event_value(one) for one in rows if (one.usd or 0.0) >= least]
    source = f"hyperliquid:{WALLETS}"
    snapshot = await context.wallets.snapshot()
    return WhaleEvents(
        ts=now_ms // 1000,
        hours=arguments.hours,
        watched_since_ts=since_ms // 1000,
        summary=WhaleEventCounts(
            flips_to_long=sum(one.type == "flip_to_long" for one in kept),
            flips_to_short=sum(one.type == "flip_to_short" for one in kept),
            new_opens=sum(one.type == "open" for one in kept),
            closes=sum(one.type == "close" for one in kept),
            source=source,
        ),
        events=tuple(kept),
        coverage=number(snapshot.coverage or 0.0),
        unavailable={},
        sources=(
            SourceUsed(name=source, venue="hyperliquid", endpoint=WALLETS, age_s=number(snapshot.oldest_age_s or 0, 1)),
        ),
    )


def _no_events(arguments: WhaleEventArguments, now_ms: int, why: str) -> WhaleEvents:
    return WhaleEvents(
        ts=now_ms // 1000,
        hours=arguments.hours,
        watched_since_ts=None,
        summary=None,
        events=(),
        coverage=0.0,
        unavailable=dict.fromkeys(("watched_since_ts", "summary"), why),
        sources=(),
    )


def _event_value(one: WalletEvent) -> WhaleEventValue:
    direction = "long" if one.is_long else "short"
    return WhaleEventValue(
        type=f"flip_to_{direction}" if one.kind == "flip" else one.kind,
        symbol=one.symbol,
        wallet=shortened(one.address),
        direction=direction,
        size_usd=digits(one.usd, 0),
        unavailable=None if one.usd is not None else "no price was known then",
        from_ts=one.from_ms // 1000,
        ts=one.at_ms // 1000,
        source=f"hyperliquid:{WALLETS}",
    )


WHALE_OPERATIONS: Sequence[Operation] = (  # type: ignore[type-arg]  # of all kinds
    Operation(
        name="whale_split",
        summary="How many of the watched Hyperliquid wallets are long and short in a contract, by heads and by USD, "
        "and the largest of them.",
        arguments=OneSymbol,
        result=Whales,
        run=whales,
        reads="exchange",
        route="GET /v1/whales",
        keyed=True,
        tool=False,
        examples=(Example(title="one contract", arguments={"symbol": "SOLUSDT"}),),
    ),
    Operation(
        name="whale_events",
        summary="What watched Hyperliquid wallets opened, added, cut, flipped and closed in the last hours.",
        arguments=WhaleEventArguments,
        result=WhaleEvents,
        run=whale_events,
        reads="stored",
        route="GET /v1/whale-events",
        keyed=True,
        tool=False,
        examples=(Example(title="large ones", arguments={"significance": "high"}),),
    ),
)
