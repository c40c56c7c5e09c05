"""Thresholds for about so many alerts a day, derived from how the market moved lately."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from altmonitor.core.alert import Kind
from altmonitor.detectors.kinds import BUDGETS
from altmonitor.replay.move_stats import MoveReach, MoveStats
from altmonitor.settings.audience import Audience
from altmonitor.settings.presets import BudgetProposal, BudgetRow, NotEnoughHistory, ThresholdRow
from altmonitor.settings.settings import SETTING_OF, Settings

NEEDED_HOURS = 1.0
NEEDED_SHARE = 0.5
"""Of the contracts, on average over the hours: fewer say too little about the others."""

MOST_OVER = 1.1
"""A budget may be missed by so much; one step of a threshold often is more than a tenth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetDeps:
    """listed: contracts that exist. day_usdt: a symbol's quote volume of 24 h, None when unknown."""

    move_stats: MoveStats
    listed: Callable[[], Sequence[str]]
    day_usdt: Callable[[str], float | None]
    now_s: Callable[[], float]


class AlertBudget:
    """Proposes thresholds from the loaded history."""

    def __init__(self, listening: BudgetDeps) -> None:
        self._at = listening

    async def propose(self, per_day: int, audience: Audience) -> BudgetProposal | NotEnoughHistory:
        """Price is counted by the extremes of candles, so moves over 60 s across a minute's border are not in it."""
        move_stats, listed = self._at.move_stats, self._at.listed()
        if not listed or not self._is_enough("price", len(listed)):
            has_days = move_stats.symbol_minutes("price") / max(1, len(listed)) / 1_440
            return NotEnoughHistory(has_days=has_days, needs_days=NEEDED_HOURS * NEEDED_SHARE / 24)
        kinds = [kind for kind in BUDGETS if kind in audience.kinds and _on(kind, audience.settings)]
        rates = {kind: self._rates(kind, audience, len(listed)) for kind in kinds}
        chosen = (
            choose_steps(per_day, {kind: rate for kind, rate in rates.items() if rate is not None}) if per_day else {}
        )
        rows = tuple(self._row(kind, audience, len(listed), chosen.get(kind)) for kind in kinds)
        return BudgetProposal(per_day=per_day, rows=rows, history_days=move_stats.history_days())

    def _rates(self, kind: Kind, audience: Audience, symbols: int) -> list[float] | None:
        """Alerts a day at each of the steps; None without history of this kind."""
        found = []
        for step in BUDGETS[kind].steps:
            rate = self._rate(kind, _reach(kind, step, audience.settings), audience, symbols)
            if rate is None:
                return None
            found.append(rate)
        return found

    def _is_enough(self, kind: Kind, symbols: int) -> bool:
        return self._at.move_stats.symbol_minutes(kind) >= NEEDED_HOURS * 60 * NEEDED_SHARE * symbols

    def _rate(self, kind: Kind, reach: MoveReach, audience: Audience, symbols: int) -> float | None:
        """None when too little was seen: a kind must not look silent because nobody has watched it yet."""
        if not self._is_enough(kind, symbols):
            return None
        settings, now_s = audience.settings, self._at.now_s()
        least_usdt = settings.min_24h_usdt

        def hears(symbol: str) -> bool:
            if settings.is_muted(symbol, now_s) or not settings.is_watched(symbol):
                return False
            day_usdt = self._at.day_usdt(symbol) if least_usdt else None
            return day_usdt is None or day_usdt >= least_usdt

        return self._at.move_stats.alerts_per_day(
            kind, reach, symbols=symbols, hears=hears, cooldown_s=settings.cooldown_sec
        )

    def _row(self, kind: Kind, audience: Audience, symbols: int, step: float | None) -> BudgetRow:
        settings = audience.settings
        before = self._rate(kind, _reach_now(kind, settings), audience, symbols)
        thresholds = _thresholds(kind, settings, step)
        if step is None:
            return BudgetRow(kind=kind, thresholds=thresholds, before_per_day=before, after_per_day=before)
        after = self._rate(kind, _reach(kind, step, settings), audience, symbols)
        return BudgetRow(kind=kind, thresholds=thresholds, before_per_day=before, after_per_day=after)


def choose_steps(per_day: int, rates: Mapping[Kind, Sequence[float]]) -> dict[Kind, float]:
    """A step for every kind: each begins within its share, then what is left over goes to those that can use it."""
    total_share = sum(BUDGETS[kind].share for kind in rates)
    at: dict[Kind, int] = {}
    for kind, of_kind in rates.items():
        share = per_day * BUDGETS[kind].share / total_share
        at[kind] = next((i for i, rate in enumerate(of_kind) if rate <= share), len(of_kind) - 1)
    while True:
        spent = sum(rates[kind][i] for kind, i in at.items())
        lower = [
            (rates[kind][i - 1] - rates[kind][i], kind)
            for kind, i in at.items()
            if i > 0 and spent - rates[kind][i] + rates[kind][i - 1] <= per_day * MOST_OVER
        ]
        if not lower:
            return {kind: BUDGETS[kind].steps[i] for kind, i in at.items()}
        at[min(lower)[1]] -= 1


def _on(kind: Kind, settings: Settings) -> dict[str, float]:
    """Key → value of the thresholds that are not switched off."""
    values = {key: SETTING_OF[key].of(settings) for key in BUDGETS[kind].thresholds}
    return {key: value for key, value in values.items() if value}


def _reach(kind: Kind, step: float, settings: Settings) -> MoveReach:
    rule = BUDGETS[kind]
    floor_usd = SETTING_OF[rule.floor_key].of(settings) if rule.floor_key else 0.0
    return MoveReach(up=step, down=-step if rule.is_two_sided else -math.inf, floor_usd=floor_usd)


def _reach_now(kind: Kind, settings: Settings) -> MoveReach:
    """The steps that the thresholds in force stand for; of several on one side the one nearest to a whole step."""
    rule, on = BUDGETS[kind], _on(kind, settings)
    steps = sorted((abs(rule.thresholds[key]), rule.thresholds[key] < 0, on[key] / rule.thresholds[key]) for key in on)
    ups = [step for _, is_down, step in steps if not is_down]
    downs = [step for _, is_down, step in steps if is_down]
    reach = _reach(kind, ups[-1], settings)
    return MoveReach(up=reach.up, down=-downs[-1] if downs else reach.down, floor_usd=reach.floor_usd)


def _thresholds(kind: Kind, settings: Settings, step: float | None) -> tuple[ThresholdRow, ...]:
    """step None: they stay. Those that are switched off stay so."""
    factors = BUDGETS[kind].thresholds
    return tuple(
        ThresholdRow(key=key, before=before, after=before if step is None else step * factors[key])
        for key, before in _on(kind, settings).items()
    )
