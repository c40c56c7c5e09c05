"""Rows of the snapshot tables ↔ our values. Columns as in `snapshots_schema.sql`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from altmonitor.positioning.history import Snapshot
from altmonitor.positioning.open_interest import OiVelocity
from altmonitor.positioning.ratios import LongShort, TakerFlow, TopTraders
from altmonitor.positioning.smart_money import Overview, Side
from altmonitor.positioning.units import Fraction, Percent, positive

Row = tuple[Any, ...]

SMART_MONEY_TABLE: Final = "ob_smart_money_snapshots"
TOP_TRADER_TABLE: Final = "ob_top_trader_snapshots"
OI_TABLE: Final = "ob_oi_snapshots"

_SIDE_COLUMNS: Final = {
    "{}_traders": "traders",
    "{}_traders_qty": "traders_qty_coins",
    "{}_traders_avg_entry_price": "traders_avg_entry",
    "{}_whales": "whales",
    "{}_whales_qty": "whales_qty_coins",
    "{}_whales_avg_entry_price": "whales_avg_entry",
    "{}_profit_traders": "profit_traders",
    "{}_profit_whales": "profit_whales",
}

SMART_MONEY_COLUMNS: Final = (
    "symbol",
    "ts",
    "total_positions",
    "total_traders",
    "long_short_ratio",
    *(pattern.format(side) for side in ("long", "short") for pattern in _SIDE_COLUMNS),
    "price",
)
TOP_TRADER_COLUMNS: Final = (
    "symbol",
    "ts",
    "period",
    "top_account_long_pct",
    "top_account_short_pct",
    "top_account_lsr",
    "top_position_long_pct",
    "top_position_short_pct",
    "top_position_lsr",
    "taker_buy_vol",
    "taker_sell_vol",
    "taker_bsr",
)
OI_COLUMNS: Final = (
    "symbol",
    "ts",
    "oi_now_usd",
    "oi_now_coins",
    "oi_chg_5m",
    "oi_chg_15m",
    "oi_chg_1h",
    "oi_chg_4h",
)


def insert(table: str, columns: tuple[str, ...]) -> str:
    return f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608


def smart_money_row(snapshot: Snapshot) -> Row:
    seen = snapshot.overview
    sides = [getattr(side, name) for side in (seen.long, seen.short) for name in _SIDE_COLUMNS.values()]
    return (
        seen.symbol,
        seen.captured_ms,
        seen.total_positions,
        seen.total_traders,
        seen.long_short_ratio,
        *sides,
        positive(snapshot.mark_price),
    )


def snapshot_of(row: Row) -> Snapshot:
    """row: in the order of `SMART_MONEY_COLUMNS`. An entry price of 0 is the older tool's word for none.

    The exchange's daily stamp has no column: `signal_day_ms` is None.
    """
    found = dict(zip(SMART_MONEY_COLUMNS, row, strict=True))
    overview = Overview(
        symbol=found["symbol"],
        captured_ms=found["ts"],
        signal_day_ms=None,
        total_positions=found["total_positions"],
        total_traders=found["total_traders"],
        long_short_ratio=found["long_short_ratio"],
        long=_side(found, "long"),
        short=_side(found, "short"),
    )
    return Snapshot(overview=overview, mark_price=positive(found["price"]))


def top_trader_row(found: TopTraders) -> Row:
    return (
        found.symbol,
        found.captured_ms,
        found.period,
        found.accounts.long_share,
        found.accounts.short_share,
        found.accounts.long_short_ratio,
        found.positions.long_share,
        found.positions.short_share,
        found.positions.long_short_ratio,
        found.taker.buy_coins,
        found.taker.sell_coins,
        found.taker.buy_sell_ratio,
    )


def top_traders_of(row: Row) -> TopTraders | None:
    """row: in the order of `TOP_TRADER_COLUMNS`. The buckets' own stamps have no column: the capture stands for them.

    None for a row in which a number is missing.
    """
    symbol, captured_ms, period, *numbers = row
    if any(number is None for number in numbers):
        return None
    accounts, positions = (
        LongShort(
            time_ms=captured_ms,
            long_share=Fraction(numbers[at]),
            short_share=Fraction(numbers[at + 1]),
            long_short_ratio=numbers[at + 2],
        )
        for at in (0, 3)
    )
    taker = TakerFlow(time_ms=captured_ms, buy_coins=numbers[6], sell_coins=numbers[7], buy_sell_ratio=numbers[8])
    return TopTraders(
        symbol=symbol, period=period, captured_ms=captured_ms, accounts=accounts, positions=positions, taker=taker
    )


def oi_row(symbol: str, found: OiVelocity) -> Row:
    return (
        symbol,
        found.time_ms,
        found.usd,
        found.coins,
        found.change_5m_pct,
        found.change_15m_pct,
        found.change_1h_pct,
        found.change_4h_pct,
    )


def velocity_of(row: Row) -> OiVelocity | None:
    """row: in the order of `OI_COLUMNS`. None for a row without contracts."""
    _, time_ms, usd, coins, *changes = row
    if coins is None:
        return None
    in_5m, in_15m, in_1h, in_4h = (None if change is None else Percent(change) for change in changes)
    return OiVelocity(
        time_ms=time_ms,
        coins=coins,
        usd=usd,
        change_5m_pct=in_5m,
        change_15m_pct=in_15m,
        change_1h_pct=in_1h,
        change_4h_pct=in_4h,
    )


def _side(found: Mapping[str, Any], side: str) -> Side:
    values = {field: found[pattern.format(side)] for pattern, field in _SIDE_COLUMNS.items()}
    values["traders_avg_entry"] = positive(values["traders_avg_entry"])
    values["whales_avg_entry"] = positive(values["whales_avg_entry"])
    return Side(**values)
