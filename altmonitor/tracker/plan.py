"""What a sweep asks, how fast, how long that takes, and when it has come to nothing. Pure values."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import msgspec

from altmonitor.settings.input import spelled
from altmonitor.tracker.series import Answered, Liveness, Series

LONG_SWEEP_S: Final = 3_600.0
RESUME_WITHIN_S: Final = 3_600.0
STUCK_AFTER: Final = 3
"""Sweeps in a row."""
THIN_SHARE: Final = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacing:
    """Seconds from one question to the next: mean_s ± spread_s, uniform."""

    mean_s: float
    spread_s: float

    def drawn(self, dice: float) -> float:
        """dice: 0…1."""
        return self.mean_s + (2.0 * dice - 1.0) * self.spread_s


PACING: Final[Mapping[Series, Pacing]] = {
    Series.SMART_MONEY: Pacing(mean_s=12.0, spread_s=3.0),
    Series.TOP_TRADERS: Pacing(mean_s=1.0, spread_s=0.2),
    Series.OPEN_INTEREST: Pacing(mean_s=1.0, spread_s=0.2),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """interval_s: from the start of one sweep to the next; 0 is one sweep. offset_s: after midnight UTC, and then after
    every interval, a sweep may begin; None: whenever the one before has begun an interval ago."""

    interval_s: float
    offset_s: float | None = None

    def wait_s(self, *, began_ms: int, now_ms: int) -> float:
        """Until the sweep after the one that began then; 0 or below when it is due."""
        if self.offset_s is None:
            return (began_ms - now_ms) / 1000 + self.interval_s
        slots = math.floor((began_ms / 1000 - self.offset_s) / self.interval_s) + 1
        return slots * self.interval_s + self.offset_s - now_ms / 1000


def cadences(
    *, smart_money_min: float, top_traders_min: float, open_interest_min: float, shard_total: int, shard_index: int
) -> dict[Series, Cadence]:
    """Staggered, so that never all three ask at once: smart money 7 minutes past the hour (shards spread over it) and
    every two hours on the hour, top traders at :00 and :30, open interest at :15 and :45. Minutes."""
    minute = 60.0
    smart_offset = 7.0 if smart_money_min <= 60.0 else 0.0
    smart_offset = (smart_offset + smart_money_min * shard_index / shard_total) % smart_money_min
    return {
        Series.SMART_MONEY: Cadence(interval_s=smart_money_min * minute, offset_s=smart_offset * minute),
        Series.TOP_TRADERS: Cadence(interval_s=top_traders_min * minute, offset_s=0.0),
        Series.OPEN_INTEREST: Cadence(interval_s=open_interest_min * minute, offset_s=open_interest_min / 2 * minute),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Which part of the pool one tracker takes. pool_max: 0 for all. shard_index: 0…shard_total − 1."""

    pool_max: int = 0
    shard_total: int = 1
    shard_index: int = 0

    def of(self, pool: Iterable[str]) -> tuple[str, ...]:
        """Sorted; first the cap, then every shard_total-th: shards are disjoint and together make the capped pool."""
        capped = sorted(set(pool))[: self.pool_max or None]
        return tuple(capped[self.shard_index :: self.shard_total])


def watchlist(names: Iterable[str], listed: bytes | None) -> tuple[tuple[str, ...], str]:
    """Names and the content of a file (a JSON list, or `{"symbols": [...]}`) → sorted symbols, and what is wrong with
    the file ('' for nothing). listed None: there is no file."""
    found = {spelled(name) for name in names}
    problem = ""
    if listed is not None:
        try:
            content = msgspec.json.decode(listed, type=list[str] | dict[str, object])
            if isinstance(content, dict):
                content = msgspec.convert(content.get("symbols"), type=list[str])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            problem = 'is neither a JSON list of symbols nor {"symbols": [...]}'
        else:
            found |= {spelled(name) for name in content}
    return tuple(sorted(found - {""})), problem


def eta_s(count: int, series: Series) -> float:
    return count * PACING[series].mean_s


def pace_warnings(count: int, *, series: Series, shard_total: int, interval_s: float) -> list[str]:
    """One line each, for the log. interval_s: 0 for a single sweep."""
    takes_s = eta_s(count, series)
    lines = []
    if takes_s > LONG_SWEEP_S and shard_total == 1:
        shards = math.ceil(takes_s / 3600)
        lines.append(
            f"{series}: {count} symbols take about {takes_s / 60:.0f} min; {shards} shards would take an hour at most "
            f"(SHARD_TOTAL={shards}, on as many addresses)"
        )
    if 0 < interval_s < takes_s:
        most = int(interval_s / PACING[series].mean_s)
        lines.append(
            f"{series}: {count} symbols take about {takes_s / 60:.0f} min, longer than the interval of "
            f"{interval_s / 60:g} min; at most {most} fit (POOL_MAX={most})"
        )
    return lines


def is_resumable(*, started_ms: int, now_ms: int, count: int, series: Series, interval_s: float) -> bool:
    """Whether an unfinished sweep is taken up again. An older one is begun anew, those it missed first."""
    within_s = max(RESUME_WITHIN_S, interval_s, 1.5 * eta_s(count, series))
    return 0 <= now_ms - started_ms < within_s * 1000


def remaining(plan: Sequence[str], answers: Mapping[str, Answered], *, sweep_ms: int) -> list[str]:
    """Those without an answer in this sweep, the longest unanswered first: what one misses the next begins with."""
    left = [symbol for symbol in plan if symbol not in answers or answers[symbol].sweep_ms != sweep_ms]
    return sorted(left, key=lambda symbol: (answers[symbol].answered_ms if symbol in answers else 0, symbol))


StuckNews = Literal["stuck", "degraded", "recovered"]


def after_sweep(before: Liveness, *, captured: int, in_sweep: int, planned: int) -> tuple[Liveness, StuckNews | None]:
    """Counts one more sweep. captured: now. in_sweep: with those captured before it was taken up again.

    Told once: `stuck` after three without one row, `degraded` after three with less than a quarter of the plan each;
    `recovered` with the first that is neither.
    """
    is_empty, is_thin = captured == 0, captured == 0 or in_sweep < THIN_SHARE * planned
    now = replace(
        before,
        empty_in_row=before.empty_in_row + 1 if is_empty else 0,
        thin_in_row=before.thin_in_row + 1 if is_thin else 0,
    )
    if not before.is_stuck and now.empty_in_row >= STUCK_AFTER:
        return replace(now, is_stuck=True), "stuck"
    if not before.is_stuck and now.thin_in_row >= STUCK_AFTER:
        return replace(now, is_stuck=True), "degraded"
    if before.is_stuck and not is_thin:
        return replace(now, is_stuck=False), "recovered"
    return now, None


def progress_line(series: Series, *, done: int, total: int, left_s: float) -> str:
    """`smart-money     50/200  25 %  about 30 min left`."""
    share = 100 * done // total if total else 100
    return f"{series.value:<13} {done:>4}/{total} {share:>3} %  {time_left(left_s) if done < total else 'done'}"


def time_left(seconds: float) -> str:
    return f"about {seconds / 60:.0f} min left" if seconds >= 90 else f"{seconds:.0f} s left"


def captured_in(answers: Mapping[str, Answered], *, sweep_ms: int, plan: Collection[str]) -> int:
    """Symbols of the plan with data in this sweep."""
    return sum(
        1
        for symbol, answer in answers.items()
        if symbol in plan and answer.sweep_ms == sweep_ms and answer.outcome != "no data"
    )
