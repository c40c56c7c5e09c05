"""The looks at the exchange and at Telegram, with the connections they share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

from altmonitor.config import Config
from altmonitor.core.clock import Clock
from altmonitor.ops.doctor import checks as live
from altmonitor.ops.doctor.checks import exchange_checks, telegram_checks
from altmonitor.ops.doctor.network_checks import Exchange
from altmonitor.ops.doctor.report import Check, CheckResult, Seen, run, skipped
from altmonitor.ops.doctor.telegram_checks import Telegram

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
        outside = [*exchange_checks(exchange), *telegram_checks(telegram)]
        if destination.hindrance:
            outside = [_not_looked_at(check, destination.hindrance) for check in outside]
        checks = [*first, *outside, *last]
        return await run(checks, clock=destination.clock, notify=notify)


def _not_looked_at(check: Check, hindrance: str) -> Check:
    async def look() -> Seen:
        return skipped(f"not looked at, it needs: {hindrance}")

    return replace(check, look=look, needs=())


async def look_at_exchange(
    destination: OutsideDeps, *, notify: Callable[[CheckResult], None]
) -> tuple[CheckResult, ...]:
    """Only what alerts depend on: the list of contracts, and a real candle."""
    async with AsyncExitStack() as stack:
        checks = exchange_checks(open_exchange(destination, stack))
        return await run([c for c in checks if c.name in ("rest", "kline")], clock=destination.clock, notify=notify)


def open_exchange(destination: OutsideDeps, stack: AsyncExitStack) -> Exchange:
    web_url = destination.given.get("BINANCE_WEB_URL") or WEB_URL
    exchange = Exchange(config=destination.config, web_url=web_url, clock=destination.clock)
    stack.push_async_callback(exchange.close)
    return exchange
