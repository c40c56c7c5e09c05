"""What follows from what a feed tells: candles, contracts that come and go, blindness and its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from altmonitor.app.gap_log import GapLog
from altmonitor.app.operator_notices import OperatorNotices
from altmonitor.collect.universe import Universe
from altmonitor.core.clock import Clock
from altmonitor.engine.engine import Engine
from altmonitor.exchanges.exchange_clock import ClockSync
from altmonitor.interfaces.exchange import FeedEvent
from altmonitor.render.notices import BlindSince

NO_CONTRACTS_TOLD_S = 30.0
MISSED_NEWS_MS = 60_000  # whoever saw nothing for so long may have missed a listing


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEventDeps:
    """skew_ms: our wall clock minus the exchange's. on_live: there is market data (again)."""

    clock: Clock
    engine: Engine
    universe: Universe
    gap_log: GapLog
    clock_sync: ClockSync
    skew_ms: Callable[[], float]
    notices: OperatorNotices
    on_live: Callable[[], None]


class FeedEvents:
    """What the feed calls. `on_kline` is the engine's own method: no call in between, it runs for every frame."""

    __slots__ = ("_deps", "on_contract", "on_kline")

    def __init__(self, deps: FeedEventDeps) -> None:
        self._deps = deps
        self.on_kline = deps.engine.on_kline
        self.on_contract = deps.universe.on_contract

    def on_feed_event(self, event: FeedEvent) -> None:
        event = self._deps.gap_log.completed(event)
        if event.kind == "live":
            self._deps.on_live()
            if event.blind_since_ms is not None:
                self._deps.clock_sync.ask_soon()
                self._look_back(event, event.blind_since_ms)
        self._deps.notices.on_feed_event(event)

    def _look_back(self, event: FeedEvent, blind_since_ms: int) -> None:
        """What was not seen is looked through afterwards, in the exchange's time: ours may be off, or was set since."""
        skew_ms = self._deps.skew_ms()
        since_ms, until_ms = event.seen_until_ms, event.seen_again_ms
        if since_ms is None:
            begin_ms = blind_since_ms if event.unsettled_since_ms is None else event.unsettled_since_ms
            since_ms = round(begin_ms - skew_ms)
        if until_ms is None:
            until_ms = round(event.at_ms - skew_ms)
        self._deps.engine.after_blind(since_ms, until_ms)
        if until_ms - since_ms >= MISSED_NEWS_MS:
            self._deps.universe.read_soon()

    async def tell_without_contracts(self) -> None:
        """The feed tells when it is blind, but without a list of contracts it has nothing to miss."""
        await self._deps.clock.sleep(NO_CONTRACTS_TOLD_S)
        if not self._deps.universe.symbols:
            failure, now_ms = self._deps.universe.status().last_failure, self._deps.clock.now_ms()
            reasons = () if failure is None else (failure,)
            self._deps.gap_log.record_blind(now_ms)
            self._deps.notices.notify_of_market(BlindSince(at_ms=now_ms, reasons=reasons, since_ms=None, symbols=0))
