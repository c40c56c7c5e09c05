"""Thresholds for about so many alerts a day, derived from a tape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from altmonitor.core.alert import Kind
from altmonitor.detectors.adaptive import OWN_BOUNDS
from altmonitor.detectors.kinds import BUDGETS
from altmonitor.replay.condition_count import ConditionRates, no_conditions
from altmonitor.replay.live_tape import LiveTape
from altmonitor.replay.tape import Tape
from altmonitor.settings.audience import Audience
from altmonitor.settings.presets import BudgetProposal, BudgetRow, NotEnoughHistory, ThresholdRow
from altmonitor.settings.settings import SETTING_OF, Settings

NEEDED_HOURS: Final = 1.0
NEEDED_SHARE: Final = 0.5
"""Of the contracts, on average over the hours: fewer say too little about the others."""

MOST_OVER: Final = 1.1
"""A budget may be missed by so much; one step of a threshold often is more than a tenth."""


# ---
# Steps of thresholds, and how many alerts each of them gives.


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Thresholds of a kind that are moved together. steps: rising. factors: key of a setting → its part of a step."""

    steps: tuple[float, ...]
    factors: Mapping[str, float]

    @property
    def main_key(self) -> str:
        """Of the threshold that a step is told by."""
        return max(self.factors, key=lambda key: abs(self.factors[key]))


FIXED_LADDERS: Final[Mapping[Kind, Ladder]] = {
    kind: Ladder(steps=rule.steps, factors=rule.thresholds) for kind, rule in BUDGETS.items()
}
ADAPTIVE_LADDERS: Final[Mapping[Kind, Ladder]] = {
    "price": Ladder(
        steps=(3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 25, 30, 40, 50, 75, 100),
        factors={"adaptive_sigmas": 1.0},
    ),
    "vol": Ladder(
        steps=(0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 10, 12, 15, 20, 30, 50, 100),
        factors={"adaptive_volume_mult": 1.0},
    ),
}
"""Where a bound follows from the contract, how many times what it does anyway is chosen; its floors stay."""


def ladder_of(kind: Kind, settings: Settings) -> Ladder:
    of_kind = OWN_BOUNDS.get(kind)
    return ADAPTIVE_LADDERS[kind] if of_kind is not None and of_kind(settings).times else FIXED_LADDERS[kind]


def ladder_with(kind: Kind, keys: Iterable[str]) -> Ladder:
    """That moves these thresholds."""
    return next(
        one[kind] for one in (ADAPTIVE_LADDERS, FIXED_LADDERS) if kind in one and set(keys) <= set(one[kind].factors)
    )


def thresholds_on(ladder: Ladder, settings: Settings) -> dict[str, float]:
    """Key → value of the thresholds that are not switched off."""
    values = {key: SETTING_OF[key].of(settings) for key in ladder.factors}
    return {key: value for key, value in values.items() if value}


def at_step(ladder: Ladder, step: float, settings: Settings) -> dict[str, float]:
    """Key → value of what a step sets; what is switched off stays so."""
    return {key: step * ladder.factors[key] for key in thresholds_on(ladder, settings)}


def with_numbers(audience: Audience, numbers: Mapping[str, float], symbols: Sequence[str] | None = None) -> Audience:
    """symbols: for these alone; None: for all that have no thresholds of their own."""
    settings = audience.settings
    if symbols is None:
        return replace(audience, settings=replace(settings, **numbers))  # type: ignore[arg-type]  # keys of SETTINGS
    own = {symbol: replace(settings.for_symbol(symbol), **numbers) for symbol in symbols}  # type: ignore[arg-type]
    return replace(audience, settings=replace(settings, of_symbol={**settings.of_symbol, **own}))


Count = Callable[[Kind, Audience], float]
"""Alerts a day of a kind."""


def rates_of(kind: Kind, ladder: Ladder, audience: Audience, count: Count) -> list[float]:
    """Alerts a day at each of the steps."""
    settings = audience.settings
    return [count(kind, with_numbers(audience, at_step(ladder, step, settings))) for step in ladder.steps]


def choose_steps(
    per_day: float, ladders: Mapping[Kind, Ladder], rates: Mapping[Kind, Sequence[float]]
) -> dict[Kind, float]:
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
            return {kind: ladders[kind].steps[i] for kind, i in at.items()}
        at[min(lower)[1]] -= 1


# ---
# From what the running monitor has seen.


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetDeps:
    """listed: contracts that exist. day_usdt: a symbol's quote volume of 24 h, None when unknown. conditions: how often
    those came true that are asked about."""

    live_tape: LiveTape
    listed: Callable[[], Sequence[str]]
    day_usdt: Callable[[str], float | None]
    now_s: Callable[[], float]
    conditions: ConditionRates = no_conditions


class AlertBudget:
    """Proposes thresholds from the loaded history."""

    def __init__(self, listening: BudgetDeps) -> None:
        self._at = listening

    async def propose(self, per_day: int, audience: Audience) -> BudgetProposal | NotEnoughHistory:
        """Price is counted by the extremes of candles, so moves over 60 s across a minute's border are not in it."""
        live, listed = self._at.live_tape, self._at.listed()
        if not listed or not self._is_enough("price", len(listed)):
            has_days = live.symbol_minutes("price") / max(1, len(listed)) / 1_440
            return NotEnoughHistory(has_days=has_days, needs_days=NEEDED_HOURS * NEEDED_SHARE / 24)
        count = self._count(live.tape(), len(listed))
        settings = audience.settings
        ladders = {kind: ladder_of(kind, settings) for kind in BUDGETS if kind in audience.kinds}
        ladders = {kind: ladder for kind, ladder in ladders.items() if thresholds_on(ladder, settings)}
        known = [kind for kind in ladders if self._is_enough(kind, len(listed))]
        own = await self._at.conditions(lambda one: one.destination == audience.destination)
        left = max(0.0, per_day - own.per_day)
        rates = {kind: rates_of(kind, ladders[kind], audience, count) for kind in known} if per_day else {}
        chosen = choose_steps(left, ladders, rates) if per_day else {}
        rows = tuple(
            _row(kind, ladder, audience, chosen.get(kind), count if kind in known else None)
            for kind, ladder in ladders.items()
        )
        return BudgetProposal(
            per_day=per_day,
            rows=rows,
            history_days=live.history_days(),
            conditions=own.counted,
            conditions_per_day=own.per_day,
        )

    def _is_enough(self, kind: Kind, symbols: int) -> bool:
        """A kind must not look silent because nobody has watched it yet."""
        return self._at.live_tape.symbol_minutes(kind) >= NEEDED_HOURS * 60 * NEEDED_SHARE * symbols

    def _count(self, tape: Tape, symbols: int) -> Count:
        """Over so many contracts: those that were seen stand for all."""
        now_s = self._at.now_s()

        def count(kind: Kind, audience: Audience) -> float:
            least_usdt = audience.settings.min_24h_usdt

            def hears(symbol: str) -> bool:
                day_usdt = self._at.day_usdt(symbol)
                return day_usdt is None or day_usdt >= least_usdt

            told = tape.told(audience, kinds=[kind], hears=hears if least_usdt else None, now_s=now_s)
            return len(told) / self._at.live_tape.symbol_minutes(kind) * symbols * 1_440

        return count


def _row(kind: Kind, ladder: Ladder, audience: Audience, step: float | None, count: Count | None) -> BudgetRow:
    """step None: thresholds stay. count None: nothing is known."""
    now = thresholds_on(ladder, audience.settings)
    then = now if step is None else at_step(ladder, step, audience.settings)
    before = None if count is None else count(kind, audience)
    after = before if count is None or step is None else count(kind, with_numbers(audience, then))
    thresholds = tuple(ThresholdRow(key=key, before=value, after=then[key]) for key, value in now.items())
    return BudgetRow(kind=kind, thresholds=thresholds, before_per_day=before, after_per_day=after)
