"""How tracked positions and statistics changed, as JSON values: coins, percents as percents, null for unknown."""

from __future__ import annotations

from altmonitor.positioning.history import (
    ExtremeScan,
    NotEnoughSnapshots,
    PositionChange,
    ProfitTrend,
    QtyChange,
    ScanEntry,
    ShareMove,
    SideChange,
    SideTrend,
)
from altmonitor.positioning.json_values import JsonObject
from altmonitor.positioning.picture import DISCLAIMER
from altmonitor.positioning.statistics_history import Span, StoredOiChange, StoredRatioChange

__all__ = [
    "NOTHING_TO_SCAN",
    "change_in_words",
    "change_values",
    "oi_change_values",
    "ratio_change_values",
    "scan_values",
    "trend_values",
]

NOTHING_TO_SCAN = "no stored snapshot is fresh enough; run `altmonitor track`"


def change_values(found: PositionChange | NotEnoughSnapshots) -> JsonObject:
    """An object with `error` instead when there are not two snapshots to compare."""
    if isinstance(found, NotEnoughSnapshots):
        return _not_enough(found)
    return {
        **_span(found),
        "price": found.mark_price,
        "long": _side(found.long),
        "short": _side(found.short),
        "note": change_in_words(found),
        "disclaimer": DISCLAIMER,
    }


def oi_change_values(found: StoredOiChange | None) -> JsonObject | None:
    """None stays None: fewer than two stored rows."""
    if found is None:
        return None
    return {
        **_stored_span(found.span),
        "fromCoins": found.coins.from_coins,
        "toCoins": found.coins.to_coins,
        "changePct": found.coins.change_pct,
        "fromUsd": found.from_usd,
        "toUsd": found.to_usd,
        "usdChangePct": found.usd_change_pct,
    }


def ratio_change_values(found: StoredRatioChange | None) -> JsonObject | None:
    """None stays None: fewer than two stored rows."""
    if found is None:
        return None
    sides = {"positions": found.positions, "accounts": found.accounts}
    moves = {
        name: {
            "fromLongPct": move.from_long_pct,
            "toLongPct": move.to_long_pct,
            "changePct": move.change_pct,
            "fromLsr": move.from_ratio,
            "toLsr": move.to_ratio,
        }
        for name, move in sides.items()
    }
    return {**_stored_span(found.span), "period": found.period, **moves}


def _stored_span(span: Span) -> JsonObject:
    return {
        "fromTs": span.from_ms,
        "toTs": span.to_ms,
        "spanMinutes": span.minutes,
        "isSpanOff": span.is_off,
        "samples": span.samples,
    }


def trend_values(found: ProfitTrend | NotEnoughSnapshots) -> JsonObject:
    """Whole percents in profit per side, or an `error` with what to run when rows are missing."""
    if isinstance(found, NotEnoughSnapshots):
        return _not_enough(found)
    return {**_span(found), "long": _trend(found.long), "short": _trend(found.short), "disclaimer": DISCLAIMER}


def scan_values(found: ExtremeScan) -> JsonObject:
    """Both lists, most extreme first; `error` and `scanned: 0` when no row is fresh enough."""
    if found.scanned == 0:
        return {"scanned": 0, "error": NOTHING_TO_SCAN}
    return {
        "scanned": found.scanned,
        "mostLong": [_entry(entry) for entry in found.most_long],
        "mostShort": [_entry(entry) for entry in found.most_short],
        "disclaimer": DISCLAIMER,
    }


def change_in_words(found: PositionChange) -> str:
    """What happened, of both sides alike; nothing about what it means."""
    sides = ", ".join(f"{name} {_moved(side.qty)}" for name, side in (("long", found.long), ("short", found.short)))
    words = f"Over {found.span_minutes:g} min: {sides} (coins)."
    if found.is_span_off:
        words += f" The stored snapshots do not cover the {found.asked_minutes:g} min asked for."
    return words


def _moved(qty: QtyChange) -> str:
    if qty.from_coins is None or qty.to_coins is None:
        return "unknown"
    step = f"{qty.from_coins:,.10g} to {qty.to_coins:,.10g}"
    return step if qty.change_pct is None else f"{step}, {qty.change_pct:+.2f} %"


def _span(found: PositionChange | ProfitTrend) -> JsonObject:
    return {
        "symbol": found.symbol,
        "fromTs": found.from_ms,
        "toTs": found.to_ms,
        "askedMinutes": found.asked_minutes,
        "spanMinutes": found.span_minutes,
        "spanIsOff": found.is_span_off,
        "samples": found.samples,
    }


def _not_enough(found: NotEnoughSnapshots) -> JsonObject:
    return {"symbol": found.symbol, "error": str(found)}


def _qty(found: QtyChange) -> JsonObject:
    return {
        "fromQty": found.from_coins,
        "toQty": found.to_coins,
        "qtyChange": found.change_coins,
        "qtyChangePct": found.change_pct,
    }


def _side(found: SideChange) -> JsonObject:
    return {
        **_qty(found.qty),
        "fromAvg": found.from_avg_entry,
        "toAvg": found.to_avg_entry,
        "whaleAvg": found.whale_avg_entry,
        "whale": _qty(found.whale_qty),
    }


def _share_move(found: ShareMove) -> JsonObject:
    return {"from": found.from_pct, "to": found.to_pct, "change": found.change_pct}


def _trend(found: SideTrend) -> JsonObject:
    return {"profitPct": _share_move(found.traders), "whaleProfitPct": _share_move(found.whales)}


def _entry(entry: ScanEntry) -> JsonObject:
    return {
        "symbol": entry.symbol,
        "longShortRatio": entry.long_short_ratio,
        "longProfitPct": entry.long_profit_pct,
        "shortProfitPct": entry.short_profit_pct,
        "longTraders": entry.long_traders,
        "shortTraders": entry.short_traders,
        "ageMin": entry.age_min,
    }
