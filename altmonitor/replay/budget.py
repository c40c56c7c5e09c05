"""Thresholds for about so many alerts a day, derived from how the market moved lately."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from altmonitor.core.alert import DETECTED_KINDS, Kind
from altmonitor.replay.move_stats import MoveReach, MoveStats
from altmonitor.settings.audience import Audience
from altmonitor.settings.presets import BudgetProposal, BudgetRow, NotEnoughHistory, ThresholdRow
from altmonitor.settings.settings import Settings

NEEDED_HOURS = 1.0
NEEDED_SHARE = 0.5
"""Of the contracts, on average over the hours: fewer say too little about the others."""

SHARES: Mapping[Kind, float] = {"price": 0.45, "oi": 0.25, "vol": 0.30}
STEPS: Mapping[Kind, tuple[float, ...]] = {
    "price": (1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50),
    "oi": (2, 2.5, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 75, 100),
    "vol": (3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 150, 200, 300, 500),
}
"""Numbers a person would type: percent for price and for open interest over 5 minutes, multiples for volume."""

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
        kinds = [kind for kind in DETECTED_KINDS if kind in audience.kinds and _is_on(kind, audience.settings)]
        rates = {kind: self._rates(kind, audience, len(listed)) for kind in kinds}
        chosen = _choose(per_day, {kind: rate for kind, rate in rates.items() if rate is not None}) if per_day else {}
        rows = tuple(self._row(kind, audience, len(listed), chosen.get(kind)) for kind in kinds)
        return BudgetProposal(per_day=per_day, rows=rows, history_days=move_stats.history_days())

    def _rates(self, kind: Kind, audience: Audience, symbols: int) -> list[float] | None:
        """Alerts a day at each of the steps; None without history of this kind."""
        found = []
        for step in STEPS[kind]:
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


def _choose(per_day: int, rates: Mapping[Kind, Sequence[float]]) -> dict[Kind, float]:
    """A step for every kind: each begins within its share, then what is left over goes to those that can use it."""
    total_share = sum(SHARES[kind] for kind in rates)
    at: dict[Kind, int] = {}
    for kind, of_kind in rates.items():
        share = per_day * SHARES[kind] / total_share
        at[kind] = next((i for i, rate in enumerate(of_kind) if rate <= share), len(of_kind) - 1)
    while True:
        spent = sum(rates[kind][i] for kind, i in at.items())
        lower = [
            (rates[kind][i - 1] - rates[kind][i], kind)
            for kind, i in at.items()
            if i > 0 and spent - rates[kind][i] + rates[kind][i - 1] <= per_day * MOST_OVER
        ]
        if not lower:
            return {kind: STEPS[kind][i] for kind, i in at.items()}
        at[min(lower)[1]] -= 1


def _is_on(kind: Kind, settings: Settings) -> bool:
    if kind == "oi":
        return bool(settings.oi_surge_5m or settings.oi_surge_1m)
    return kind != "vol" or bool(settings.vol_burst_mult)


def _reach(kind: Kind, step: float, settings: Settings) -> MoveReach:
    if kind == "price":
        return MoveReach(up=step, down=-step)
    if kind == "oi":
        return MoveReach(up=step, down=-step, floor_usd=settings.oi_min_usd)
    return MoveReach(up=step, floor_usd=settings.vol_burst_min_usdt)


def _reach_now(kind: Kind, settings: Settings) -> MoveReach:
    if kind == "price":
        return MoveReach(up=settings.pump_threshold, down=settings.dump_threshold)
    if kind == "oi":
        least = settings.oi_surge_5m or settings.oi_surge_1m * 2
        return MoveReach(up=least, down=-least, floor_usd=settings.oi_min_usd)
    return MoveReach(up=settings.vol_burst_mult, floor_usd=settings.vol_burst_min_usdt)


def _thresholds(kind: Kind, settings: Settings, step: float | None) -> tuple[ThresholdRow, ...]:
    """step None: they stay. A 1-minute open-interest threshold stays half of the 5-minute one."""
    keys: dict[str, tuple[float, float | None]]
    if kind == "price":
        keys = {"pump_threshold": (settings.pump_threshold, step), "dump_threshold": (settings.dump_threshold, step)}
        if step is not None:
            keys["dump_threshold"] = (settings.dump_threshold, -step)
    elif kind == "oi":
        half = None if step is None else step / 2
        windows = {"oi_surge_1m": (settings.oi_surge_1m, half), "oi_surge_5m": (settings.oi_surge_5m, step)}
        keys = {key: pair for key, pair in windows.items() if pair[0]}
    else:
        keys = {"vol_burst_mult": (settings.vol_burst_mult, step)}
    return tuple(
        ThresholdRow(key=key, before=before, after=before if after is None else after)
        for key, (before, after) in keys.items()
    )
