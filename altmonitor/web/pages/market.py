"""The table of the whole market: rows as text, and the cells that a page asks for again every second."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from altmonitor.operations.board import MarketRow, MarketTable
from altmonitor.render import format as n
from altmonitor.render.format import Style
from altmonitor.render.texts.page_texts import say_page
from altmonitor.web.pages.rendering import choice, one
from altmonitor.web.pages.tables import (
    Cell,
    Column,
    Heading,
    change_cell,
    headings,
    multiple_cell,
    oi_change_cell,
    order_of,
    price_cell,
    rate_cell,
    ratio_cell,
    sorted_rows,
    usd_cell,
)

DEFAULT_SORT: Final = "oi"
FLOORS: Final[Mapping[str, float]] = {"1m": 1e6, "10m": 1e7, "100m": 1e8}
"""Word in the address → smallest quote volume of 24 h, USDT."""
AT_ONCE: Final = 60
"""Rows that stand on the page from the beginning: more than a screen shows, and quickly laid out on a phone."""
CELLS_AT_ONCE: Final = 80
"""Rows that one question for cells may name; a screen shows fewer."""


def _column(name: str, mean: str, field: str, cell: Callable[[float | None], Cell], sort: str) -> Column[MarketRow]:
    def value(row: MarketRow) -> float | None:
        found: float | None = getattr(row, field)
        return found

    return Column(name=name, mean=mean, sort=sort, size=value, cell=lambda row: cell(value(row)))


COLUMNS: Final[Sequence[Column[MarketRow]]] = (
    _column("col_price", "mean_price", "price", price_cell, "price"),
    _column("col_1m", "mean_change", "change_1m_pct", change_cell, "change_1m"),
    _column("col_5m", "mean_change", "change_5m_pct", change_cell, "change_5m"),
    _column("col_15m", "mean_change", "change_15m_pct", change_cell, "change_15m"),
    _column("col_1h", "mean_change", "change_1h_pct", change_cell, "change_1h"),
    _column("col_24h", "mean_24h", "change_24h_pct", change_cell, "change_24h"),
    _column("col_volume", "mean_volume", "volume_multiple", multiple_cell, "volume"),
    _column("col_day", "mean_day", "volume_24h_usdt", usd_cell, "day"),
    _column("col_oi", "mean_oi", "oi_usd", usd_cell, "oi"),
    _column("col_oi_1m", "mean_oi_change", "oi_change_1m_pct", oi_change_cell, "oi_1m"),
    _column("col_oi_5m", "mean_oi_change", "oi_change_5m_pct", oi_change_cell, "oi_5m"),
    _column("col_funding", "mean_funding", "funding_pct", rate_cell, "funding"),
    _column("col_ratio", "mean_ratio", "long_short_ratio", ratio_cell, "ratio"),
)
SYMBOL: Final = Column[MarketRow](
    name="col_symbol",
    mean="mean_symbol",
    sort="symbol",
    size=lambda row: row.symbol,
    cell=lambda row: (row.symbol, ""),
    is_text=True,
)
_BY_SORT: Final = {column.sort: column for column in (SYMBOL, *COLUMNS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketLine:
    """One contract as text. title: how old its numbers are."""

    symbol: str
    title: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketView:
    """lines: formatted one by one while the page is rendered. count: of them; total: contracts watched. at_once: so
    many stand in the table from the beginning; scripts add the others as they are needed."""

    heads: list[Heading]
    lines: Iterator[MarketLine]
    count: int
    total: int
    search: str
    floor: str
    sort: str
    direction: str
    at_once: int = AT_ONCE


def market_view(table: MarketTable, query: Mapping[str, str], style: Style) -> MarketView:
    """query: `q`, `floor`, `sort`, `dir`."""
    search, floor = one(query, "q"), choice(query, "floor", FLOORS, "")
    order = order_of(query, _BY_SORT, DEFAULT_SORT)
    wanted, least = search.upper(), FLOORS.get(floor, 0.0)
    rows = [
        row for row in table.rows if wanted in row.symbol.upper() and (not least or (row.volume_24h_usdt or 0) >= least)
    ]
    rows = sorted_rows(rows, _BY_SORT[order.sort].size, lambda row: row.symbol, is_up=order.is_up)
    return MarketView(
        heads=headings((SYMBOL, *COLUMNS), order, query, lambda key: say_page(style.lang, key)),
        lines=(market_line(row, style) for row in rows),
        count=len(rows),
        total=table.listed,
        search=search,
        floor=floor,
        sort=order.sort,
        direction="up" if order.is_up else "down",
    )


def market_line(row: MarketRow, style: Style) -> MarketLine:
    return MarketLine(
        symbol=row.symbol,
        title=_ages(row, style.lang),
        cells=tuple(column.cell(row) for column in COLUMNS),
    )


def _ages(row: MarketRow, lang: str) -> str:
    ages = (
        ("col_price", row.price_age_s),
        ("col_oi", row.oi_age_s),
        ("col_funding", row.funding_age_s),
        ("col_ratio", row.long_short_ratio_age_s),
    )
    return n.SEPARATOR.join(_aged(lang, key, round(age_s)) for key, age_s in ages if age_s is not None)


@lru_cache(4_096)
def _aged(lang: str, key: str, age_s: int) -> str:
    return say_page(lang, "age_of", what=say_page(lang, key), age=n.age(age_s, lang))


def live_cells(table: MarketTable, symbols: Sequence[str], style: Style) -> dict[str, object]:
    """What a page asks for about the rows it shows: `{symbol: [title, cell, …]}`, a cell as text or [text, tone]."""
    wanted = frozenset(symbols[:CELLS_AT_ONCE])
    found: dict[str, object] = {}
    for row in table.rows:
        if row.symbol in wanted:
            line = market_line(row, style)
            found[row.symbol] = [line.title, *(list(cell) if cell[1] else cell[0] for cell in line.cells)]
    return found
