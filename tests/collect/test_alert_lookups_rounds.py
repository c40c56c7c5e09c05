"""Long/short ratios of the table: in turn, slowly, and never against a block."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from altmonitor.collect.alert_lookups import EVERY_S, FIRST_S, NOTHING_S, PAUSE_S, RatioRounds
from altmonitor.collect.enrichment import EnrichmentDeps, RatioEnricher
from altmonitor.core.errors import BudgetExhausted, ExchangeBlocked, ExchangeError, UnknownSymbol
from altmonitor.interfaces.exchange import Priority
from altmonitor.storage.memory import MemoryStore
from tests.collect.fake_rest import FakeRest
from tests.movable_clock import MovableClock

VOLUMES = {"AUSDT": 1e6, "BUSDT": 5e6, "CUSDT": None, "DUSDT": 3e6}
IN_ORDER = ["BUSDT", "DUSDT", "AUSDT", "CUSDT"]


class Stand:
    def __init__(self) -> None:
        self.clock = MovableClock()
        self.rest = FakeRest(self.clock)
        self.rest.takes_s = 0.0
        self.rest.ratios = {"AUSDT": 1.5, "BUSDT": 0.8, "DUSDT": 2.0}
        deps = EnrichmentDeps(clock=self.clock, updates=MemoryStore(clock=self.clock), refreshed=lambda key: None)
        self.ratios = RatioEnricher(deps, rest=self.rest, period="5m")
        self.rounds = RatioRounds(
            listed=lambda: list(VOLUMES),
            day_usdt=VOLUMES.get,
            ask=lambda symbol: self.ratios.look_up(symbol, priority=Priority.TRACKING),
            clock=self.clock,
        )

    @property
    def asked(self) -> list[str]:
        return [one.symbol for one in self.rest.of("long_short_ratio")]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.rounds.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])


async def test_every_contract_is_asked_in_turn_the_largest_first_behind_everything_else() -> None:
    stand = Stand()
    async with stand.running():
        await stand.clock.advance(FIRST_S - 1)
        assert stand.asked == []
        await stand.clock.advance(1.5)
        assert stand.asked == IN_ORDER[:1]
        await stand.clock.advance(EVERY_S * 4)
    assert stand.asked[:4] == IN_ORDER
    assert {one.priority for one in stand.rest.of("long_short_ratio")} == {Priority.TRACKING}
    found = {symbol: stand.ratios.newest(symbol) for symbol in IN_ORDER}
    assert {symbol: ratio and ratio[0] for symbol, ratio in found.items()} == {
        "BUSDT": 0.8,
        "DUSDT": 2.0,
        "AUSDT": 1.5,
        "CUSDT": None,
    }


async def test_in_five_minutes_at_most_a_hundred_of_a_thousand_are_asked() -> None:
    stand = Stand()
    async with stand.running():
        await stand.clock.advance(FIRST_S)
        for _ in range(300):
            await stand.clock.advance(1)
    assert len(stand.asked) <= 101


async def test_one_that_fails_is_left_out_and_a_block_or_a_used_up_budget_is_waited_for() -> None:
    stand = Stand()
    until_ms = stand.clock.now_ms() + 1_000_000
    problems: list[ExchangeError] = [
        UnknownSymbol("BUSDT"),
        BudgetExhausted("none left"),
        ExchangeBlocked("banned", until_ms=until_ms),
    ]
    stand.rest.failing = lambda what, symbol: problems.pop(0) if problems else None
    async with stand.running():
        await stand.clock.advance(FIRST_S + EVERY_S + 1)
        assert stand.asked == IN_ORDER[:2]
        await stand.clock.advance(PAUSE_S - 5)
        assert len(stand.asked) == 2
        await stand.clock.advance(10)
        assert stand.asked == IN_ORDER[:3]
        await stand.clock.advance((until_ms - stand.clock.now_ms()) / 1000)
        assert len(stand.asked) == 3
        await stand.clock.advance(EVERY_S + 1)
        assert stand.asked == IN_ORDER


async def test_an_exchange_without_ratios_is_not_asked_again_and_again() -> None:
    stand = Stand()
    stand.rest.ratios = {}
    async with stand.running():
        await stand.clock.advance(FIRST_S)
        for _ in range(10):
            await stand.clock.advance(60)
        assert stand.asked == IN_ORDER
        await stand.clock.advance(NOTHING_S)
        assert len(stand.asked) > 4
