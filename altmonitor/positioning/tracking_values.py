"""Changes over time as JSON values: quantities in coins, percents as percents, null for what is unknown."""

from __future__ import annotations

from altmonitor.positioning.history import Change, NotEnoughHistory, QtyChange, SideChange
from altmonitor.positioning.picture import DISCLAIMER
from altmonitor.positioning.scan import ExtremeScan, ScanEntry
from altmonitor.positioning.trend import ProfitTrend, ShareMove, SideTrend

JsonObject = dict[str, object]

NOTHING_TO_SCAN = "no stored snapshot is fresh enough; run `altmonitor track`"


def change_values(found: Change | NotEnoughHistory) -> JsonObject:
    """An object with `error` instead when there are not two snapshots to compare."""
    if isinstance(found, NotEnoughHistory):
        return _not_enough(found)
    return {
        **_span(found),
        "price": found.mark_price,
        "long": _side(found.long),
        "short": _side(found.short),
        "note": change_in_words(found),
        "disclaimer": DISCLAIMER,
    }


def trend_values(found: ProfitTrend | NotEnoughHistory) -> JsonObject:
    if isinstance(found, NotEnoughHistory):
        return _not_enough(found)
    return {**_span(found), "long": _trend(found.long), "short": _trend(found.short), "disclaimer": DISCLAIMER}


def scan_values(found: ExtremeScan) -> JsonObject:
    if found.scanned == 0:
        return {"scanned": 0, "error": NOTHING_TO_SCAN}
    return {
        "scanned": found.scanned,
        "mostLong": [_entry(entry) for entry in found.most_long],
        "mostShort": [_entry(entry) for entry in found.most_short],
        "disclaimer": DISCLAIMER,
    }


def change_in_words(found: Change) -> str:
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


def _span(found: Change | ProfitTrend) -> JsonObject:
    return {
        "symbol": found.symbol,
        "fromTs": found.from_ms,
        "toTs": found.to_ms,
        "askedMinutes": found.asked_minutes,
        "spanMinutes": found.span_minutes,
        "spanIsOff": found.is_span_off,
        "samples": found.samples,
    }


def _not_enough(found: NotEnoughHistory) -> JsonObject:
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
