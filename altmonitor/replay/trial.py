"""Other thresholds over the same days: how many alerts, which of those told now would be lost, which would be new."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from altmonitor.core.alert import DETECTED_KINDS, Kind
from altmonitor.core.clock import Clock
from altmonitor.market.candles import MINUTE_MS
from altmonitor.replay.budget import NEEDED_HOURS, NEEDED_SHARE
from altmonitor.replay.live_tape import MAIN, LiveTape
from altmonitor.replay.measures import Flags
from altmonitor.replay.selection import smallest_for, too_small
from altmonitor.replay.store import HistoryStore, StoreDamaged
from altmonitor.replay.tape import HOUR_MS, Tape, TapeAlerts, is_bounded_alike, minutes_since
from altmonitor.replay.tape_files import TapeGroups
from altmonitor.settings.audience import Audience
from altmonitor.settings.presets import NotEnoughHistory, Trial, TrialMove, TrialRow

log = logging.getLogger(__name__)

DAY_MS: Final = 86_400_000
SAME_MOVE_MS: Final = 15 * MINUTE_MS
"""So near to each other two alerts of one symbol, kind and direction are about the same move."""
SAME_RATE_MS: Final = 8 * HOUR_MS
"""The same of funding, which is settled so seldom: one rate that grows passes a higher bound one settlement later."""
MOST_NAMED: Final = 3
DAY_MINUTES: Final = 1_440
MOST_KEPT_ROWS: Final = 1_000_000
"""56 MB; about a month of 560 symbols."""


def try_on(
    tapes: Iterable[Tape],
    now: Audience,
    then: Audience,
    *,
    from_ms: int,
    days: Mapping[Kind, float] | None = None,
    hears: Callable[[str], bool] | None = None,
    now_s: float | None = None,
) -> Trial:
    """tapes: of different symbols, over the same time; looked at one after the other. now, then: what is in force and
    what is tried. from_ms: nothing before it counts. days: of each kind, how long it was seen after that, None: as long
    as the tapes say; a kind that was never seen has no row."""
    counts = {kind: _KindCounts(kind) for kind in DETECTED_KINDS if kind in now.kinds}
    minutes: Counter[Kind] = Counter()
    begin_ms = end_ms = symbols = 0
    for tape in tapes:
        begin_ms, end_ms, symbols = tape.from_ms, tape.to_ms, symbols + len(tape.symbols)
        minutes.update({kind: minutes_since(tape.seen[rule], from_ms) for kind, rule in MAIN.items()})
        for kind, of_kind in counts.items():
            before = _told(tape, now, kind, from_ms, hears, now_s)
            is_same = kind in then.kinds and is_bounded_alike(kind, now.settings, then.settings)
            of_kind.add(tape, before, before if is_same else _told(tape, then, kind, from_ms, hears, now_s))
    if days is None:
        days = {kind: count / max(1, symbols) / DAY_MINUTES for kind, count in minutes.items()}
    rows = tuple(of_kind.row(kind, days[kind]) for kind, of_kind in counts.items() if days.get(kind))
    peak, peak_ms = _loudest(sum((of_kind.hours for kind, of_kind in counts.items() if days.get(kind)), Counter()))
    return Trial(rows=rows, from_ms=max(from_ms, begin_ms), to_ms=end_ms, peak=peak, peak_ms=peak_ms)


def _loudest(hours: Mapping[int, int]) -> tuple[int, int | None]:
    """(alerts, begin in unix ms) of the first of the loudest hours; None without any."""
    hour, peak = max(hours.items(), key=lambda one: (one[1], -one[0]), default=(None, 0))
    return peak, None if hour is None else hour * HOUR_MS


class _KindCounts:
    """Of one kind, over the symbols so far. hours: number of an hour since 1970 → alerts with what is tried."""

    def __init__(self, kind: Kind) -> None:
        self._same_ms = SAME_RATE_MS if kind == "funding" else SAME_MOVE_MS
        self._now = self._then = 0
        self.hours: Counter[int] = Counter()
        self._lost: list[TrialMove] = []
        self._new: list[TrialMove] = []

    def add(self, tape: Tape, before: TapeAlerts, after: TapeAlerts) -> None:
        self._now, self._then = self._now + len(before), self._then + len(after)
        hours, counts = np.unique(after.at_ms // HOUR_MS, return_counts=True)
        self.hours.update(dict(zip(hours.tolist(), counts.tolist(), strict=True)))
        if after is before:
            return
        self._lost = _largest([*self._lost, *_named(tape, before, ~is_told(before, after, self._same_ms))])
        self._new = _largest([*self._new, *_named(tape, after, ~is_told(after, before, self._same_ms))])

    def row(self, kind: Kind, days: float) -> TrialRow:
        peak, peak_ms = _loudest(self.hours)
        return TrialRow(
            kind=kind,
            now=self._now,
            then=self._then,
            days=days,
            peak=peak,
            peak_ms=peak_ms,
            lost=tuple(self._lost),
            new=tuple(self._new),
        )


def _largest(moves: Sequence[TrialMove]) -> list[TrialMove]:
    return sorted(moves, key=lambda one: (-abs(one.size), one.at_ms))[:MOST_NAMED]


def _told(
    tape: Tape, audience: Audience, kind: Kind, from_ms: int, hears: Callable[[str], bool] | None, now_s: float | None
) -> TapeAlerts:
    told = tape.told(audience, kinds=[kind], hears=hears, now_s=now_s)
    return told.taken(told.at_ms >= from_ms)


def is_told(of: TapeAlerts, by: TapeAlerts, same_ms: int = SAME_MOVE_MS) -> Flags:
    """Of each alert: whether the other settings tell of the same move, at most so long before or after it."""
    if not len(of) or not len(by):
        return np.zeros(len(of), bool)
    begin_ms = int(min(of.at_ms.min(), by.at_ms.min()))
    span = int(max(of.at_ms.max(), by.at_ms.max())) - begin_ms + 2 * same_ms
    own, line = ((one.symbol * 2 + one.side) * span + one.at_ms - begin_ms for one in (of, by))
    line = np.sort(line)
    first, after = np.searchsorted(line, own - same_ms), np.searchsorted(line, own + same_ms, side="right")
    found: Flags = after > first
    return found


def _named(tape: Tape, told: TapeAlerts, chosen: Flags) -> tuple[TrialMove, ...]:
    """Each symbol's largest, the largest first."""
    found: dict[str, TrialMove] = {}
    some = told.taken(chosen)
    for at in np.argsort(-np.abs(some.size), kind="stable").tolist():
        symbol = tape.symbols[int(some.symbol[at])]
        if symbol not in found:
            found[symbol] = TrialMove(symbol=symbol, at_ms=int(some.at_ms[at]), size=float(some.size[at]))
            if len(found) == MOST_NAMED:
                break
    return tuple(found.values())


# ---
# Asked of a running monitor.


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialDeps:
    """listed: contracts that exist. day_usdt: a symbol's quote volume of 24 h, None when unknown. most_kept_rows: of a
    tape that stays in memory."""

    live_tape: LiveTape
    store: HistoryStore
    clock: Clock
    listed: Callable[[], Sequence[str]]
    day_usdt: Callable[[str], float | None]
    most_kept_rows: int = MOST_KEPT_ROWS


class Trials:
    """Answers from what the monitor itself has seen, and from stored days where those say more of the time asked for.
    The tape of those is kept until another time is asked for, so that a second question about it is answered at once;
    one of so many rows that a monitor should not hold them is read again, a few symbols at a time."""

    def __init__(self, deps: TrialDeps) -> None:
        self._at = deps
        self._kept: tuple[tuple[object, ...], Sequence[Tape]] | None = None
        self._spans: tuple[int, list[tuple[int, int]]] = 0, []

    async def answer(self, now: Audience, then: Audience, last_s: int | None) -> Trial | NotEnoughHistory:
        """last_s: so far back; None: as far as anything is known."""
        now_ms, symbols = self._at.clock.now_ms(), max(1, len(self._at.listed()))
        from_ms = 0 if last_s is None else now_ms - last_s * 1000
        live = {
            kind: self._at.live_tape.symbol_minutes(kind, since_ms=from_ms) / symbols / DAY_MINUTES for kind in MAIN
        }
        stored = await asyncio.to_thread(self._stored, now, then, from_ms, now_ms)
        if stored is not None and max((row.days for row in stored.rows), default=0.0) > live["price"]:
            return stored
        needs_days = NEEDED_HOURS * NEEDED_SHARE / 24
        if live["price"] < needs_days:
            return NotEnoughHistory(has_days=live["price"], needs_days=needs_days)
        tape = self._at.live_tape.tape()
        least_usdt = min(now.settings.min_24h_usdt, then.settings.min_24h_usdt)

        def hears(symbol: str) -> bool:
            day_usdt = self._at.day_usdt(symbol)
            return day_usdt is None or day_usdt >= least_usdt

        trial = await asyncio.to_thread(
            try_on,
            [tape],
            now,
            then,
            from_ms=from_ms,
            days={kind: seen for kind, seen in live.items() if seen >= needs_days},
            hears=hears if least_usdt else None,
            now_s=now_ms / 1000,
        )
        counted = {row.kind for row in trial.rows}
        small = too_small([now.settings, then.settings])
        return replace(trial, too_small=tuple(kind for kind in small if kind in counted))

    def _stored(self, now: Audience, then: Audience, from_ms: int, to_ms: int) -> Trial | None:
        """None without any stored candle of that time, or where the store cannot be read: the answer then is of what
        the monitor has seen."""
        try:
            tapes = self._tapes(now, then, from_ms, to_ms)
            return None if tapes is None else try_on(tapes, now, then, from_ms=from_ms)
        except (StoreDamaged, OSError) as problem:
            log.warning("stored days are not asked: %s", problem)
            return None

    def _tapes(self, now: Audience, then: Audience, from_ms: int, to_ms: int) -> Iterable[Tape] | None:
        smallest, store = smallest_for([now.settings, then.settings]), self._at.store
        stamp = _stamp(store.root)
        if self._spans[0] != stamp:
            self._spans = stamp, [span for symbol in store.symbols() if (span := store.span(symbol)) is not None]
        spans = self._spans[1]
        if not spans or max(last_ms for _, last_ms in spans) < from_ms:
            return None
        first_ms = max(from_ms, min(first_ms for first_ms, _ in spans)) // DAY_MS * DAY_MS
        lookback = now.settings.vol_burst_lookback
        key = (stamp, first_ms, to_ms // DAY_MS, lookback, tuple(smallest.items()))
        if self._kept is not None and self._kept[0] == key:
            return self._kept[1]
        groups = TapeGroups(
            store,
            store.symbols(),
            from_ms=first_ms,
            to_ms=min(to_ms, max(last_ms for _, last_ms in spans) + MINUTE_MS),
            lookback=lookback,
            smallest=smallest,
        )
        return self._keeping(key, groups)

    def _keeping(self, key: tuple[object, ...], groups: TapeGroups) -> Iterator[Tape]:
        kept: list[Tape] | None = []
        rows = 0
        for tape in groups:
            yield tape
            rows += sum(map(len, tape.rows.values()))
            if kept is not None:
                kept = [*kept, tape] if rows <= self._at.most_kept_rows else None
        self._kept = None if kept is None else (key, kept)


def _stamp(root: Path) -> int:
    """Another number as soon as any file of the store is another one; none is opened for it."""
    found: list[tuple[str, int, int]] = []
    for folder in sorted(root.glob("[!.]*/")):
        with os.scandir(folder) as files:
            found += sorted((file.path, (stat := file.stat()).st_mtime_ns, stat.st_size) for file in files)
    return hash(tuple(found))
