"""Thresholds for a wished number of alerts a day, from the tape, and what days that were held back say of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Final

import numpy as np

from altmonitor.core.alert import Kind
from altmonitor.detectors.kinds import BUDGETS
from altmonitor.replay.budget import choose_steps
from altmonitor.replay.exact import ReplayOptions
from altmonitor.replay.run import replay
from altmonitor.replay.store import HistoryStore
from altmonitor.replay.tape import KINDS_ON_TAPE, Tape, build_tape
from altmonitor.settings.settings import SETTING_OF, Settings

DAY_MS: Final = 86_400_000
MOST_LOST: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LostMove:
    """The largest of what would not be told any more. size: percent, or multiple."""

    symbol: str
    at_ms: int
    size: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TunedKind:
    """thresholds: key of `SETTINGS` → (now, proposed). Alerts a day: of the tape for the fitted days, now and
    proposed; of the live engine for the fitted days and for those held back, with all that is proposed in force."""

    kind: Kind
    thresholds: dict[str, tuple[float, float]]
    now_per_day: float
    fitted_per_day: float
    replayed_per_day: float
    held_out_per_day: float
    lost: tuple[LostMove, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """held_out_from_ms: nothing from then on was looked at when the thresholds were chosen. by_day: alerts of each held
    day, oldest first."""

    from_ms: int
    held_out_from_ms: int
    to_ms: int
    per_day: float
    kinds: tuple[TunedKind, ...]
    by_day: tuple[int, ...]

    @property
    def held_out_per_day(self) -> float:
        return sum(one.held_out_per_day for one in self.kinds)


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
) -> Tuned:
    """Of the first audience, over the symbols that are stored. A kind of which nothing is stored is left as it is: it
    must not look silent because nobody has looked. Raises: StoreDamaged."""
    main = options.audiences[0]
    settings, split_ms = main.settings, to_ms - held_out_days * DAY_MS
    tape = build_tape(store, symbols, from_ms=from_ms, to_ms=split_ms, lookback=settings.vol_burst_lookback)
    has_interest = any(store.months(symbol, "oi") for symbol in symbols)
    asked = [
        kind
        for kind in KINDS_ON_TAPE
        if kind in kinds and kind in main.kinds and _on(kind, settings) and (kind != "oi" or has_interest)
    ]
    rates = {kind: [_per_day(tape, kind, step, settings) for step in BUDGETS[kind].steps] for kind in asked}
    chosen = choose_steps(per_day, rates)
    numbers = {
        key: step * BUDGETS[kind].thresholds[key] for kind, step in chosen.items() for key in _on(kind, settings)
    }
    proposed = replace(options, audiences=(replace(main, settings=replace(settings, **numbers)),))  # type: ignore[arg-type]
    fitted = replay(store, symbols, proposed, from_ms=from_ms, to_ms=split_ms)
    held = replay(store, symbols, proposed, from_ms=split_ms, to_ms=to_ms)
    rows = []
    for kind, step in chosen.items():
        now = _step_now(kind, settings)
        rows.append(
            TunedKind(
                kind=kind,
                thresholds={key: (value, numbers[key]) for key, value in _on(kind, settings).items()},
                now_per_day=_per_day(tape, kind, now, settings),
                fitted_per_day=_per_day(tape, kind, step, settings),
                replayed_per_day=sum(one.alert.kind == kind for one in fitted.alerts) / fitted.days,
                held_out_per_day=sum(one.alert.kind == kind for one in held.alerts) / max(held.days, 1e-9),
                lost=_lost(tape, kind, now, step),
            )
        )
    told = [one for one in held.alerts if one.alert.kind in chosen]
    return Tuned(
        from_ms=from_ms,
        held_out_from_ms=split_ms,
        to_ms=to_ms,
        per_day=per_day,
        kinds=tuple(rows),
        by_day=tuple(
            sum(split_ms + day * DAY_MS <= one.alert.event_ms < split_ms + (day + 1) * DAY_MS for one in told)
            for day in range(held_out_days)
        ),
    )


def _on(kind: Kind, settings: Settings) -> dict[str, float]:
    """Thresholds that are not switched off."""
    values = {key: SETTING_OF[key].of(settings) for key in BUDGETS[kind].thresholds}
    return {key: value for key, value in values.items() if value}


def _step_now(kind: Kind, settings: Settings) -> float:
    """The step that the largest factor's threshold in force stands for."""
    factors, on = BUDGETS[kind].thresholds, _on(kind, settings)
    key = max(on, key=lambda one: abs(factors[one]))
    return on[key] / factors[key]


def _per_day(tape: Tape, kind: Kind, step: float, settings: Settings) -> float:
    rule = BUDGETS[kind]
    floor_usd = SETTING_OF[rule.floor_key].of(settings) if rule.floor_key else 0.0
    found = tape.moments(
        kind,
        up=step,
        down=-step if rule.is_two_sided else -inf,
        floor_usd=floor_usd,
        cooldown_s=settings.cooldown_sec,
    )
    return found / tape.days


def _lost(tape: Tape, kind: Kind, now: float, step: float) -> tuple[LostMove, ...]:
    """Between what is told now and what would be."""
    rows = tape.rows[kind]
    sizes = np.abs(rows.size)
    at = np.flatnonzero((sizes >= now) & (sizes < step))
    at = at[np.argsort(-sizes[at], kind="stable")][:MOST_LOST]
    return tuple(
        LostMove(symbol=tape.symbols[int(rows.symbol[n])], at_ms=int(rows.at_ms[n]), size=float(rows.size[n]))
        for n in at
    )
