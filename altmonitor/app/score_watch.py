"""The running monitor scores the contracts of the preferences every few minutes, and keeps what came of it.

A signal is a confidence that was not there at the look before: HIGH, MEDIUM or VETO, for a long or for a short. It is
measured as alerts are: entry after it was known, beside comparable minutes, at five horizons.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from altmonitor.core.clock import Clock
from altmonitor.core.errors import StorageError
from altmonitor.core.types import Venue
from altmonitor.delivery.score_webhooks import ScoreWebhookDeps, ScoreWebhooks
from altmonitor.operations.api_health import HEALTH_KEY, health_kept
from altmonitor.operations.confirm import WORTH_KEEPING
from altmonitor.operations.context import OperationContext
from altmonitor.operations.known_fundings import live_fundings
from altmonitor.operations.preferences import read_preferences
from altmonitor.operations.score_inputs import ScoreInputs, inputs_of
from altmonitor.replay.outcome_recorder import OutcomeMarket, OutcomeRecorder, OutcomeRecorderDeps
from altmonitor.scores.composite import Confidence, MarketScore, TradeSide, gate
from altmonitor.scores.readings import METRICS, reading_of, staleness_factor
from altmonitor.scores.version import SCORER
from altmonitor.settings.conditions import CONDITION_METRICS, Condition, ConditionMetric, MetricCrosses
from altmonitor.storage.score_store import OWN, ScoreLook, ScoreSignal, ScoreStore

log = logging.getLogger(__name__)

SIDES: Final[tuple[TradeSide, ...]] = ("long", "short")
REMEMBERED_S: Final = 3_600
"""What an earlier run found last counts as known for so long."""
PRUNE_EVERY_S: Final = 86_400
KEPT_EVERY_S: Final = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreWatchDeps:
    """every_s: between two looks. context: what the looks ask. more_symbols: to be looked at beside those of the
    preferences. on_look: (contract, what conditions are compared with). on_signal: each signal, after it was
    stored. allow_private: webhooks may go into this network."""

    context: OperationContext
    store: ScoreStore
    clock: Clock
    every_s: float
    keep_days: int
    markets: Mapping[Venue, OutcomeMarket]
    more_symbols: Callable[[], Collection[str]] = lambda: ()
    on_look: Callable[[str, Mapping[ConditionMetric, float]], None] = lambda symbol, values: None
    on_signal: Callable[[ScoreSignal], None] = lambda signal: None
    allow_private: bool = False


class ScoreWatch:
    def __init__(self, deps: ScoreWatchDeps) -> None:
        self._deps = deps
        self._last: dict[tuple[str, TradeSide], Confidence] | None = None
        self._pruned_s = -float("inf")
        self.webhooks = ScoreWebhooks(
            ScoreWebhookDeps(store=deps.store, clock=deps.clock, allow_private=deps.allow_private)
        )
        self._recorder = OutcomeRecorder(
            OutcomeRecorderDeps(
                records=deps.store.outcomes,
                meta=deps.store,
                clock=deps.clock,
                markets=deps.markets,
                detectors=lambda: SCORER,
                settings_at=lambda at_ms: None,
                on_measured=lambda keys: None,
            )
        )

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Name → loop; none where nothing shall be looked at."""
        if self._deps.every_s <= 0:
            return {}
        return {
            "scores": self.run,
            "outcomes of scores": self._recorder.run,
            "signal webhooks": self.webhooks.run,
            "kept for others": self.run_kept,
        }

    async def run(self) -> None:
        """Until cancelled; the first look comes after the first pause."""
        while True:
            await self._deps.clock.sleep(self._deps.every_s)
            try:
                await self.look()
            except StorageError as problem:
                log.warning("scores cannot be kept now: %s", problem)

    async def run_kept(self) -> None:
        """Until cancelled: `altmonitor api` beside this process knows from the file alone what only this one knows."""
        while True:
            await self._deps.clock.sleep(KEPT_EVERY_S)
            try:
                await self.keep_for_others()
            except StorageError as problem:
                log.warning("fundings and the health of exchanges cannot be kept now: %s", problem)

    async def keep_for_others(self) -> None:
        """Fundings, and how well exchanges answer. Raises: StorageError."""
        context = self._deps.context
        if context.monitor is not None:
            known = await live_fundings(context.monitor, self._deps.clock.now_ms())
            await self._deps.store.fundings.replace([row for rows in known.values() for row in rows])
            await self._deps.store.meta_set(HEALTH_KEY, health_kept(context))

    async def look(self) -> None:
        """Once at every contract. Raises: StorageError."""
        deps = self._deps
        if self._last is None:
            self._last = await self._known()
        looks = []
        for symbol in await self._symbols():
            inputs = await inputs_of(deps.context, symbol)
            score = inputs.score
            deps.on_look(symbol, condition_values(inputs, score.composite))
            if score.composite is None:
                continue
            looks.append(look_of(inputs, score))
            for side in SIDES:
                await self._judge(inputs, score, side, self._last)
        await deps.store.add_looks(looks)
        await self._prune()

    async def measure(self) -> None:
        """What is due of what became of signals. Raises: StorageError."""
        await self._recorder.look()

    async def _symbols(self) -> list[str]:
        deps = self._deps
        wanted = [*(await read_preferences(deps.context)).watchlist, *sorted(deps.more_symbols())]
        monitor = deps.context.monitor
        listed = frozenset(() if monitor is None else monitor.main.board.listed())
        return [symbol for symbol in dict.fromkeys(wanted) if not listed or symbol in listed]

    async def _known(self) -> dict[tuple[str, TradeSide], Confidence]:
        since_ts = self._deps.clock.now_ms() // 1000 - REMEMBERED_S
        found: dict[tuple[str, TradeSide], Confidence] = {}
        for symbol, look in (await self._deps.store.newest_looks(since_ts=since_ts)).items():
            if look.scorer == SCORER:
                found[symbol, "long"], found[symbol, "short"] = look.confidence_long, look.confidence_short
        return found

    async def _judge(
        self,
        inputs: ScoreInputs,
        score: MarketScore,
        side: TradeSide,
        last: dict[tuple[str, TradeSide], Confidence],
    ) -> None:
        judged = gate(score, side)
        before = last.get((inputs.symbol, side))
        last[inputs.symbol, side] = judged.confidence
        if judged.confidence == before or judged.confidence not in WORTH_KEEPING or judged.composite is None:
            return
        signal = ScoreSignal(
            ts=inputs.now_ms // 1000,
            symbol=inputs.symbol,
            direction=side,
            confidence=judged.confidence,
            composite=round(judged.composite, 4),
            price=inputs.price,
            scorer=SCORER,
            source=OWN,
        )
        await self._deps.store.add_signal(signal)
        self.webhooks.put(signal)
        self._deps.on_signal(signal)

    async def _prune(self) -> None:
        now_s = self._deps.clock.monotonic()
        if now_s - self._pruned_s >= PRUNE_EVERY_S:
            self._pruned_s = now_s
            await self._deps.store.prune(before_ts=self._deps.clock.now_ms() // 1000 - self._deps.keep_days * 86_400)


def condition_values(inputs: ScoreInputs, composite: float | None) -> dict[ConditionMetric, float]:
    """What conditions are compared with; a number that is too old to count for a score is not known here either."""
    found: dict[ConditionMetric, float] = {}
    for metric in METRICS:
        name = next((one for one in CONDITION_METRICS if one == metric), None)
        reading = reading_of(inputs.readings, metric)
        if name is not None and reading is not None and staleness_factor(metric, reading.age_s(inputs.now_ms)) > 0:
            found[name] = reading.value
    if composite is not None:
        found |= {"composite_long": composite, "composite_short": -composite}
    if inputs.open_interests_missing:  # a part of it would look like a fall
        found.pop("open_interest_usd", None)
    elif inputs.open_interest_all_usd is not None:
        found["open_interest_usd"] = inputs.open_interest_all_usd
    if inputs.levels is not None:
        found["cascade_risk_score"] = inputs.levels.score
    return found


def look_of(inputs: ScoreInputs, score: MarketScore) -> ScoreLook:
    def rounded(value: float | None) -> float | None:
        return None if value is None else round(value, 4)

    return ScoreLook(
        symbol=inputs.symbol,
        ts=inputs.now_ms // 1000,
        price=inputs.price,
        composite=rounded(score.composite),
        base=rounded(score.base),
        derivatives=rounded(score.legs["derivatives"].score),
        whale=rounded(score.legs["whale"].score),
        onchain=rounded(score.legs["onchain"].score),
        coverage=round(score.coverage, 4),
        confidence_long=gate(score, "long").confidence,
        confidence_short=gate(score, "short").confidence,
        regime=inputs.regime,
        cascade=None if inputs.levels is None else round(inputs.levels.score, 4),
        scorer=SCORER,
    )


def asked_of_scores(conditions: Sequence[Condition]) -> list[str]:
    """Contracts with a condition about a score."""
    return [one.symbol for one in conditions if isinstance(one.predicate, MetricCrosses)]
