"""Outcomes in words and plain lines, in English: for the terminal, for machines, and for the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np

from altmonitor.core.outcome import OutcomeRow
from altmonitor.replay.outcome_statistics import NOT_CHANCE

MINUS: Final = "−"


def sentence(rows: Sequence[OutcomeRow]) -> str:
    """What the outcomes say, in one sentence; never advice."""
    whole = [row for row in rows if row.direction is None and row.alerts]
    if not whole:
        return "No alert has an outcome: there is nothing to be said."
    found = [row for row in whole if row.verdict == "more_than_chance"]
    tested = [row for row in whole if row.p is not None]
    if not tested:
        return f"Too few independent moments or days: {NOT_CHANCE}."
    if not found:
        return f"What followed these alerts is {NOT_CHANCE}, at any horizon."
    parts = [
        f"{row.kind} after {horizon_name(row.horizon_min)} ({percent(row.beyond_control_pct)} beyond the usual)"
        for row in found
    ]
    rest = "" if len(found) == len(whole) else f" Everything else is {NOT_CHANCE}."
    return f"More than chance in this range: {', '.join(parts)}.{rest}"


def verdict_text(row: OutcomeRow) -> str:
    match row.verdict:
        case "more_than_chance":
            return f"more than chance (p {row.p_holm:.3f})"
        case "like_chance":
            return NOT_CHANCE
        case "too_few":
            return f"{NOT_CHANCE}: too few moments or days"
        case None:
            return ""


def horizon_name(minutes: int) -> str:
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h"


def percent(value: float | None) -> str:
    if value is None or not np.isfinite(value):
        return "–"
    text = f"{abs(value):.2f} %"
    is_zero = float(f"{value:.2f}") == 0
    return text if is_zero else f"{'+' if value > 0 else MINUS}{text}"


def share_text(value: float | None) -> str:
    return "–" if value is None else f"{value * 100:.0f} %"


def range_text(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{percent(low)} … {percent(high)}"


def outcome_values(rows: Sequence[OutcomeRow]) -> list[dict[str, Any]]:
    return [asdict(row) for row in rows]


def outcome_lines(rows: Sequence[OutcomeRow], *, about: str) -> list[str]:
    """Of whole kinds and of their directions. about: how entry and fees were reckoned."""
    lines = [
        about,
        f"{'kind':<9} {'direction':<10} {'after':>6} {'alerts':>7} {'moments':>8} {'mean %':>8} {'median':>8} "
        f"{'net':>8} {'went on':>8} {'95 %':>9} {'control':>8} {'beyond':>8}",
    ]
    for row in rows:
        if row.quadrant is not None or not row.alerts:
            continue
        hits = (
            "" if row.hit_low is None or row.hit_high is None else f"{row.hit_low * 100:.0f}–{row.hit_high * 100:.0f}"
        )
        lines.append(
            f"{row.kind:<9} {row.direction or 'both':<10} {horizon_name(row.horizon_min):>6} {row.alerts:>7} "
            f"{row.moments:>8} {_number(row.mean_pct)} {_number(row.median_pct)} {_number(row.net_pct)} "
            f"{_share(row.hit):>8} {hits:>9} {_share(row.control_hit):>8} {_number(row.beyond_control_pct)}  "
            f"{verdict_text(row)}".rstrip()
        )
    return [*lines, sentence(rows)]


def _number(value: float | None) -> str:
    return f"{'–':>8}" if value is None else f"{value:>+8.2f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value * 100:.0f} %"
