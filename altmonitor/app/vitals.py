"""How the whole monitor is, from the state of each of its parts: for `/health`, `/metrics`, `/status`, a service."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from altmonitor import __version__
from altmonitor.app.service_watch import Signs
from altmonitor.core.clock import Clock, speed_of
from altmonitor.core.durations import DurationStatus
from altmonitor.core.health import Health, Vitals, assess
from altmonitor.core.status import LatencyStatus, LoopStatus
from altmonitor.core.supervisor import Supervisor
from altmonitor.delivery.webhooks import Webhooks
from altmonitor.storage.database_store import DatabaseStore

if TYPE_CHECKING:  # handed in by the composition root
    from altmonitor.app.chat import ChatSide
    from altmonitor.app.market import MarketSide
    from altmonitor.app.wallets import WalletSide


class MonitorVitals:
    """markets: of every venue, the main one first. chat, wallets: None before they are there. webhooks: None: nobody is
    sent any."""

    def __init__(
        self,
        *,
        clock: Clock,
        supervisor: Supervisor,
        store: DatabaseStore,
        markets: Sequence[MarketSide],
        webhooks: Webhooks | None,
        chat: Callable[[], ChatSide | None],
        wallets: Callable[[], WalletSide | None],
    ) -> None:
        self._clock = clock
        self._supervisor = supervisor
        self._store = store
        self._markets = markets
        self._webhooks = webhooks
        self._chat = chat
        self._wallets = wallets
        self._started_s = clock.monotonic()

    def health(self) -> Health:
        """One moment of everything."""
        market, chat, wallets = self._markets[0], self._chat(), self._wallets()
        return assess(
            Vitals(
                feed=market.feed.status(),
                sweep=market.sweep.status(),
                outbox=self._store.outbox_status(),
                guard=market.rest.guard_status(),
                latency=self._latency(market, chat),
                uptime_s=self._clock.monotonic() - self._started_s,
                blind_s=market.gap_log.blind_s(),
                version=__version__,
                loops=[
                    LoopStatus(
                        name=loop.name,
                        restarts=loop.restarts,
                        failures_in_row=self._supervisor.failures_in_row(loop),
                    )
                    for loop in self._supervisor.loops.values()
                ],
                enrichment=market.enrichment.status(),
                commands_astray="" if chat is None else chat.commands_astray,
                webhooks=() if self._webhooks is None else self._webhooks.status(),
                venues=[one.status() for one in self._markets],
                wallets=None if wallets is None else wallets.status(),
            )
        )

    def signs(self) -> Signs:
        """For a service manager, which restarts what shows none."""
        health = self.health()
        seen = f"{health.feed.symbols_covered} of {health.feed.symbols_expected} symbols"
        trouble = "; ".join(finding.text for finding in health.findings) or f"{health.outbox.queued} alerts waiting"
        return Signs(
            data_age_s=health.feed.last_frame_age_s,
            is_storing=self._store.is_writing,
            status=f"{health.status}: {seen}; {trouble}",
        )

    def _latency(self, market: MarketSide, chat: ChatSide | None) -> LatencyStatus:
        delivered = (None, None) if chat is None else chat.dispatcher.latency_ms()
        deliver_p50, deliver_p99 = (self._of_machine(value) for value in delivered)
        detect_p50, detect_p99 = (self._of_machine(value) for value in market.engine.detect_latency_ms())
        return LatencyStatus(
            detect_p50=detect_p50,
            detect_p99=detect_p99,
            deliver_p50=deliver_p50,
            deliver_p99=deliver_p99,
            detected=market.engine.detect_durations(),
            delivered=DurationStatus() if chat is None else chat.dispatcher.durations(),
        )

    def _of_machine(self, ms: float | None) -> float | None:
        """How long it really took: in the demo the clock runs fast."""
        return None if ms is None else ms / speed_of(self._clock)
