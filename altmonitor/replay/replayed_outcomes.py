"""Outcomes of a replay's alerts, from the candles of the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from altmonitor.core.alert import event_key
from altmonitor.core.outcome import HORIZONS_MIN
from altmonitor.market.candles import MINUTE_MS
from altmonitor.replay.columns import Ints
from altmonitor.replay.outcome_statistics import OutcomeAlerts
from altmonitor.replay.outcomes import (
    BENCHMARK,
    SIGNS,
    VOLATILITY_MIN,
    PriceGrid,
    measure,
    no_outcomes,
    price_grid,
    rows_of,
)
from altmonitor.replay.past_market import ReplayedAlert
from altmonitor.replay.run import ReplayResult
from altmonitor.replay.store import HistoryStore


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryDelay:
    """From the event to the message at its reader. measured: over how many deliveries; 0: it was given or assumed."""

    ms: int
    measured: int = 0

    def __str__(self) -> str:
        how = f"the median of {self.measured} deliveries" if self.measured else "assumed, nothing is measured here"
        return f"{self.ms / 1000:g} s ({how})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedOutcomes:
    """alerts: one for each market event, whoever was told it, in the order of time; `table` belongs to the same."""

    alerts: tuple[ReplayedAlert, ...]
    table: OutcomeAlerts


def replayed_outcomes(store: HistoryStore, result: ReplayResult, *, delay_ms: int) -> ReplayedOutcomes:
    """delay_ms: from the event to the message at its reader. Candles after the range are read too, as far as they are
    stored: alerts of its last day have a next day. Raises: StoreDamaged."""
    alerts = _events(result.alerts)
    btc = _grid(store, BENCHMARK, result)
    by_symbol: dict[str, list[int]] = {}
    for at, one in enumerate(alerts):
        by_symbol.setdefault(one.alert.symbol, []).append(at)
    parts, order = [], []
    for symbol, rows in by_symbol.items():
        arrived = np.array([alerts[at].alert.event_ms + delay_ms for at in rows], dtype=np.int64)
        sign = np.array([SIGNS[alerts[at].alert.direction] for at in rows], dtype=np.int8)
        grid = _grid(store, symbol, result)
        if grid is None:
            parts.append(no_outcomes(arrived, sign))
        else:
            parts.append(measure(grid, arrived, sign, btc=btc, is_btc=symbol == BENCHMARK))
        order += rows
    places: Ints = np.argsort(np.array(order, dtype=np.int64), kind="stable")
    table = OutcomeAlerts(
        kinds=[one.alert.kind for one in alerts],
        directions=[one.alert.direction for one in alerts],
        quadrants=[one.alert.quadrant for one in alerts],
        outcomes=rows_of(parts, places),
    )
    return ReplayedOutcomes(alerts=alerts, table=table)


def _events(alerts: Sequence[ReplayedAlert]) -> tuple[ReplayedAlert, ...]:
    found: dict[str, ReplayedAlert] = {}
    for one in alerts:
        found.setdefault(event_key(one.alert.key), one)
    return tuple(found.values())


def _grid(store: HistoryStore, symbol: str, result: ReplayResult) -> PriceGrid | None:
    """None without candles there."""
    before_ms, after_ms = VOLATILITY_MIN * MINUTE_MS, (max(HORIZONS_MIN) + 2) * MINUTE_MS
    candles = store.candles(symbol, result.from_ms - before_ms, result.to_ms + after_ms, is_whole=False)
    return price_grid(candles) if len(candles) else None
