"""Open interest beside price alerts, counted: the simulated market, the sweep, the engine and the enrichment.

All on one clock that is moved, and nothing over a socket, so that two seconds are two seconds on any machine.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import msgspec

from altmonitor.collect.enrichment import EnrichmentDeps, OpenInterestEnricher
from altmonitor.collect.open_interest_sweep import OpenInterestSweep
from altmonitor.core.alert import Alert
from altmonitor.core.errors import BadAnswer
from altmonitor.core.status import GuardStatus
from altmonitor.engine.context import EngineDeps, anybody
from altmonitor.engine.engine import Engine
from altmonitor.exchanges.binance.bodies import OpenInterestWire
from altmonitor.exchanges.binance.dialect import KlineFrame
from altmonitor.exchanges.binance.rest import binance_guard
from altmonitor.exchanges.rest.budget import Ask
from altmonitor.exchanges.rest.guard import RestAnswer
from altmonitor.interfaces.exchange import Priority
from altmonitor.market.open_interest import OpenInterestRing
from altmonitor.market.quotes import OpenInterest
from altmonitor.settings.settings import Settings
from altmonitor.sim.bodies import RestBodies
from altmonitor.sim.market import SeededMarket
from altmonitor.sim.script import Crash, Dump, Event, OiStep, Pump
from altmonitor.storage.memory import MemoryStore
from tests.collect.fake_rest import FakeRest
from tests.fakes import KnownContext
from tests.movable_clock import T0, MovableClock

MINUTE_MS = 60_000
SYMBOLS = 220
SEED = 5
PUSH_MS = 250
_decode = msgspec.json.Decoder(KlineFrame, strict=False).decode
_wire = msgspec.json.Decoder(OpenInterestWire, strict=False).decode


def traded(market: SeededMarket) -> list[str]:
    return [
        contract.symbol
        for contract in market.contracts()
        if contract.status_at(T0) == "TRADING"
        and (contract.contract_type, contract.quote_asset) == ("PERPETUAL", "USDT")
    ]


class SimRest(FakeRest):
    """Open interest as the simulated exchange tells it, behind a guard, 50 to 400 ms later. sent_ms: requests."""

    def __init__(self, clock: MovableClock, market: SeededMarket, *, weight_limit: int) -> None:
        super().__init__(clock)
        self.clock = clock
        self.bodies = RestBodies(market)
        self.dice = random.Random(SEED)
        self.sent_ms: list[int] = []
        self.guard_of = binance_guard("sim", clock=clock)
        self.guard_of.set_weight_limit(weight_limit)

    async def open_interest(self, symbol: str, *, priority: Priority) -> OpenInterest:
        ask = Ask(target=symbol, priority=priority)
        answer = await self.guard_of.fetch(ask, self._send, wait_s=1.5 if priority is Priority.ENRICH else 65.0)
        if answer.status != 200:
            raise BadAnswer("html")
        return _wire(answer.body).parse()

    async def _send(self, symbol: str) -> RestAnswer:
        self.sent_ms.append(self.clock.now_ms())
        await self.clock.sleep(self.dice.uniform(0.05, 0.4))
        if self.dice.random() < 0.005:
            return RestAnswer(502, {}, b"<html>")
        body = msgspec.json.encode(self.bodies.open_interest({"symbol": symbol}, self.clock.now_ms()))
        return RestAnswer(200, {}, body)

    def guard_status(self) -> GuardStatus:
        return self.guard_of.status()


class Stage:
    """learned_s: alert key → seconds from its detection until it was stored with what was learned."""

    def __init__(self, *script: Event, weight_limit: int = 2_400) -> None:
        self.clock = MovableClock()
        self.market = SeededMarket(seed=SEED, start_ms=T0, symbols=SYMBOLS, script=script, frames_per_s=400)
        self.symbols = traded(self.market)
        self.rest = SimRest(self.clock, self.market, weight_limit=weight_limit)
        self.store = MemoryStore(clock=self.clock)
        self.learned_s: dict[str, float] = {}
        ring = OpenInterestRing(period_s=60.0)
        links = EngineDeps(
            clock=self.clock,
            sink=self.store,
            context=KnownContext(),
            oi_ring=ring,
            on_alert=lambda alert: self.put(alert),
        )
        settings = Settings(oi_surge_1m=0.0, oi_surge_5m=0.0, vol_burst_mult=0.0)
        self.engine = Engine(links, audiences=anybody(settings))
        self.engine.set_symbols(self.symbols)
        self.first_sends: list[Alert] = []
        self.enricher = OpenInterestEnricher(
            EnrichmentDeps(clock=self.clock, updates=self.store, refreshed=self.note),
            rest=self.rest,
            ring=ring,
            record=self.engine.on_open_interest,
        )
        self.sweep = OpenInterestSweep(
            self.rest,
            clock=self.clock,
            period_s=60.0,
            concurrency=15,
            symbols=lambda: self.symbols,
            record=self.engine.on_open_interest,
            evaluate=lambda symbols: None,
        )

    def put(self, alert: Alert) -> None:
        self.first_sends.append(alert)
        self.enricher.put(alert)

    def note(self, key: str) -> None:
        (alert,) = (one for one in self.first_sends if one.key == key)
        self.learned_s[key] = self.clock.now_ms() / 1000 - alert.ts

    async def run_until(self, end_ms: int) -> None:
        """Frames come when they are pushed, everything else in between."""
        while (now_ms := self.clock.now_ms()) < end_ms:
            await self.clock.advance(PUSH_MS / 1000)
            for frame in self.market.frames(now_ms, now_ms + PUSH_MS):
                if frame.stream.endswith("@kline_1m"):
                    self.engine.on_kline(_decode(frame.event))

    async def alerts(self) -> Sequence[Alert]:
        return await self.store.alerts_since(0)


@asynccontextmanager
async def running(stage: Stage) -> AsyncIterator[Stage]:
    tasks = [asyncio.create_task(stage.sweep.run()), asyncio.create_task(stage.enricher.run())]
    try:
        yield stage
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def moves(symbols: Sequence[str], *, first_ms: int, until_ms: int, with_oi: int) -> tuple[list[Event], dict[str, str]]:
    """One move of 4 % a symbol, at any moment, within 5 to 40 s. With the first `with_oi` of them open interest moves
    in ten steps by about 2 %, up or down. Returns the script and, for those, the quadrant."""
    dice = random.Random(SEED)
    script: list[Event] = []
    quadrants: dict[str, str] = {}
    for number, symbol in enumerate(symbols):
        at_ms, over_s = dice.randrange(first_ms, until_ms), dice.uniform(5, 40)
        kind, price = dice.choice(((Pump, "up"), (Dump, "down")))
        script.append(kind(symbol, at_ms, 4.0, over_s=over_s))
        if number < with_oi:
            pct, oi = dice.choice(((0.2, "up"), (-0.2, "down")))
            script += [OiStep(symbol, at_ms + round(step / 10 * over_s * 1000), pct) for step in range(10)]
            quadrants[symbol] = f"{price}_{oi}"
    return script, quadrants


async def test_nearly_every_alert_stands_beside_open_interest_within_two_seconds_and_on_the_right_side() -> None:
    symbols = traded(SeededMarket(seed=SEED, start_ms=T0, symbols=SYMBOLS))[:150]
    script, quadrants = moves(symbols, first_ms=T0 + 3 * MINUTE_MS, until_ms=T0 + 13 * MINUTE_MS, with_oi=75)
    async with running(Stage(*script)) as stage:
        await stage.run_until(T0 + 14 * MINUTE_MS)
        alerts = {alert.symbol: alert for alert in await stage.alerts()}  # the last one of a symbol that escalated
    assert len(symbols) == len(alerts) == 150
    known = [alert for alert in alerts.values() if alert.oi_change is not None]
    assert len(known) >= 147
    assert all(stage.learned_s[alert.key] <= 2.0 for alert in known if alert.key in stage.learned_s)
    assert sum(alert.key in stage.learned_s for alert in known) >= 147
    right = [symbol for symbol, quadrant in quadrants.items() if alerts[symbol].quadrant == quadrant]
    assert len(right) >= 74
    told = [alert.quadrant == quadrants[alert.symbol] for alert in stage.first_sends if alert.symbol in quadrants]
    unknown = sum(alert.quadrant is None for alert in stage.first_sends if alert.symbol in quadrants)
    assert sum(told) + unknown == len(told)  # left out of the first message rather than wrong in it
    spans_s = [alert.details.oi_span_s or 0.0 for alert in known]
    assert 5 <= min(spans_s) < 30
    assert 100 < max(spans_s) <= 125  # a candle, a sweep and the exchange's own stamp
    assert all(alert.details.oi_missing for alert in alerts.values() if alert.oi_change is None)


async def test_in_a_storm_as_many_as_the_budget_allows_and_the_others_say_why() -> None:
    at_ms = T0 + 3 * MINUTE_MS + 30_000
    async with running(Stage(Crash(at_ms, 6.0, over_s=12), weight_limit=240)) as stage:
        await stage.run_until(at_ms)
        used = stage.rest.guard_of.status().weight_used
        await stage.run_until(at_ms + 20_000)
        alerts = {alert.symbol: alert for alert in await stage.alerts()}
    assert len(alerts) == len(stage.symbols) >= 160
    reasons = Counter(alert.details.oi_missing for alert in alerts.values() if alert.oi_change is None)
    known = len(alerts) - sum(reasons.values())
    assert 50 <= used <= 65
    assert 140 <= known <= 160  # of 216 that may be used of 240; the sweep takes its part while the storm comes
    assert set(reasons) == {"budget"}
    assert max(stage.learned_s.values()) <= 2.0
    assert len([ms for ms in stage.rest.sent_ms if ms // MINUTE_MS == at_ms // MINUTE_MS]) <= 240
