"""Thresholds for a wished number of alerts a day, from the tape, and what days that were held back say of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from altmonitor.core.alert import Kind
from altmonitor.detectors.kinds import BUDGETS
from altmonitor.replay.budget import Count, at_step, choose_steps, rates_of, thresholds_on, with_numbers
from altmonitor.replay.condition_count import ConditionRate, closed_minutes, condition_rate
from altmonitor.replay.exact import ReplayedAlert, ReplayOptions
from altmonitor.replay.run import ReplayResult, replay
from altmonitor.replay.selection import smallest_for
from altmonitor.replay.store import HistoryStore
from altmonitor.replay.tape import Tape
from altmonitor.replay.tape_files import build_tape
from altmonitor.settings.audience import Audience
from altmonitor.settings.conditions import Condition

DAY_MS: Final = 86_400_000
MOST_LOST: Final = 3
KINDS_STORED: Final[tuple[Kind, ...]] = ("price", "vol", "oi")
CLASSES: Final[tuple[tuple[str, float], ...]] = (("large", 500e6), ("middle", 50e6), ("small", 0.0))
"""(name, USDT traded on a usual day, from which on)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostMove:
    """The largest of what would not be told any more. size: percent, or multiple."""

    symbol: str
    at_ms: int
    size: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TunedKind:
    """liquidity: name of the class, '' for all symbols together. thresholds: key of `SETTINGS` → (now, proposed).
    Alerts a day: of the tape for the fitted days, now and proposed; of the engine for the fitted days and for those
    held back, with all that is proposed in force. curve: (step of its thresholds, alerts a day of the fitted days)."""

    kind: Kind
    liquidity: str
    thresholds: dict[str, tuple[float, float]]
    now_per_day: float
    fitted_per_day: float
    replayed_per_day: float
    held_out_per_day: float
    lost: tuple[LostMove, ...]
    curve: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """held_out_from_ms: nothing from then on was looked at when the thresholds were chosen. by_day: alerts of each held
    day, oldest first; fitted_by_day: the same of the others. classes: symbols of each, by its name. conditions: how
    many of the audience's own (`/alert`) were counted; conditions_per_day, conditions_held_per_day: how often they came
    true. What they take of `per_day` is not left for the thresholds."""

    from_ms: int
    held_out_from_ms: int
    to_ms: int
    per_day: float
    kinds: tuple[TunedKind, ...]
    fitted_by_day: tuple[int, ...]
    by_day: tuple[int, ...]
    classes: dict[str, tuple[str, ...]]
    conditions: int = 0
    conditions_per_day: float = 0.0
    conditions_held_per_day: float = 0.0

    @property
    def held_out_per_day(self) -> float:
        return self.conditions_held_per_day + sum(one.held_out_per_day for one in self.kinds)


def tune(
    store: HistoryStore,
    symbols: Sequence[str],
    options: ReplayOptions,
    *,
    per_day: int,
    kinds: Sequence[Kind],
    from_ms: int,
    to_ms: int,
    held_out_days: int,
    per_class: bool = False,
) -> Tuned:
    """Of the first audience, over the symbols that are stored. A kind of which nothing is stored is left as it is: it
    must not look silent because nobody has looked. per_class: each class of liquidity gets an equal part and thresholds
    of its own. Raises: StoreDamaged."""
    main = options.audiences[0]
    settings, split_ms = main.settings, to_ms - held_out_days * DAY_MS
    tape = build_tape(
        store,
        symbols,
        from_ms=from_ms,
        to_ms=split_ms,
        lookback=settings.vol_burst_lookback,
        smallest=smallest_for([settings]),
    )
    has_interest = any(store.months(symbol, "oi") for symbol in symbols)
    asked = [
        kind
        for kind in KINDS_STORED
        if kind in kinds and kind in main.kinds and thresholds_on(kind, settings) and (kind != "oi" or has_interest)
    ]
    own = [one for one in options.conditions if one.destination == main.destination and one.symbol in symbols]
    told = _conditions(store, own, from_ms, split_ms)
    left = max(0.0, per_day - told.per_day)
    classes = _classes(tape) if per_class else {"": tape.symbols}
    chosen: dict[str, dict[Kind, float]] = {}
    proposed = main
    for name, members in classes.items():
        count = _count(tape, members)
        steps = choose_steps(left / len(classes), {kind: rates_of(kind, main, count) for kind in asked})
        chosen[name] = steps
        numbers = {key: value for kind, step in steps.items() for key, value in at_step(kind, step, settings).items()}
        proposed = with_numbers(proposed, numbers, members if per_class else None)
    then = replace(options, audiences=(proposed,), conditions=tuple(own))
    fitted = replay(store, symbols, then, from_ms=from_ms, to_ms=split_ms, engine="tape")
    held = replay(store, symbols, then, from_ms=split_ms, to_ms=to_ms, engine="tape")
    rows = [
        _tuned(kind, (name, frozenset(members)), chosen[name][kind], main, tape, (fitted, held))
        for name, members in classes.items()
        for kind in chosen[name]
    ]
    return Tuned(
        from_ms=from_ms,
        held_out_from_ms=split_ms,
        to_ms=to_ms,
        per_day=per_day,
        kinds=tuple(rows),
        fitted_by_day=_by_day(fitted.alerts, [*asked, "condition"], from_ms, split_ms),
        by_day=_by_day(held.alerts, [*asked, "condition"], split_ms, to_ms),
        classes={name: tuple(members) for name, members in classes.items() if name},
        conditions=told.counted,
        conditions_per_day=told.per_day,
        conditions_held_per_day=sum(one.alert.kind == "condition" for one in held.alerts) / max(held.days, 1e-9),
    )


def _conditions(store: HistoryStore, conditions: Sequence[Condition], from_ms: int, to_ms: int) -> ConditionRate:
    """Of those days; what is true where the day before begins must become false first, as for the engine."""
    symbols = {one.symbol for one in conditions}
    minutes = {symbol: closed_minutes(store.candles(symbol, from_ms - DAY_MS, to_ms)) for symbol in symbols}
    return condition_rate(conditions, minutes, begin_ms=from_ms)


def _classes(tape: Tape) -> dict[str, tuple[str, ...]]:
    """Those that have members, the most liquid first."""
    found: dict[str, tuple[str, ...]] = {}
    above = np.inf
    for name, least_usdt in CLASSES:
        is_member = (tape.day_usdt >= least_usdt) & (tape.day_usdt < above)
        if is_member.any():
            found[name] = tuple(np.array(tape.symbols)[is_member].tolist())
        above = least_usdt
    return found


def _count(tape: Tape, members: Sequence[str]) -> Count:
    known = frozenset(members)
    hears = None if len(known) == len(tape.symbols) else known.__contains__

    def count(kind: Kind, audience: Audience) -> float:
        return len(tape.told(audience, kinds=[kind], hears=hears)) / tape.days

    return count


def _tuned(
    kind: Kind,
    of_class: tuple[str, frozenset[str]],
    step: float,
    main: Audience,
    tape: Tape,
    replayed: tuple[ReplayResult, ReplayResult],
) -> TunedKind:
    """replayed: the fitted days, those held back."""
    liquidity, members = of_class
    then = at_step(kind, step, main.settings)
    count = _count(tape, sorted(members))

    def rate(of: ReplayResult) -> float:
        told = sum(one.alert.kind == kind and one.alert.symbol in members for one in of.alerts)
        return told / max(of.days, 1e-9)

    fitted, held = replayed
    return TunedKind(
        kind=kind,
        liquidity=liquidity,
        thresholds={key: (value, then[key]) for key, value in thresholds_on(kind, main.settings).items()},
        now_per_day=count(kind, main),
        fitted_per_day=count(kind, with_numbers(main, then)),
        replayed_per_day=rate(fitted),
        held_out_per_day=rate(held),
        lost=_lost(tape, kind, members, main, step),
        curve=tuple(zip(BUDGETS[kind].steps, rates_of(kind, main, count), strict=True)),
    )


def _lost(tape: Tape, kind: Kind, members: frozenset[str], main: Audience, step: float) -> tuple[LostMove, ...]:
    """Told now, and below what is proposed: each symbol's largest."""
    told = tape.told(main, kinds=[kind], hears=members.__contains__)
    largest = max(BUDGETS[kind].thresholds.values())
    found: dict[str, LostMove] = {}
    for at in np.argsort(-np.abs(told.size), kind="stable").tolist():
        size, symbol = float(told.size[at]), tape.symbols[int(told.symbol[at])]
        if abs(size) < step * largest and symbol not in found:
            found[symbol] = LostMove(symbol=symbol, at_ms=int(told.at_ms[at]), size=size)
            if len(found) == MOST_LOST:
                break
    return tuple(found.values())


def _by_day(alerts: Sequence[ReplayedAlert], kinds: Sequence[Kind], from_ms: int, to_ms: int) -> tuple[int, ...]:
    stamps = np.array([one.alert.event_ms for one in alerts if one.alert.kind in kinds], np.int64)
    days = max(1, -(-(to_ms - from_ms) // DAY_MS)) if to_ms > from_ms else 0
    return tuple(np.bincount((stamps - from_ms) // DAY_MS, minlength=days)[:days].tolist())
