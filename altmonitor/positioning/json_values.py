"""Positioning, divergence and history as the values of a JSON interface; the interface itself stands elsewhere.

A cohort a venue does not have keeps its place with nulls. Percents have 2 decimals, ratios and their gap 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from altmonitor.positioning.divergence import (
    CohortName,
    Divergence,
    Histories,
    HistoryPoint,
    Signal,
    divergence,
    history,
    long_pct,
    short_pct,
    two_decimals,
)
from altmonitor.positioning.ratios import LongShort
from altmonitor.positioning.units import DEFAULT_PERIOD, PERIODS, checked_period, round_half_up

__all__ = [
    "COHORT_NOTE",
    "COMMANDS",
    "DEFAULT_LIMIT",
    "GAP_NOTE",
    "LIMITS",
    "SOURCES",
    "Asked",
    "JsonObject",
    "divergence_values",
    "envelope",
    "error_envelope",
    "history_values",
    "meta_values",
    "positioning_values",
    "read_limit",
    "read_period",
]

JsonObject = dict[str, object]

DEFAULT_LIMIT: Final = 48
LIMITS: Final = (1, 500)
COMMANDS: Final = {
    "positioning": "altmonitor positioning show SYMBOL",
    "divergence": "altmonitor positioning divergence SYMBOL",
    "history": "altmonitor positioning history SYMBOL",
    "meta": "altmonitor positioning meta",
}
SOURCES: Final = {
    "binance": "Binance USDⓈ-M futures long/short statistics",
    "okx": "OKX swap long/short statistics",
    "bybit": "Bybit linear long/short statistics",
}
COHORT_NOTE: Final = (
    "Shares of accounts that hold a position, in percent; of top_traders_by_position shares of position sizes."
)
GAP_NOTE: Final = (
    "long_pct_gap: top_traders_by_position minus retail_crowd, percentage points. Where traders stand now; no advice."
)

_LABELS: Final[dict[CohortName, str]] = {
    "retail_crowd": "All accounts",
    "top_traders_by_accounts": "Top traders, by accounts",
    "top_traders_by_position": "Top traders, by position size",
}
_READS: Final[dict[Signal, str]] = {
    "crowd_over_long": "The crowd's accounts are longer than the top traders' positions by {points} percentage points.",
    "smart_money_over_long": "The top traders' positions are longer than the crowd's accounts by {points} percentage "
    "points.",
    "aligned": "The crowd's accounts and the top traders' positions lie {points} percentage points apart.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an answer is about. now_ms: unix ms, for the age of the newest bucket."""

    symbol: str
    period: str
    venue: str
    now_ms: int


def read_period(given: str | None) -> str:
    """Raises: ValueError for a period that is none; nothing given is the default."""
    return DEFAULT_PERIOD if given is None or given == "" else checked_period(given)


def read_limit(given: str | int | None) -> int:
    """A number or its text. Raises: ValueError outside 1…500; nothing given is 48."""
    if given is None or given == "":
        return DEFAULT_LIMIT
    low, high = LIMITS
    text = str(given).strip()
    if isinstance(given, bool) or not (text.isascii() and text.isdecimal()) or not low <= int(text[:9]) <= high:
        raise ValueError(f"limit {text[:20]!r} is not a whole number {low} to {high}")
    return int(text)


def positioning_values(asked: Asked, histories: Histories) -> JsonObject:
    """The three cohorts now and the gap between two of them; null where a venue has no such series."""
    found = divergence(histories)
    return {
        **_about(asked, histories),
        "note": COHORT_NOTE,
        "cohorts": [_cohort(name, buckets) for name, buckets in histories.named().items()],
        "divergence": None if found is None else _gap(found),
    }


def divergence_values(asked: Asked, histories: Histories) -> JsonObject:
    """Numbers, signal and read are null when crowd and top traders have no bucket in common."""
    found = divergence(histories)
    names = ("signal", "read", "ratio_gap", "long_pct_gap", "retail_long_pct", "smart_money_long_pct")
    gap = dict.fromkeys(names) if found is None else _gap(found)
    return {**_about(asked, histories), "note": GAP_NOTE, **gap}


def history_values(asked: Asked, histories: Histories, *, limit: int) -> JsonObject:
    """The newest `limit` buckets, oldest → newest."""
    points = history(histories, limit=limit)
    return {
        **_about(asked, histories),
        "note": GAP_NOTE,
        "count": len(points),
        "points": [_point(point) for point in points],
    }


def meta_values(*, venues: Sequence[str], endpoints: Mapping[str, str]) -> JsonObject:
    """endpoints: name → path of the same over HTTP."""
    """Periods, limits, venues and the commands that answer."""
    low, high = LIMITS
    return {
        "service": "altmonitor positioning",
        "description": "Who is positioned which way: all accounts, and the exchange's top traders.",
        "note": GAP_NOTE,
        "source": {venue: SOURCES[venue] for venue in venues},
        "venues": list(venues),
        "periods": list(PERIODS),
        "default_period": DEFAULT_PERIOD,
        "limit": {"default": DEFAULT_LIMIT, "min": low, "max": high},
        "endpoints": dict(endpoints),
        "commands": dict(COMMANDS),
    }


def envelope(data: Mapping[str, object], *, thing: str, now_ms: int, request_id: str) -> JsonObject:
    """thing: what was retrieved, as it begins the message. request_id: a UUID of this call."""
    return {
        "data": dict(data),
        "meta": _meta(now_ms, request_id),
        "status": "ok",
        "message": f"{thing} retrieved successfully",
        "success": True,
    }


def error_envelope(problem: str, *, now_ms: int, request_id: str) -> JsonObject:
    """What is answered instead of data. problem: one line for a person."""
    return {
        "data": None,
        "meta": _meta(now_ms, request_id),
        "status": "error",
        "message": problem,
        "success": False,
    }


def _about(asked: Asked, histories: Histories) -> JsonObject:
    newest_ms = max((bucket.time_ms for buckets in histories.named().values() for bucket in buckets), default=None)
    return {
        "symbol": asked.symbol,
        "period": asked.period,
        "venue": asked.venue,
        "source": SOURCES[asked.venue],
        "age_s": None if newest_ms is None else max(0, (asked.now_ms - newest_ms) // 1000),
    }


def _cohort(name: CohortName, buckets: Sequence[LongShort]) -> JsonObject:
    newest = max(buckets, key=lambda bucket: bucket.time_ms, default=None)
    return {
        "cohort": name,
        "label": _LABELS[name],
        "is_smart_money": name != "retail_crowd",
        "timestamp": None if newest is None else newest.time_ms,
        "long_account_pct": None if newest is None else long_pct(newest),
        "short_account_pct": None if newest is None else short_pct(newest),
        "long_short_ratio": None if newest is None else round_half_up(newest.long_short_ratio, 4),
    }


def _gap(found: Divergence) -> JsonObject:
    return {
        "signal": found.signal,
        "read": _READS[found.signal].format(points=f"{abs(found.long_pct_gap):.2f}"),
        "ratio_gap": found.ratio_gap,
        "long_pct_gap": two_decimals(found.long_pct_gap),
        "retail_long_pct": found.retail_long_pct,
        "smart_money_long_pct": found.smart_money_long_pct,
    }


def _point(point: HistoryPoint) -> JsonObject:
    buckets: dict[CohortName, LongShort | None] = {
        "retail_crowd": point.retail,
        "top_traders_by_accounts": point.top_accounts,
        "top_traders_by_position": point.top_positions,
    }
    values: JsonObject = {
        "timestamp": point.time_ms,
        "long_pct_gap": None if point.long_pct_gap is None else two_decimals(point.long_pct_gap),
    }
    for name, bucket in buckets.items():
        values[f"{name}_long_pct"] = None if bucket is None else long_pct(bucket)
        values[f"{name}_ls_ratio"] = None if bucket is None else round_half_up(bucket.long_short_ratio, 4)
    return values


def _meta(now_ms: int, request_id: str) -> JsonObject:
    moment = datetime.fromtimestamp(now_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return {"timestamp": f"{moment}.{now_ms % 1000:03d}Z", "request_id": request_id}
