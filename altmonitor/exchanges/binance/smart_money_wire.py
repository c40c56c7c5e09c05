"""Bodies of the smart-money overview → `Overview`. The interface is the website's own and documented nowhere.

Numbers come as numbers or as strings. What is missing, of another type, not finite or impossible is None; it never
spoils the other numbers, and is never 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from altmonitor.core.errors import BadAnswer
from altmonitor.exchanges.rest.readers import UNREADABLE, One
from altmonitor.positioning.smart_money import Overview, Side

SUCCESS = "000000"
LARGEST = 1e15


class EnvelopeWire(msgspec.Struct, frozen=True):
    code: str | int
    data: msgspec.Raw = msgspec.Raw(b"null")


_ENVELOPE = One(EnvelopeWire)


def read_overview(body: bytes, *, symbol: str, captured_ms: int) -> Overview | None:
    """None: the site has nothing for this symbol (at this moment: passing empties happen). Raises: BadAnswer."""
    if not body.strip():
        return None
    envelope = _ENVELOPE.read(body)
    if envelope.code != SUCCESS:
        return None
    try:
        data = msgspec.json.decode(envelope.data, type=dict[str, object] | None)
    except UNREADABLE as problem:
        raise BadAnswer(f"not what the endpoint promises: {problem}") from None
    if not data:
        return None
    if data.get("symbol", symbol) != symbol:
        raise BadAnswer(f"smart money: asked for {symbol}, got {str(data['symbol'])[:64]!r}")
    overview = _overview(data, symbol=symbol, captured_ms=captured_ms)
    return overview if _says_anything(overview) else None


def _overview(data: Mapping[str, object], *, symbol: str, captured_ms: int) -> Overview:
    return Overview(
        symbol=symbol,
        captured_ms=captured_ms,
        signal_day_ms=_count(data, "updateTime") or None,
        total_positions=_amount(data, "totalPositions"),
        total_traders=_count(data, "totalTraders"),
        long_short_ratio=_amount(data, "longShortRatio"),
        long=_side(data, "long"),
        short=_side(data, "short"),
    )


def _side(data: Mapping[str, object], side: str) -> Side:
    traders, whales = _count(data, f"{side}Traders"), _count(data, f"{side}Whales")
    return Side(
        traders=traders,
        traders_qty_coins=_amount(data, f"{side}TradersQty"),
        traders_avg_entry=_amount(data, f"{side}TradersAvgEntryPrice") or None,
        whales=whales,
        whales_qty_coins=_amount(data, f"{side}WhalesQty"),
        whales_avg_entry=_amount(data, f"{side}WhalesAvgEntryPrice") or None,
        profit_traders=_part(_count(data, f"{side}ProfitTraders"), traders),
        profit_whales=_part(_count(data, f"{side}ProfitWhales"), whales),
    )


def _says_anything(overview: Overview) -> bool:
    sides = (overview.long, overview.short)
    return any(
        found is not None for side in sides for found in (side.traders, side.traders_qty_coins, side.traders_avg_entry)
    )


def _amount(data: Mapping[str, object], name: str) -> float | None:
    given = data.get(name)
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        return None
    try:
        value = float(given)
    except (ValueError, OverflowError):
        return None
    return value if 0 <= value <= LARGEST else None  # False for NaN


def _count(data: Mapping[str, object], name: str) -> int | None:
    value = _amount(data, name)
    return None if value is None or math.floor(value) != value else int(value)


def _part(count: int | None, whole: int | None) -> int | None:
    """999 in profit of 347 is no count of anything."""
    return None if count is None or (whole is not None and count > whole) else count
