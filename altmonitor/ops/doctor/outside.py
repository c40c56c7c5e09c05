"""The looks at the exchange and at Telegram, with the connections they share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

from altmonitor.config import Config
from altmonitor.core.clock import Clock
from altmonitor.core.errors import ExchangeError
from altmonitor.core.proxies import proxy_to
from altmonitor.ops.doctor import checks as live
from altmonitor.ops.doctor.checks import exchange_checks, telegram_checks
from altmonitor.ops.doctor.network_checks import Exchange, FirstCandle
from altmonitor.ops.doctor.report import Check, CheckResult, Seen, run, skipped
from altmonitor.ops.doctor.telegram_checks import Telegram
from altmonitor.ops.doctor.venue_checks import OtherExchange, OtherMarketSeen
from altmonitor.ops.telegram import ChatReach, address_of, reach

OF_BINANCE_ALONE = frozenset({"rest", "clock", "kline", "open_interest"})
WEB_URL = "https://www.binance.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideDeps:
    """given: every variable that is set, also those that are no fields of the config.

    hindrance: variables that keep everything outside from being asked; '' for none.
    """

    config: Config
    given: Mapping[str, str]
    clock: Clock
    hindrance: str = ""


async def look_outside(
    destination: OutsideDeps, first: Sequence[Check], last: Sequence[Check], *, notify: Callable[[CheckResult], None]
) -> tuple[CheckResult, ...]:
    async with AsyncExitStack() as stack:
        exchange = open_exchange(destination, stack)
        is_running = (await live.ask(destination.config, timeout_s=1.0)).status != "unreachable"
        telegram = Telegram(config=destination.config, clock=destination.clock, is_running_here=is_running)
        stack.push_async_callback(telegram.close)
        others = _others(destination, stack)
        of_others = [check for other in others for check in other.checks()]
        of_binance = exchange_checks(exchange)
        if "binance" not in destination.config.venues:
            of_binance = [_not_watched(check) if check.name in OF_BINANCE_ALONE else check for check in of_binance]
        outside = [*of_binance, *of_others, *telegram_checks(telegram)]
        if destination.hindrance:
            outside = [_not_looked_at(check, destination.hindrance) for check in outside]
        checks = [*first, *outside, *last]
        return await run(checks, clock=destination.clock, notify=notify)


def _not_watched(check: Check) -> Check:
    async def look() -> Seen:
        return skipped("Binance is not among VENUES")

    return replace(check, look=look, needs=(), after=())


def _not_looked_at(check: Check, hindrance: str) -> Check:
    async def look() -> Seen:
        return skipped(f"not looked at, it needs: {hindrance}")

    return replace(check, look=look, needs=())


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSeen:
    """Only what alerts depend on. contracts: to watch; all_contracts: there are. took_s: until the list was there.

    trouble: why there is no list; how_far: how far one gets to the exchange (or its proxy) then. candle: None when
    nothing was asked any more.
    """

    contracts: int = 0
    all_contracts: int = 0
    took_s: float = 0.0
    trouble: ExchangeError | None = None
    how_far: ChatReach = ChatReach.CONNECTS
    candle: FirstCandle | None = None
    candle_age_s: float = 0.0


async def look_at_market(destination: OutsideDeps) -> MarketSeen:
    """The list of contracts, and a real candle."""
    config, clock = destination.config, destination.clock
    async with AsyncExitStack() as stack:
        exchange = open_exchange(destination, stack)
        try:
            count, took_s = await exchange.listed()
        except ExchangeError as problem:
            url = config.binance_rest_url
            how_far = await reach(address_of(proxy_to(url) or url), clock=clock)
            return MarketSeen(trouble=problem, how_far=how_far)
        candle = await exchange.candle()
        return MarketSeen(
            contracts=len(exchange.symbols),
            all_contracts=count,
            took_s=took_s,
            candle=candle,
            candle_age_s=(clock.now_ms() - candle.event_ms) / 1000,
        )


async def look_at_others(destination: OutsideDeps) -> Sequence[OtherMarketSeen]:
    """The same of every exchange of VENUES beside Binance, at once."""
    async with AsyncExitStack() as stack:
        return await asyncio.gather(*(other.market() for other in _others(destination, stack)))


def _others(destination: OutsideDeps, stack: AsyncExitStack) -> list[OtherExchange]:
    return [
        OtherExchange(venue, config=destination.config, clock=destination.clock, stack=stack)
        for venue in destination.config.venues
        if venue != "binance"
    ]


def open_exchange(destination: OutsideDeps, stack: AsyncExitStack) -> Exchange:
    web_url = destination.given.get("BINANCE_WEB_URL") or WEB_URL
    exchange = Exchange(config=destination.config, web_url=web_url, clock=destination.clock)
    stack.push_async_callback(exchange.close)
    return exchange
