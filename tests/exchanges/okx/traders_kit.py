"""Both providers of traders at OKX beside a simulated exchange, on a fast clock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from altmonitor.core.clock import timeouts
from altmonitor.core.types import Secret
from altmonitor.exchanges.okx.copy_rest import OkxCopyRest
from altmonitor.exchanges.okx.copy_traders import OkxCopyTraders
from altmonitor.exchanges.okx.key_traders import OkxCredentials, OkxKeyTraders
from altmonitor.exchanges.okx.traders import okx_traders_guard
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import SeededMarket
from tests.patient_clock import PatientClock
from tests.sim.exchange_kit import START


@dataclass(slots=True)
class TraderStage:
    clock: PatientClock
    exchange: SimExchange
    copy: OkxCopyTraders
    key: OkxKeyTraders

    def asked(self, path: str) -> int:
        log = self.exchange.stats.rest.get(path)
        return 0 if log is None else log.count


def credentials(exchange: SimExchange, **other: str) -> OkxCredentials:
    given = {"key": exchange.okx_key.key, "secret": exchange.okx_key.secret, "passphrase": exchange.okx_key.passphrase}
    return OkxCredentials(**{name: Secret(value) for name, value in (given | other).items()})


@asynccontextmanager
async def trader_stage(*, speed: float = 20.0, read_within_s: float = 60.0, **other: str) -> AsyncIterator[TraderStage]:
    """other: parts of the key that are wrong."""
    clock = PatientClock(start_ms=START, speed=speed)
    market = SeededMarket(seed=11, start_ms=START, symbols=24, frames_per_s=1.0)
    async with SimExchange(market, clock=clock) as exchange:
        url, within_s = exchange.rest_url, timeouts(clock, 8.0)
        guard = okx_traders_guard(url, clock=clock)
        rest = OkxCopyRest(url, clock=clock, guard=guard, trust_env=False, within_s=within_s)
        copy = OkxCopyTraders(rest, clock=clock, read_within_s=read_within_s)
        key = OkxKeyTraders(
            url,
            credentials=credentials(exchange, **other),
            clock=clock,
            guard=guard,
            trust_env=False,
            within_s=within_s,
        )
        await rest.start()
        await key.start()
        try:
            yield TraderStage(clock=clock, exchange=exchange, copy=copy, key=key)
        finally:
            await rest.stop()
            await key.stop()
