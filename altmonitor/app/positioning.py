"""Who is positioned, inside the monitor: the website behind its own gate, and the line about whales on alerts."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from altmonitor.app.operator_news import Newsroom
from altmonitor.app.positioning_stage import WEBSITE_BLOCK_FILE, patience
from altmonitor.collect.whales import USEFUL_FOR_S, WhaleLinks, WhaleLookup
from altmonitor.config import Config
from altmonitor.core.alert import Alert
from altmonitor.core.clock import Clock
from altmonitor.core.status import GuardStatus
from altmonitor.exchanges.binance.positioning import BinancePositioning
from altmonitor.exchanges.binance.rest import BinanceRest
from altmonitor.exchanges.binance.smart_money import ANSWER_WITHIN_S, SmartMoneyWeb, web_guard
from altmonitor.interfaces.exchange import AlertUpdates
from altmonitor.market.open_interest import OpenInterestRing
from altmonitor.render import notices as news

log = logging.getLogger(__name__)

STALE_SWEEPS = 5
"""Open interest older than so many sweeps is not compared with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionStage:
    """What it stands on. rest: the monitor's own, with its gate. refresh: more is known about the alert of this key."""

    config: Config
    clock: Clock
    rest: BinanceRest
    oi_ring: OpenInterestRing
    updates: AlertUpdates
    newsroom: Newsroom
    refresh: Callable[[str], None]


class PositionSide:
    """Parts that others look at stand without an underscore. `start` before the first question, `stop` after the last.

    smart_money: one gate for alerts and questions; a block of it is shared with a tracker through a file.
    """

    def __init__(self, stage: PositionStage) -> None:
        config, clock = stage.config, stage.clock
        self._stage = stage
        self._is_block_told = False
        guard = web_guard(
            config.binance_web_url,
            clock=clock,
            block_file=config.db_file.with_name(WEBSITE_BLOCK_FILE),
            on_change=self._on_website,
        )
        self.smart_money = SmartMoneyWeb(
            config.binance_web_url, clock=clock, guard=guard, within_s=patience(clock, ANSWER_WITHIN_S)
        )
        self.ratios = BinancePositioning(stage.rest, clock=clock)
        self.whales = WhaleLookup(
            WhaleLinks(
                smart_money=self.smart_money,
                clock=clock,
                updates=stage.updates,
                refreshed=stage.refresh,
                oi_usd=self._oi_usd,
                useful_for_s=patience(clock, USEFUL_FOR_S),
                has_line=config.smart_money_lookup,
                has_link=config.smart_money_link,
            )
        )

    async def start(self) -> None:
        """Raises: StartError for a proxy of a kind that cannot be used."""
        await self.smart_money.start()

    async def stop(self) -> None:
        await self.smart_money.stop()

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Name → loop, in the order of their start."""
        return {"whales": self.whales.run}

    def on_alert(self, alert: Alert) -> None:
        self.whales.put(alert)

    def _oi_usd(self, symbol: str, price: float | None) -> float | None:
        newest = self._stage.oi_ring.newest(symbol)
        if newest is None or price is None:
            return None
        sampled_ms, contracts = newest
        is_stale = self._stage.clock.now_ms() - sampled_ms > STALE_SWEEPS * self._stage.oi_ring.period_ms
        return None if is_stale else contracts * price

    def _on_website(self, status: GuardStatus) -> None:
        """Once per block. A budget that is used up is no news: the lines of a storm are left out, that is all."""
        if status.state == "blocked" and status.until_ms is not None:
            if not self._is_block_told:
                self._is_block_told = True
                now_ms = self._stage.clock.now_ms()
                piece = news.WebsiteBlocked(at_ms=now_ms, until_ms=status.until_ms, reason=status.reason)
                self._stage.newsroom.tell(piece)
        elif status.state == "open" and self._is_block_told:
            self._is_block_told = False
            log.info("the website answers again")
