"""Other thresholds over the same days: how many alerts, which of those told now would be lost, which would be new."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from altmonitor.core.alert import DETECTED_KINDS, Kind
from altmonitor.core.clock import Clock
from altmonitor.market.candles import MINUTE_MS
from altmonitor.replay.budget import NEEDED_HOURS, NEEDED_SHARE
from altmonitor.replay.live_tape import MAIN, LiveTape
from altmonitor.replay.measures import Flags
from altmonitor.replay.selection import smallest_for
from altmonitor.replay.store import HistoryStore, StoreDamaged
from altmonitor.replay.tape import Tape, TapeAlerts
from altmonitor.replay.tape_files import build_tape
from altmonitor.settings.audience import Audience
from altmonitor.settings.presets import NotEnoughHistory, Trial, TrialMove, TrialRow

log = logging.getLogger(__name__)

DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000
SAME_MOVE_MS: Final = 15 * MINUTE_MS
"""So near to each other two alerts of one symbol, kind and direction are about the same move."""
MOST_NAMED: Final = 3


def try_on(
    tape: Tape,
    now: Audience,
    then: Audience,
    *,
    from_ms: int,
    days: Mapping[Kind, float],
    hears: Callable[[str], bool] | None = None,
    now_s: float | None = None,
) -> Trial:
    """now, then: what is in force and what is tried. from_ms: nothing before it counts. days: of each kind, how long it
    was seen after that; a kind that was never seen has no row."""
    told_now, told_then = (_told(tape, one, from_ms, hears, now_s) for one in (now, then))
    rows = []
    for kind in DETECTED_KINDS:
        if kind in now.kinds and days.get(kind):
            before, after = (told.taken(told.of_kind(kind)) for told in (told_now, told_then))
            hours, counts = np.unique(after.at_ms // HOUR_MS, return_counts=True)
            peak = int(counts.argmax()) if len(counts) else None
            rows.append(
                TrialRow(
                    kind=kind,
                    now=len(before),
                    then=len(after),
                    days=days[kind],
                    peak=0 if peak is None else int(counts[peak]),
                    peak_ms=None if peak is None else int(hours[peak]) * HOUR_MS,
                    lost=_named(tape, before, ~_is_told(before, after)),
                    new=_named(tape, after, ~_is_told(after, before)),
                )
            )
    return Trial(rows=tuple(rows), from_ms=max(from_ms, tape.from_ms), to_ms=tape.to_ms)


def _told(
    tape: Tape, audience: Audience, from_ms: int, hears: Callable[[str], bool] | None, now_s: float | None
) -> TapeAlerts:
    told = tape.told(audience, hears=hears, now_s=now_s)
    return told.taken(told.at_ms >= from_ms)


def _is_told(of: TapeAlerts, by: TapeAlerts) -> Flags:
    """Of each alert: whether the other settings tell of the same move."""
    if not len(of) or not len(by):
        return np.zeros(len(of), bool)
    begin_ms = int(min(of.at_ms.min(), by.at_ms.min()))
    span = int(max(of.at_ms.max(), by.at_ms.max())) - begin_ms + 2 * SAME_MOVE_MS
    own, line = ((one.symbol * 2 + one.side) * span + one.at_ms - begin_ms for one in (of, by))
    line = np.sort(line)
    first, after = np.searchsorted(line, own - SAME_MOVE_MS), np.searchsorted(line, own + SAME_MOVE_MS, side="right")
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
    """listed: contracts that exist. day_usdt: a symbol's quote volume of 24 h, None when unknown."""

    live_tape: LiveTape
    store: HistoryStore
    clock: Clock
    listed: Callable[[], Sequence[str]]
    day_usdt: Callable[[str], float | None]


class Trials:
    """Answers from what the monitor itself has seen, and from stored days where those say more of the time asked for.
    The tape of those is kept until another time is asked for: a second question about it is answered at once."""

    def __init__(self, deps: TrialDeps) -> None:
        self._at = deps
        self._kept: tuple[tuple[object, ...], Tape] | None = None

    async def answer(self, now: Audience, then: Audience, last_s: int | None) -> Trial | NotEnoughHistory:
        """last_s: so far back; None: as far as anything is known."""
        now_ms, symbols = self._at.clock.now_ms(), max(1, len(self._at.listed()))
        from_ms = 0 if last_s is None else now_ms - last_s * 1000
        live = {kind: self._at.live_tape.symbol_minutes(kind, since_ms=from_ms) / symbols / 1_440 for kind in MAIN}
        stored = await asyncio.to_thread(self._stored, now, then, from_ms, now_ms)
        if stored is not None and days_of(stored)["price"] > live["price"]:
            return await asyncio.to_thread(try_on, stored, now, then, from_ms=from_ms, days=days_of(stored))
        if live["price"] * 24 < NEEDED_HOURS * NEEDED_SHARE:
            return NotEnoughHistory(has_days=live["price"], needs_days=NEEDED_HOURS * NEEDED_SHARE / 24)
        tape = self._at.live_tape.tape()
        least_usdt = min(now.settings.min_24h_usdt, then.settings.min_24h_usdt)

        def hears(symbol: str) -> bool:
            day_usdt = self._at.day_usdt(symbol)
            return day_usdt is None or day_usdt >= least_usdt

        return await asyncio.to_thread(
            try_on,
            tape,
            now,
            then,
            from_ms=from_ms,
            days=live,
            hears=hears if least_usdt else None,
            now_s=now_ms / 1000,
        )

    def _stored(self, now: Audience, then: Audience, from_ms: int, to_ms: int) -> Tape | None:
        """None without any stored candle of that time, or where the store cannot be read: the answer then is of what
        the monitor has seen."""
        smallest = smallest_for([now.settings, then.settings])
        try:
            spans = [span for symbol in self._at.store.symbols() if (span := self._at.store.span(symbol)) is not None]
            if not spans or max(last_ms for _, last_ms in spans) < from_ms:
                return None
            first_ms = max(from_ms, min(first_ms for first_ms, _ in spans)) // DAY_MS * DAY_MS
            lookback = now.settings.vol_burst_lookback
            key = (first_ms, to_ms // DAY_MS, lookback, tuple(smallest.items()))
            if self._kept is None or self._kept[0] != key:
                self._kept = (
                    key,
                    build_tape(
                        self._at.store,
                        self._at.store.symbols(),
                        from_ms=first_ms,
                        to_ms=min(to_ms, max(last_ms for _, last_ms in spans) + MINUTE_MS),
                        lookback=lookback,
                        smallest=smallest,
                    ),
                )
            return self._kept[1]
        except (StoreDamaged, OSError) as problem:
            log.warning("stored days are not asked: %s", problem)
            return None


def days_of(tape: Tape) -> dict[Kind, float]:
    return {kind: tape.minutes[rule] / max(1, len(tape.symbols)) / 1_440 for kind, rule in MAIN.items()}
