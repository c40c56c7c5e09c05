"""Who is positioned: the table of all tracked contracts, the stored rows of one, crowd against top traders."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from altmonitor.operations.context import OperationContext
from altmonitor.positioning.history import Snapshot
from altmonitor.positioning.open_interest import OiVelocity
from altmonitor.positioning.ratios import TopTraders
from altmonitor.positioning.smart_money import notional_usd, profit_gap, share_of_oi, whale_spread
from altmonitor.render import format as n
from altmonitor.render.alert_parts import DASH, dashed
from altmonitor.render.format import Style
from altmonitor.render.position_card import whales_of
from altmonitor.render.texts.page_texts import say_page
from altmonitor.web.pages.rendering import one
from altmonitor.web.pages.tables import (
    Cell,
    Column,
    Heading,
    headings,
    oi_change_cell,
    order_of,
    price_cell,
    ratio_cell,
    share_cell,
    sorted_rows,
    usd_cell,
)

DAY_MS: Final = 86_400_000
NEWEST_WITHIN_MS: Final = 30 * DAY_MS
OI_WITHIN_MS: Final = 2 * 3_600_000
"""A row of open interest that old says nothing about a row of traders."""

DEFAULT_SORT: Final = "oi"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedRow:
    """The newest of each series of one contract; None where nothing is stored. now_ms: when it was looked at."""

    snapshot: Snapshot
    velocity: OiVelocity | None
    top: TopTraders | None
    now_ms: int

    @property
    def symbol(self) -> str:
        return self.snapshot.overview.symbol

    @property
    def share(self) -> float | None:
        """Of open interest that followed traders hold, 0…1; None when either is not known."""
        usd = None if self.velocity is None else self.velocity.usd
        return share_of_oi(notional_usd(self.snapshot.overview), usd)

    @property
    def spread_pct(self) -> float | None:
        """Of the entries of the two sides, percent; None when either is not known."""
        spread = whale_spread(self.snapshot.overview)
        return None if spread is None else spread * 100

    @property
    def whales(self) -> int | None:
        return whales_of(self.snapshot.overview)


def _count(value: int | None) -> str:
    return DASH if value is None else f"{value:,}"


def _abs(value: float | None) -> float | None:
    return None if value is None else abs(value)


def _oi(row: TrackedRow, name: str) -> float | None:
    found: float | None = None if row.velocity is None else getattr(row.velocity, name)
    return found


def _top(row: TrackedRow, part: Callable[[TopTraders], float]) -> Cell:
    return ratio_cell(None if row.top is None else part(row.top))


def _spread_cell(row: TrackedRow) -> Cell:
    return dashed(n.pct(row.spread_pct)), ""  # uncoloured: nothing follows from its sign


def smart_columns(style: Style) -> Sequence[Column[TrackedRow]]:
    """In the order of the older tool's table, then the top traders."""

    def updated(row: TrackedRow) -> Cell:
        at_ms = row.snapshot.time_ms
        age = n.age((row.now_ms - at_ms) / 1000, style.lang)
        return f"{n.clock_minute(at_ms, style.tz, is_dated=row.now_ms - at_ms > DAY_MS)} ({age})", ""

    def seen(row: TrackedRow) -> Snapshot:
        return row.snapshot

    return (
        Column(
            name="col_symbol",
            mean="mean_symbol",
            sort="symbol",
            size=lambda row: row.symbol,
            cell=lambda row: (row.symbol, ""),
            is_text=True,
        ),
        Column(
            name="col_traders",
            mean="mean_traders",
            sort="whales",
            size=lambda row: row.whales,
            cell=lambda row: (f"{_count(seen(row).overview.total_traders)} ({_count(row.whales)})", ""),
        ),
        Column(
            name="col_lsr",
            mean="mean_lsr",
            sort="longShort",
            size=lambda row: _abs(None if (r := seen(row).overview.long_short_ratio) is None else r - 1),
            cell=lambda row: ratio_cell(seen(row).overview.long_short_ratio),
        ),
        Column(
            name="col_long_profit",
            mean="mean_profit",
            sort="profitDiff",
            size=lambda row: profit_gap(seen(row).overview.long.profit_share, seen(row).overview.short.profit_share),
            cell=lambda row: share_cell(seen(row).overview.long.profit_share),
        ),
        Column(
            name="col_short_profit",
            mean="mean_profit",
            cell=lambda row: share_cell(seen(row).overview.short.profit_share),
        ),
        Column(
            name="col_long_whale_profit",
            mean="mean_profit",
            sort="whaleDiff",
            size=lambda row: profit_gap(
                seen(row).overview.long.whale_profit_share, seen(row).overview.short.whale_profit_share
            ),
            cell=lambda row: share_cell(seen(row).overview.long.whale_profit_share),
        ),
        Column(
            name="col_short_whale_profit",
            mean="mean_profit",
            cell=lambda row: share_cell(seen(row).overview.short.whale_profit_share),
        ),
        Column(
            name="col_long_whale_avg",
            mean="mean_whale_avg",
            cell=lambda row: price_cell(seen(row).overview.long.whales_avg_entry),
        ),
        Column(
            name="col_short_whale_avg",
            mean="mean_whale_avg",
            cell=lambda row: price_cell(seen(row).overview.short.whales_avg_entry),
        ),
        Column(
            name="col_spread",
            mean="mean_spread",
            sort="priceSpread",
            size=lambda row: _abs(row.spread_pct),
            cell=_spread_cell,
        ),
        Column(
            name="col_oi_usd",
            mean="mean_oi",
            sort="oi",
            size=lambda row: _oi(row, "usd"),
            cell=lambda row: usd_cell(_oi(row, "usd")),
        ),
        Column(
            name="col_oi_1h",
            mean="mean_oi_change",
            sort="oiChg1h",
            size=lambda row: _abs(_oi(row, "change_1h_pct")),
            cell=lambda row: oi_change_cell(_oi(row, "change_1h_pct")),
        ),
        Column(
            name="col_oi_4h",
            mean="mean_oi_change",
            sort="oiChg4h",
            size=lambda row: _abs(_oi(row, "change_4h_pct")),
            cell=lambda row: oi_change_cell(_oi(row, "change_4h_pct")),
        ),
        Column(
            name="col_share",
            mean="mean_share",
            sort="smShare",
            size=lambda row: row.share,
            cell=lambda row: (dashed(n.share(row.share, 1)), ""),
        ),
        Column(
            name="col_top_positions",
            mean="mean_top",
            cell=lambda row: _top(row, lambda top: top.positions.long_short_ratio),
        ),
        Column(
            name="col_top_accounts",
            mean="mean_top",
            cell=lambda row: _top(row, lambda top: top.accounts.long_short_ratio),
        ),
        Column(name="col_taker", mean="mean_taker", cell=lambda row: _top(row, lambda top: top.taker.buy_sell_ratio)),
        Column(name="col_updated", mean="mean_updated", cell=updated),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedLine:
    symbol: str
    title: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedView:
    heads: list[Heading]
    lines: Iterator[TrackedLine]
    count: int
    total: int
    newest_ms: int | None
    search: str
    sort: str
    direction: str


async def tracked_rows(context: OperationContext) -> list[TrackedRow]:
    """By symbol. Raises: NoSnapshotsYet, StorageError."""
    now_ms = context.clock.now_ms()
    async with context.snapshots() as stored:
        newest = await stored.newest_snapshots(since_ms=now_ms - NEWEST_WITHIN_MS)
        rows = []
        for snapshot in newest:
            symbol, at_ms = snapshot.overview.symbol, snapshot.time_ms
            held = await stored.open_interest(symbol, since_ms=at_ms - OI_WITHIN_MS)
            top = await stored.newest_top_traders(
                symbol, period=context.config.lsr_period, since_ms=at_ms - OI_WITHIN_MS
            )
            rows.append(TrackedRow(snapshot=snapshot, velocity=held[-1] if held else None, top=top, now_ms=now_ms))
    return rows


def tracked_view(rows: Iterable[TrackedRow], query: Mapping[str, str], style: Style) -> TrackedView:
    """query: `q`, `sort` (the older tool's words), `dir`."""
    everything = list(rows)
    columns = smart_columns(style)
    by_sort = {column.sort: column for column in columns if column.sort}
    order = order_of(query, by_sort, DEFAULT_SORT)
    search = one(query, "q")
    found = sorted_rows(
        (row for row in everything if search.upper() in row.symbol.upper()),
        by_sort[order.sort].size,
        lambda row: row.symbol,
        is_up=order.is_up,
    )
    return TrackedView(
        heads=headings(columns, order, query, lambda key: say_page(style.lang, key)),
        lines=(_tracked_line(row, columns, style) for row in found),
        count=len(found),
        total=len(everything),
        newest_ms=max((row.snapshot.time_ms for row in everything), default=None),
        search=search,
        sort=order.sort,
        direction="up" if order.is_up else "down",
    )


def _tracked_line(row: TrackedRow, columns: Sequence[Column[TrackedRow]], style: Style) -> TrackedLine:
    ages = [("col_traders", row.snapshot.time_ms)]
    if row.velocity is not None:
        ages.append(("col_oi", row.velocity.time_ms))
    if row.top is not None:
        ages.append(("col_top_positions", row.top.captured_ms))
    return TrackedLine(
        symbol=row.symbol,
        title=n.SEPARATOR.join(_aged(key, at_ms, row.now_ms, style) for key, at_ms in ages),
        cells=tuple(column.cell(row) for column in columns[1:]),
    )


def _aged(key: str, at_ms: int, now_ms: int, style: Style) -> str:
    what, age = say_page(style.lang, key), n.age((now_ms - at_ms) / 1000, style.lang)
    return say_page(style.lang, "age_of", what=what, age=age)


# --- stored rows of one contract ----------------------------------------------------------------------------------

HISTORY_DAYS: Final = 30
ROWS_A_PAGE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRows:
    """cells: one tuple a row, newest first, the time as its first. page: from 1."""

    heads: tuple[str, ...]
    cells: list[tuple[str, ...]]
    count: int
    first: int
    last: int
    page: int
    has_older: bool


_HISTORY_HEADS: Final = (
    "col_time",
    "col_lsr",
    "col_long_traders",
    "col_short_traders",
    "col_long_whales",
    "col_short_whales",
    "col_long_profit",
    "col_short_profit",
    "col_long_whale_avg",
    "col_short_whale_avg",
)


def stored_rows(snapshots: Sequence[Snapshot], style: Style, *, page: int) -> StoredRows:
    """snapshots: oldest → newest. A page there is not is the last one."""
    newest_first = list(reversed(snapshots))
    pages = max(1, -(-len(newest_first) // ROWS_A_PAGE))
    page = min(page, pages)
    start = (page - 1) * ROWS_A_PAGE
    shown = newest_first[start : start + ROWS_A_PAGE]
    return StoredRows(
        heads=tuple(say_page(style.lang, key) for key in _HISTORY_HEADS),
        cells=[_history_cells(snapshot, style) for snapshot in shown],
        count=len(newest_first),
        first=start + 1 if shown else 0,
        last=start + len(shown),
        page=page,
        has_older=page < pages,
    )


def _history_cells(snapshot: Snapshot, style: Style) -> tuple[str, ...]:
    seen = snapshot.overview
    return (
        n.date_and_time(snapshot.time_ms, style.tz),
        dashed(n.ratio(seen.long_short_ratio)),
        *(_count(value) for value in (seen.long.traders, seen.short.traders, seen.long.whales, seen.short.whales)),
        dashed(n.share(seen.long.profit_share)),
        dashed(n.share(seen.short.profit_share)),
        dashed(n.price(seen.long.whales_avg_entry)),
        dashed(n.price(seen.short.whales_avg_entry)),
    )
