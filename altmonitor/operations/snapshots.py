"""Stored snapshots of followed traders as rows: the newest of every contract, and one contract's past."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec

from altmonitor.operations.context import OperationContext
from altmonitor.operations.operation import Example, Operation
from altmonitor.operations.symbols import SymbolWord, spelled_symbol
from altmonitor.positioning.history import Snapshot
from altmonitor.positioning.open_interest import OiVelocity
from altmonitor.positioning.smart_money import notional_usd, profit_gap, share_of_oi, whale_spread
from altmonitor.storage.snapshot_queries import OI_COLUMNS, SMART_MONEY_COLUMNS, oi_row, smart_money_row

DAYS_DEFAULT: Final = 30
ROWS_MAX: Final = 20_000
DAY_MS: Final = 86_400_000

_DAYS = re.compile(r"[1-9]\d{0,4}", re.ASCII)


class SnapshotRow(msgspec.Struct, frozen=True, kw_only=True):
    """A stored row. ts: unix ms of the capture. *_qty: base coins; *_avg_entry_price, price: USD, price the mark price
    then. *_profit_*: how many are in profit. null: not known."""

    symbol: str
    ts: int
    total_positions: float | None
    total_traders: int | None
    long_short_ratio: float | None
    long_traders: int | None
    long_traders_qty: float | None
    long_traders_avg_entry_price: float | None
    long_whales: int | None
    long_whales_qty: float | None
    long_whales_avg_entry_price: float | None
    long_profit_traders: int | None
    long_profit_whales: int | None
    short_traders: int | None
    short_traders_qty: float | None
    short_traders_avg_entry_price: float | None
    short_whales: int | None
    short_whales_qty: float | None
    short_whales_avg_entry_price: float | None
    short_profit_traders: int | None
    short_profit_whales: int | None
    price: float | None


class NewestSnapshot(SnapshotRow, frozen=True, kw_only=True):
    """The newest row with the newest open interest. oi_chg_*: percent. *Pct, *Diff, whalePriceSpread, smRatio:
    fractions 0…1; smNotionalUsd: both sides, USD at entry prices; smRatio: of twice the open interest. ageSec,
    oiAgeSec: seconds since the capture."""

    oi_now_usd: float | None
    oi_chg_5m: float | None
    oi_chg_15m: float | None
    oi_chg_1h: float | None
    oi_chg_4h: float | None
    long_profit_pct: float | None = msgspec.field(name="longProfitPct")
    short_profit_pct: float | None = msgspec.field(name="shortProfitPct")
    long_whale_profit_pct: float | None = msgspec.field(name="longWhaleProfitPct")
    short_whale_profit_pct: float | None = msgspec.field(name="shortWhaleProfitPct")
    profit_diff: float | None = msgspec.field(name="profitDiff")
    whale_profit_diff: float | None = msgspec.field(name="whaleProfitDiff")
    whale_price_spread: float | None = msgspec.field(name="whalePriceSpread")
    sm_notional_usd: float | None = msgspec.field(name="smNotionalUsd")
    sm_ratio: float | None = msgspec.field(name="smRatio")
    age_sec: int = msgspec.field(name="ageSec")
    oi_age_sec: int | None = msgspec.field(name="oiAgeSec")


class NewestSnapshots(msgspec.Struct, frozen=True, kw_only=True):
    """rows: by symbol."""

    rows: tuple[NewestSnapshot, ...]


class SnapshotHistory(msgspec.Struct, frozen=True, kw_only=True):
    """rows: oldest → newest."""

    rows: tuple[SnapshotRow, ...]


class SnapshotsArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    symbol: SymbolWord | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=5_000, description="At most so many rows; all without it.")] | None = (
        None
    )


class SnapshotHistoryArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """days: anything but a number of days above 0 is taken for 30."""

    symbol: SymbolWord
    days: Annotated[str, msgspec.Meta(max_length=40, description="The last so many days; 30 for what is none.")] = str(
        DAYS_DEFAULT
    )
    after: Annotated[int, msgspec.Meta(ge=0, le=10**15, description="Only rows after this ts, for the next page.")] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=ROWS_MAX, description="At most so many rows.")] = ROWS_MAX


async def get_snapshots(context: OperationContext, arguments: SnapshotsArguments) -> NewestSnapshots:
    symbol = None if arguments.symbol is None else spelled_symbol(arguments.symbol)
    async with context.snapshots() as tracked:
        rows = await tracked.newest_snapshots(since_ms=0)
        held = dict(await tracked.newest_open_interest(since_ms=0))
    now_ms = context.clock.now_ms()
    newest = {row.overview.symbol: row for row in rows if symbol in (None, row.overview.symbol)}
    found = tuple(_newest(newest[name], held.get(name), now_ms) for name in sorted(newest))
    return NewestSnapshots(rows=found[: arguments.limit])


async def get_snapshot_history(context: OperationContext, arguments: SnapshotHistoryArguments) -> SnapshotHistory:
    days = int(arguments.days) if _DAYS.fullmatch(arguments.days) else DAYS_DEFAULT
    since_ms = context.clock.now_ms() - min(days, context.config.smart_money_keep_days or days) * DAY_MS
    async with context.snapshots() as tracked:
        rows = await tracked.snapshots(
            spelled_symbol(arguments.symbol), since_ms=max(since_ms, arguments.after + 1 if arguments.after else 0)
        )
    return SnapshotHistory(rows=tuple(SnapshotRow(**_columns(row)) for row in rows[: arguments.limit]))


def _columns(row: Snapshot) -> dict[str, Any]:
    return dict(zip(SMART_MONEY_COLUMNS, smart_money_row(row), strict=True))


def _newest(row: Snapshot, held: OiVelocity | None, now_ms: int) -> NewestSnapshot:
    seen, notional = row.overview, notional_usd(row.overview)
    interest = dict.fromkeys(OI_COLUMNS) if held is None else dict(zip(OI_COLUMNS, oi_row("", held), strict=True))
    return NewestSnapshot(
        **_columns(row),
        oi_now_usd=interest["oi_now_usd"],
        oi_chg_5m=interest["oi_chg_5m"],
        oi_chg_15m=interest["oi_chg_15m"],
        oi_chg_1h=interest["oi_chg_1h"],
        oi_chg_4h=interest["oi_chg_4h"],
        long_profit_pct=seen.long.profit_share,
        short_profit_pct=seen.short.profit_share,
        long_whale_profit_pct=seen.long.whale_profit_share,
        short_whale_profit_pct=seen.short.whale_profit_share,
        profit_diff=profit_gap(seen.long.profit_share, seen.short.profit_share),
        whale_profit_diff=profit_gap(seen.long.whale_profit_share, seen.short.whale_profit_share),
        whale_price_spread=whale_spread(seen),
        sm_notional_usd=notional,
        sm_ratio=None if held is None else share_of_oi(notional, held.usd),
        age_sec=max(0, now_ms - row.time_ms) // 1000,
        oi_age_sec=None if held is None else max(0, now_ms - held.time_ms) // 1000,
    )


def _tag(found: NewestSnapshots) -> str:
    """The tracker's sweep has no number; its newest rows are one. Ages grow, but what they are of stays."""
    newest_ms = max((row.ts for row in found.rows), default=0)
    oi_ms = max((row.ts + (row.age_sec - row.oi_age_sec) * 1000 for row in found.rows if row.oi_age_sec), default=0)
    return f"{len(found.rows)}-{newest_ms}-{oi_ms // 60_000}"


SNAPSHOT_OPERATIONS: Sequence[Operation] = (  # type: ignore[type-arg]  # of all kinds
    Operation(
        name="get_snapshots",
        summary="The newest tracked snapshot of every contract with open interest, shares in profit and whale spread.",
        arguments=SnapshotsArguments,
        result=NewestSnapshots,
        run=get_snapshots,
        reads="stored",
        route="GET /api/snapshots",
        body="rows",
        etag=_tag,
        examples=(Example(title="one contract", arguments={"symbol": "SOLUSDT"}),),
    ),
    Operation(
        name="get_snapshot_history",
        summary="Tracked snapshots of one contract over the last days, the oldest first.",
        arguments=SnapshotHistoryArguments,
        result=SnapshotHistory,
        run=get_snapshot_history,
        reads="stored",
        route="GET /api/symbol/{symbol}/history",
        body="rows",
        examples=(Example(title="the last day", arguments={"symbol": "SOLUSDT", "days": "1"}),),
    ),
)
