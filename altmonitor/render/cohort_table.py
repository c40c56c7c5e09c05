"""Longs and shorts of the cohorts, as a table for a person. What is not known is a dash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rich.console import RenderableType

from altmonitor.render import format as n
from altmonitor.render.format import Style
from altmonitor.render.tables import table

DASH: Final = "–"
SHARES: Final = "Of accounts, the share of those that hold a position; of position size, the share of that."
NO_ADVICE: Final = "Difference: top traders by position size minus all accounts, percentage points. No advice."
_COHORTS: Final = {
    "retail_crowd": "all accounts",
    "top_traders_by_accounts": "top accounts",
    "top_traders_by_position": "top positions",
}


def positioning_table(values: Mapping[str, Any], style: Style) -> list[RenderableType]:
    """values: as `positioning_values` makes them."""
    rows = [
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
    cohorts = table(("", "long", "short", "long/short", "as of"), rows)
    return [_head(values), cohorts, *([] if gap is None else [gap["read"]]), SHARES]


def divergence_table(values: Mapping[str, Any], style: Style) -> list[RenderableType]:
    """values: as `divergence_values` makes them."""
    if values["signal"] is None:
        return [_head(values), "Crowd and top traders have no bucket in common."]
    rows = [
        ("all accounts", _percent(values["retail_long_pct"])),
        ("top traders, by position size", _percent(values["smart_money_long_pct"])),
        ("difference", f"{values['long_pct_gap']:+.2f} points"),
        ("difference of long/short", f"{values['ratio_gap']:+.4f}"),
    ]
    return [_head(values), table(("", "long"), rows), values["read"], NO_ADVICE]


def history_table(values: Mapping[str, Any], style: Style) -> list[RenderableType]:
    """values: as `history_values` makes them; oldest → newest."""
    rows = []
    for point in values["points"]:
        shares = (_percent(point[f"{name}_long_pct"]) for name in _COHORTS)
        gap = point["long_pct_gap"]
        rows.append((_moment(point["timestamp"], style), *shares, DASH if gap is None else f"{gap:+.2f}"))
    columns = ("as of", *(f"{name} long" for name in _COHORTS.values()), "difference")
    return [_head(values), table(columns, rows), NO_ADVICE]


def _head(values: Mapping[str, Any]) -> str:
    age_s = values["age_s"]
    age = "" if age_s is None else f" · newest {n.duration(age_s)} old"
    return f"{values['symbol']} · buckets of {values['period']}{age} · {values['source']}"


def _percent(value: float | None) -> str:
    return DASH if value is None else f"{value:.2f} %"


def _ratio(value: float | None) -> str:
    return DASH if value is None else f"{value:.4f}"


def _moment(time_ms: int | None, style: Style) -> str:
    return DASH if time_ms is None else n.date_and_time(time_ms, style.tz)
