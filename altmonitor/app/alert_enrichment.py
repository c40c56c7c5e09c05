"""What is learned of an exchange's alerts after they are stored: open interest, ratios, whales, tracked positions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass

from altmonitor.app.operator_notices import OperatorNotices
from altmonitor.collect.alert_lookups import AlertLookups
from altmonitor.collect.enrichment import USEFUL_FOR_S, EnrichmentDeps
from altmonitor.collect.position_enrichment import TrackedEnricher, WhaleEnricher
from altmonitor.config import Config
from altmonitor.core.alert import Alert
from altmonitor.core.clock import Clock, timeouts
from altmonitor.core.status import EnrichmentStatus
from altmonitor.exchanges.binance.smart_money import ANSWER_WITHIN_S, WEBSITE_BLOCK_FILE, SmartMoneyWeb, web_guard
from altmonitor.interfaces.alerts import AlertUpdates
from altmonitor.interfaces.exchange import MarketRest
from altmonitor.market.open_interest import OpenInterestRing
from altmonitor.market.quotes import DayTicker, OpenInterest
from altmonitor.storage.snapshot_queries import TrackedFile

STALE_SWEEPS = 5
"""Open interest older than so many sweeps is not compared with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertEnrichmentDeps:
    """refresh: more is known about the alert of this key. record: gets each fresh sample of open interest, and puts it
    into the ring. has_positions: this exchange lets others see who is positioned."""

    config: Config
    clock: Clock
    rest: MarketRest
    oi_ring: OpenInterestRing
    record: Callable[[OpenInterest], None]
    updates: AlertUpdates
    notices: OperatorNotices
    refresh: Callable[[str], None]
    has_positions: bool


class AlertEnrichment:
    def __init__(self, deps: AlertEnrichmentDeps) -> None:
        enriched = EnrichmentDeps(
            clock=deps.clock,
            updates=deps.updates,
            refreshed=deps.refresh,
            useful_for_s=timeouts(deps.clock, USEFUL_FOR_S),
        )
        self.lookups = AlertLookups(
            enriched, rest=deps.rest, ring=deps.oi_ring, period=deps.config.lsr_period, record=deps.record
        )
        self._positions = PositionEnrichment(deps, enriched) if deps.has_positions else None

    @property
    def positions(self) -> PositionEnrichment:
        """Of the main market."""
        if self._positions is None:
            raise RuntimeError("nobody asks this exchange who is positioned")
        return self._positions

    def put(self, alert: Alert) -> None:
        """It is told: more is asked about it."""
        self.lookups.put(alert)
        if self._positions is not None:
            self._positions.put(alert)

    def status(self) -> Mapping[str, EnrichmentStatus]:
        """How many alerts learned what is asked about them."""
        found = dict(self.lookups.status())
        if self._positions is not None:
            found |= {"whales": self._positions.whales.status(), "tracked": self._positions.tracked.status()}
        return found

    def loops(
        self, *, listed: Callable[[], Collection[str]], day: Callable[[str], DayTicker | None]
    ) -> dict[str, Callable[[], Awaitable[None]]]:
        """Name → loop. listed: contracts that are watched. day: the last 24 h of one; the largest are asked first."""

        def day_usdt(symbol: str) -> float | None:
            found = day(symbol)
            return None if found is None else found.quote_usdt

        return {
            "open interest of alerts": self.lookups.open_interest.run,
            "ratios of alerts": self.lookups.ratios.run,
            "ratios of the table": self.lookups.rounds(listed=listed, day_usdt=day_usdt).run,
            **({} if self._positions is None else self._positions.loops()),
        }


class PositionEnrichment:
    """The lines about whales and tracked positions. `start` before the first question, `stop` after the last.

    smart_money: one gate for alerts and questions; a block of it is shared with a tracker through a file.
    """

    def __init__(self, deps: AlertEnrichmentDeps, enriched: EnrichmentDeps) -> None:
        config, clock = deps.config, deps.clock
        self._deps = deps
        guard = web_guard(
            config.binance_web_url,
            clock=clock,
            block_file=config.db_file.with_name(WEBSITE_BLOCK_FILE),
            on_change=deps.notices.on_website,
        )
        self.smart_money = SmartMoneyWeb(
            config.binance_web_url, clock=clock, guard=guard, within_s=timeouts(clock, ANSWER_WITHIN_S)
        )
        self.whales = WhaleEnricher(
            enriched,
            smart_money=self.smart_money,
            oi_usd=self._oi_usd,
            has_line=config.smart_money_lookup,
            has_link=config.smart_money_link,
        )
        tracked = TrackedFile(config.smart_money_db_path)
        self.tracked = TrackedEnricher(
            enriched,
            rows_since=lambda symbol, since_ms: tracked.snapshots(symbol, since_ms=since_ms),
        )

    async def start(self) -> None:
        """Raises: ConfigError for a proxy that cannot be used."""
        await self.smart_money.start()

    async def stop(self) -> None:
        await self.smart_money.stop()

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Name → loop, in the order of their start."""
        return {"whales": self.whales.run, "tracked history of alerts": self.tracked.run}

    def put(self, alert: Alert) -> None:
        self.whales.put(alert)
        self.tracked.put(alert)

    def _oi_usd(self, symbol: str, price: float | None) -> float | None:
        newest = self._deps.oi_ring.newest(symbol)
        if newest is None or price is None:
            return None
        sampled_ms, contracts = newest
        is_stale = self._deps.clock.now_ms() - sampled_ms > STALE_SWEEPS * self._deps.oi_ring.period_ms
        return None if is_stale else contracts * price
