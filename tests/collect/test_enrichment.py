"""Enrichment: within two seconds or not at all, and never in anybody's way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from altmonitor.collect.enrichment import EnrichmentDeps, MarketEnricher
from altmonitor.core.alert import Alert, Details
from altmonitor.core.errors import BadAnswer, ExchangeBlocked, StorageError
from altmonitor.interfaces.exchange import Priority
from altmonitor.market.quotes import OpenInterest
from tests.collect.fake_rest import FakeRest
from tests.movable_clock import T0, MovableClock


def alert(symbol: str = "SOLUSDT", **changes: object) -> Alert:
    given = {
        "key": f"price:{symbol}:PUMP:1m:{T0}",
        "ts": T0 / 1000,
        "event_ms": T0,
        "symbol": symbol,
        "kind": "price",
        "direction": "PUMP",
        "price": 2.0,
        "change_pct": 3.1,
        "details": Details(threshold=3.0, oi_contracts=900.0, oi_age_s=40.0),
    }
    return Alert(**(given | changes))  # type: ignore[arg-type]


class Desk:
    def __init__(self) -> None:
        self.clock = MovableClock()
        self.rest = FakeRest(self.clock)
        self.rest.open_interests = {"SOLUSDT": 1_100.0}
        self.rest.ratios = {"SOLUSDT": 1.85}
        self.stored: list[Alert] = []
        self.refreshed: list[tuple[float, str]] = []
        self.recorded: list[OpenInterest] = []
        self.oi_change: float | None = 4.5
        self.storage_problem: Exception | None = None
        self.enricher = MarketEnricher(
            EnrichmentDeps(
                clock=self.clock,
                updates=self,
                refreshed=lambda key: self.refreshed.append((self.clock.monotonic() - 1_000.0, key)),
            ),
            rest=self.rest,
            lsr_period="5m",
            record_oi=self.recorded.append,
            oi_change_1m=self.change,
        )

    async def update_alert(self, alert: Alert) -> None:
        if self.storage_problem is not None:
            raise self.storage_problem
        self.stored.append(alert)

    def change(self, symbol: str, event_ms: int) -> float | None:
        assert self.recorded[-1].symbol == symbol
        return self.oi_change

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Desk]:
        task = asyncio.create_task(self.enricher.run())
        await self.clock.settle()
        try:
            yield self
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def test_a_price_alert_learns_ratio_open_interest_and_quadrant() -> None:
    async with Desk().running() as desk:
        desk.enricher.put(alert())
        await desk.clock.advance(0.1)
        (richer,) = desk.stored
        assert richer.lsr == 1.85
        assert richer.oi_change == 4.5
        assert richer.quadrant == "up_up"
        assert richer.details == Details(
            threshold=3.0, oi_contracts=1_100.0, oi_usd=2_200.0, oi_age_s=0.0, lsr_age_s=59.95
        )
        assert (richer.key, richer.price, richer.change_pct) == (alert().key, 2.0, 3.1)
        assert desk.refreshed == [(pytest.approx(0.05), alert().key)]
        assert {asked.priority for asked in desk.rest.asked} == {Priority.ENRICH}
        assert desk.enricher.status().done == 1


async def test_without_an_honest_change_the_quadrant_stays_as_it_was() -> None:
    async with Desk().running() as desk:
        desk.oi_change = None
        desk.enricher.put(alert(oi_change=-2.0, quadrant="up_down"))
        await desk.clock.advance(0.1)
        assert desk.stored[0].oi_change == -2.0
        assert desk.stored[0].quadrant == "up_down"
        assert desk.stored[0].details.oi_contracts == 1_100.0


async def test_alerts_of_other_kinds_and_late_ones_are_left_alone() -> None:
    async with Desk().running() as desk:
        desk.enricher.put(alert(kind="oi"))
        desk.enricher.put(alert(kind="vol"))
        desk.enricher.put(alert(late=True))
        await desk.clock.advance(5.0)
        assert desk.rest.asked == []
        assert desk.enricher.status().given_up == {}


async def test_what_takes_longer_than_two_seconds_is_given_up_and_the_rest_is_used() -> None:
    async with Desk().running() as desk:
        desk.rest.takes_s = 1_000.0
        desk.enricher.put(alert())
        await desk.clock.advance(2.5)
        assert desk.stored == desk.refreshed == []
        assert desk.enricher.status().given_up == {"time_out": 2}
        desk.rest.takes_s = 0.05
        desk.rest.failing = lambda what, symbol: BadAnswer("html") if what == "long_short_ratio" else None
        desk.enricher.put(alert())
        await desk.clock.advance(1.0)
        assert desk.stored[0].lsr is None
        assert desk.stored[0].oi_change == 4.5
        assert desk.enricher.status().given_up == {"time_out": 2, "no_answer": 1}


async def test_during_a_block_nothing_is_learned_and_nothing_goes_wrong() -> None:
    async with Desk().running() as desk:
        desk.rest.failing = lambda what, symbol: ExchangeBlocked("418", until_ms=T0 + 10**9)
        for _ in range(10):
            desk.enricher.put(alert())
        await desk.clock.advance(1.0)
        assert desk.stored == []
        assert desk.enricher.status().given_up["blocked"] > 0


async def test_the_ratio_of_a_symbol_is_asked_once_a_minute_and_once_at_a_time() -> None:
    async with Desk().running() as desk:
        for _ in range(4):
            desk.enricher.put(alert())
        await desk.clock.advance(30.0)
        desk.enricher.put(alert())
        await desk.clock.advance(1.0)
        assert len(desk.rest.of("long_short_ratio")) == 1
        assert len(desk.stored) == 5
        await desk.clock.advance(61.0)
        desk.enricher.put(alert())
        await desk.clock.advance(1.0)
        assert len(desk.rest.of("long_short_ratio")) == 2


async def test_a_symbol_without_a_ratio_is_remembered_as_such() -> None:
    async with Desk().running() as desk:
        desk.rest.ratios = {}
        desk.enricher.put(alert())
        desk.enricher.put(alert())
        await desk.clock.advance(5.0)
        assert len(desk.rest.of("long_short_ratio")) == 1
        assert [stored.lsr for stored in desk.stored] == [None, None]


async def test_in_a_storm_the_newest_go_first_and_the_rest_is_dropped_and_counted() -> None:
    async with Desk().running() as desk:
        desk.rest.takes_s = 0.4
        symbols = [f"A{number}USDT" for number in range(530)]
        desk.rest.open_interests = dict.fromkeys(symbols, 1.0)
        desk.rest.ratios = dict.fromkeys(symbols, 1.0)
        for symbol in symbols:
            desk.enricher.put(alert(symbol))
        await desk.clock.advance(10.0)
        status = desk.enricher.status()
        assert status.waiting == 0
        assert 20 <= status.done <= 36
        assert desk.stored[0].symbol == "A529USDT"
        assert all(int(stored.symbol[1:-4]) > 490 for stored in desk.stored)
        assert status.done + status.given_up["too_late"] + status.given_up.get("time_out", 0) / 2 == 530
        assert all(at_s <= 2.4 for at_s, _ in desk.refreshed)


async def test_the_queue_is_bounded_and_drops_its_oldest() -> None:
    desk = Desk()
    for number in range(2_000):
        desk.enricher.put(alert(f"A{number}USDT"))
    assert desk.enricher.status().waiting == 1_024
    assert desk.enricher.status().given_up == {"too_many": 976}


async def test_a_store_that_refuses_is_reported_once_and_the_message_is_not_touched(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Desk().running() as desk:
        desk.storage_problem = StorageError("disk full")
        with caplog.at_level(logging.WARNING):
            for _ in range(5):
                desk.enricher.put(alert())
                await desk.clock.advance(0.2)
        assert desk.refreshed == []
        assert desk.enricher.status().given_up == {"storage": 5}
        assert len(caplog.records) == 1


async def test_whatever_goes_wrong_with_one_alert_the_next_gets_its_turn() -> None:
    async with Desk().running() as desk:
        desk.storage_problem = RuntimeError("a bug")
        for _ in range(20):
            desk.enricher.put(alert())
            await desk.clock.advance(0.2)
        desk.storage_problem = None
        desk.enricher.put(alert())
        await desk.clock.advance(0.2)
        assert len(desk.stored) == 1
        assert desk.enricher.status().given_up == {"error": 20}


async def test_an_alert_about_which_nothing_is_new_is_not_stored_again() -> None:
    async with Desk().running() as desk:
        desk.enricher.put(alert("NOSUCHUSDT"))
        await desk.clock.advance(1.0)
        assert desk.stored == desk.refreshed == []
