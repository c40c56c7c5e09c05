"""What asks the exchange who is positioned, built and connected, for sub-commands that run beside the monitor."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from altmonitor.config import Config
from altmonitor.core.clock import Clock, ScaledClock
from altmonitor.exchanges.binance.positioning import BinancePositioning
from altmonitor.exchanges.binance.rest import BinanceRest
from altmonitor.exchanges.binance.smart_money import ANSWER_WITHIN_S, SmartMoneyWeb, web_guard
from altmonitor.exchanges.rest.budget import FUTURES_DATA, Budget, Pool, binance_pools
from altmonitor.exchanges.rest.client import ANSWER_TIMEOUT_S
from altmonitor.exchanges.rest.guard import Guard

EXCHANGE_BLOCK_FILE: Final = "exchange-block.json"
WEBSITE_BLOCK_FILE: Final = "website-block.json"
"""Beside DB_FILE, shared with the monitor: what one process is refused, none asks."""

FUTURES_DATA_REQUESTS: Final = 800
"""Per 5 minutes. The exchange allows an address 1,000 and does not say how many are used: the rest is the monitor's."""

STALL_S: Final = 0.8
"""Of the machine's time: on a clock that runs fast an answer takes longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PositioningStage:
    rest: BinanceRest
    positioning: BinancePositioning
    smart_money: SmartMoneyWeb


def patience(clock: Clock, usual_s: float) -> float:
    """Seconds of this clock that an answer may take."""
    return max(usual_s, STALL_S * clock.speed) if isinstance(clock, ScaledClock) else usual_s


@asynccontextmanager
async def positioning_stage(config: Config, *, clock: Clock) -> AsyncIterator[PositioningStage]:
    """Raises: StartError for a proxy of a kind that cannot be used."""
    guard = Guard(
        config.binance_rest_url,
        clock=clock,
        block_file=config.db_file.with_name(EXCHANGE_BLOCK_FILE),
        budget=Budget(pools=_pools()),
    )
    web_url = config.binance_web_url
    web = web_guard(web_url, clock=clock, block_file=config.db_file.with_name(WEBSITE_BLOCK_FILE))
    within_s = patience(clock, ANSWER_TIMEOUT_S)
    rest = BinanceRest(config.binance_rest_url, clock=clock, guard=guard, within_s=within_s)
    smart_money = SmartMoneyWeb(web_url, clock=clock, guard=web, within_s=patience(clock, ANSWER_WITHIN_S))
    await rest.start()
    try:
        await smart_money.start()
        yield PositioningStage(rest=rest, positioning=BinancePositioning(rest, clock=clock), smart_money=smart_money)
    finally:
        await smart_money.stop()
        await rest.stop()


def _pools() -> Mapping[str, Pool]:
    pools = binance_pools()
    pools[FUTURES_DATA] = Pool(limit=FUTURES_DATA_REQUESTS, window_s=300.0)
    return pools
