"""Longs and shorts of the cohorts, as a table for a person. What is not known is a dash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from altmonitor.render import format as n
from altmonitor.render.format import Style

DASH: Final = "–"
SHARES: Final = "Of accounts, the share of those that hold a position; of position size, the share of that."
NO_ADVICE: Final = "Difference: top traders by position size minus all accounts, percentage points. No advice."
_COHORTS: Final = {
    "retail_crowd": "all accounts",
    "top_traders_by_accounts": "top accounts",
    "top_traders_by_position": "top positions",
}


def positioning_table(values: Mapping[str, Any], style: Style) -> list[str]:
    """values: as `positioning_values` makes them."""
    rows = [("", "long", "short", "long/short", "as of")]
    rows += [
        (
            cohort["label"],
            _percent(cohort["long_account_pct"]),
            _percent(cohort["short_account_pct"]),
            _ratio(cohort["long_short_ratio"]),
            _moment(cohort["timestamp"], style),
        )
        for cohort in values["cohorts"]
    ]
    gap = values["divergence"]
    return [_head(values), *_aligned(rows), *([] if gap is None else [gap["read"]]), SHARES]


def divergence_table(values: Mapping[str, Any], style: Style) -> list[str]:
    """values: as `divergence_values` makes them."""
    if values["signal"] is None:
        return [_head(values), "Crowd and top traders have no bucket in common."]
    rows = [
        ("", "long"),
        ("all accounts", _percent(values["retail_long_pct"])),
        ("top traders, by position size", _percent(values["smart_money_long_pct"])),
        ("difference", f"{values['long_pct_gap']:+.2f} points"),
        ("difference of long/short", f"{values['ratio_gap']:+.4f}"),
    ]
    return [_head(values), *_aligned(rows), values["read"], NO_ADVICE]


def history_table(values: Mapping[str, Any], style: Style) -> list[str]:
    """values: as `history_values` makes them; oldest → newest."""
    rows = [("as of", *(f"{name} long" for name in _COHORTS.values()), "difference")]
    for point in values["points"]:
        shares = (_percent(point[f"{name}_long_pct"]) for name in _COHORTS)
        gap = point["long_pct_gap"]
        rows.append((_moment(point["timestamp"], style), *shares, DASH if gap is None else f"{gap:+.2f}"))
    return [_head(values), *_aligned(rows), NO_ADVICE]


def _head(values: Mapping[str, Any]) -> str:
    age_s = values["age_s"]
    age = "" if age_s is None else f" · newest {n.duration(age_s)} old"
    return f"{values['symbol']} · buckets of {values['period']}{age} · {values['source']}"


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Names to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]


def _percent(value: float | None) -> str:
    return DASH if value is None else f"{value:.2f} %"


def _ratio(value: float | None) -> str:
    return DASH if value is None else f"{value:.4f}"


def _moment(time_ms: int | None, style: Style) -> str:
    return DASH if time_ms is None else n.date_and_time(time_ms, style.tz)
