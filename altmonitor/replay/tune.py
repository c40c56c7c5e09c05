"""Thresholds for a wished number of alerts a day, from the tape, and what days that were held back say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from altmonitor.core.alert import Kind
from altmonitor.replay.budget import (
    FIXED_LADDERS,
    Count,
    Ladder,
    at_step,
    choose_steps,
    ladder_of,
    rates_of,
    thresholds_on,
    with_numbers,
)
from altmonitor.replay.condition_count import (
    ConditionRate,
    closed_minutes,
    condition_rate,
    funding_condition_rate,
)
from altmonitor.replay.past_market import ReplayedAlert
from altmonitor.replay.replay_options import ReplayOptions
from altmonitor.replay.run import ReplayResult, replay
from altmonitor.replay.selection import smallest_for
from altmonitor.replay.store import HistoryStore
from altmonitor.replay.tape import Tape
from altmonitor.replay.tape_files import TapeGroups
from altmonitor.replay.trial import is_told
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
    tapes = TapeGroups(
        store,
        symbols,
        from_ms=from_ms,
        to_ms=split_ms,
        lookback=settings.vol_burst_lookback,
        smallest=smallest_for([settings]),
    )
    has_interest = any(store.months(symbol, "oi") for symbol in symbols)
    ladders = {
        kind: FIXED_LADDERS[kind] if per_class else ladder_of(kind, settings)
        for kind in KINDS_STORED
        if kind in kinds and kind in main.kinds and (kind != "oi" or has_interest)
    }
    ladders = {kind: ladder for kind, ladder in ladders.items() if thresholds_on(ladder, settings)}
    asked = list(ladders)
    own = [one for one in options.conditions if one.destination == main.destination and one.symbol in symbols]
    told, of_funding = _conditions(store, own, from_ms, split_ms), _funding_conditions(store, own, from_ms, split_ms)
    told = ConditionRate(counted=told.counted + of_funding.counted, per_day=told.per_day + of_funding.per_day)
    left = max(0.0, per_day - told.per_day)
    counts = _counted(tapes, main, ladders, per_class=per_class)
    classes = {name: tuple(one.members) for name, one in counts.items()}
    chosen: dict[str, dict[Kind, float]] = {}
    proposed = main
    for name, members in classes.items():
        steps = choose_steps(left / len(classes), ladders, counts[name].rates)
        chosen[name] = steps
        numbers: dict[str, float] = {}
        for kind, step in steps.items():
            numbers |= at_step(ladders[kind], step, settings)
        proposed = with_numbers(proposed, numbers, members if per_class else None)
    then = replace(options, audiences=(proposed,), conditions=tuple(own))
    fitted = replay(store, symbols, then, from_ms=from_ms, to_ms=split_ms, engine="tape")
    held = replay(store, symbols, then, from_ms=split_ms, to_ms=to_ms, engine="tape")
    lost = _lost(tapes, main, proposed, chosen, per_class=per_class)
    rows = [
        _tuned(kind, ladders[kind], name, chosen[name][kind], main, counts[name], lost[name, kind], (fitted, held))
        for name in classes
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
        conditions_held_per_day=_funding_conditions(store, own, split_ms, to_ms).per_day
        + sum(one.alert.kind == "condition" for one in held.alerts) / max(held.days, 1e-9),
    )


def _conditions(store: HistoryStore, conditions: Sequence[Condition], from_ms: int, to_ms: int) -> ConditionRate:
    """Of those days; what is true where the day before begins must become false first, as for the engine."""
    symbols = {one.symbol for one in conditions}
    minutes = {symbol: closed_minutes(store.candles(symbol, from_ms - DAY_MS, to_ms)) for symbol in symbols}
    return condition_rate(conditions, minutes, begin_ms=from_ms)


def _funding_conditions(
    store: HistoryStore, conditions: Sequence[Condition], from_ms: int, to_ms: int
) -> ConditionRate:
    """No engine tells them, so they are counted on the days held back as well."""
    paid = {symbol: store.funding(symbol, from_ms - DAY_MS, to_ms) for symbol in {one.symbol for one in conditions}}
    return funding_condition_rate(conditions, paid, begin_ms=from_ms)


@dataclass(slots=True)
class _ClassCounts:
    """Of one class. rates: alerts a day at each of a kind's steps; now: with what is in force."""

    members: list[str]
    rates: dict[Kind, list[float]]
    now: dict[Kind, float]


def _counted(
    tapes: TapeGroups, main: Audience, ladders: Mapping[Kind, Ladder], *, per_class: bool
) -> dict[str, _ClassCounts]:
    """Of each class that has members, the most liquid first."""
    found: dict[str, _ClassCounts] = {}
    for tape in tapes:
        for name, members in _classes(tape, per_class=per_class).items():
            nothing = {kind: [0.0] * len(ladder.steps) for kind, ladder in ladders.items()}
            of_class = found.setdefault(name, _ClassCounts([], nothing, dict.fromkeys(ladders, 0.0)))
            of_class.members += members
            count = _count(tape, members)
            for kind, ladder in ladders.items():
                rates = rates_of(kind, ladder, main, count)
                of_class.rates[kind] = [known + own for known, own in zip(of_class.rates[kind], rates, strict=True)]
                of_class.now[kind] += count(kind, main)
    order = [name for name, _ in CLASSES]
    return dict(sorted(found.items(), key=lambda one: order.index(one[0]) if one[0] else 0))


def _classes(tape: Tape, *, per_class: bool) -> dict[str, tuple[str, ...]]:
    """Those that have members, the most liquid first; not per_class: one that holds all."""
    if not per_class:
        return {"": tape.symbols}
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
    ladder: Ladder,
    liquidity: str,
    step: float,
    main: Audience,
    counts: _ClassCounts,
    lost: tuple[LostMove, ...],
    replayed: tuple[ReplayResult, ReplayResult],
) -> TunedKind:
    """replayed: the fitted days, those held back."""
    then, steps, members = at_step(ladder, step, main.settings), ladder.steps, frozenset(counts.members)

    def rate(of: ReplayResult) -> float:
        told = sum(one.alert.kind == kind and one.alert.symbol in members for one in of.alerts)
        return told / max(of.days, 1e-9)

    fitted, held = replayed
    return TunedKind(
        kind=kind,
        liquidity=liquidity,
        thresholds={key: (value, then[key]) for key, value in thresholds_on(ladder, main.settings).items()},
        now_per_day=counts.now[kind],
        fitted_per_day=counts.rates[kind][steps.index(step)],
        replayed_per_day=rate(fitted),
        held_out_per_day=rate(held),
        lost=lost,
        curve=tuple(zip(steps, counts.rates[kind], strict=True)),
    )


def _lost(
    tapes: TapeGroups,
    main: Audience,
    proposed: Audience,
    chosen: Mapping[str, Mapping[Kind, float]],
    *,
    per_class: bool,
) -> dict[tuple[str, Kind], tuple[LostMove, ...]]:
    """Of each class and kind what is told now and not by what is proposed: each symbol's largest."""
    found: dict[tuple[str, Kind], list[LostMove]] = {(name, kind): [] for name, of in chosen.items() for kind in of}
    for tape in tapes:
        for name, members in _classes(tape, per_class=per_class).items():
            for kind in chosen[name]:
                found[name, kind] += _lost_on(tape, kind, frozenset(members), main, proposed)
    return {key: tuple(sorted(rows, key=lambda one: -abs(one.size))[:MOST_LOST]) for key, rows in found.items()}


def _lost_on(tape: Tape, kind: Kind, members: frozenset[str], main: Audience, proposed: Audience) -> list[LostMove]:
    now, then = (tape.told(one, kinds=[kind], hears=members.__contains__) for one in (main, proposed))
    told = now.taken(~is_told(now, then))
    found: dict[str, LostMove] = {}
    for at in np.argsort(-np.abs(told.size), kind="stable").tolist():
        size, symbol = float(told.size[at]), tape.symbols[int(told.symbol[at])]
        if symbol not in found:
            found[symbol] = LostMove(symbol=symbol, at_ms=int(told.at_ms[at]), size=size)
            if len(found) == MOST_LOST:
                break
    return list(found.values())


def _by_day(alerts: Sequence[ReplayedAlert], kinds: Sequence[Kind], from_ms: int, to_ms: int) -> tuple[int, ...]:
    stamps = np.array([one.alert.event_ms for one in alerts if one.alert.kind in kinds], np.int64)
    days = max(1, -(-(to_ms - from_ms) // DAY_MS)) if to_ms > from_ms else 0
    return tuple(np.bincount((stamps - from_ms) // DAY_MS, minlength=days)[:days].tolist())
