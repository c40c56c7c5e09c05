"""The line about whales: within two seconds or not at all, one question for all alerts of a symbol."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import msgspec

from altmonitor.collect.enrichment import EnrichmentDeps
from altmonitor.collect.position_enrichment import WhaleEnricher
from altmonitor.core.alert import Alert, Details, Kind, WhaleLine
from altmonitor.core.errors import ExchangeBlocked, ExchangeUnreachable, StorageError
from altmonitor.core.status import GuardStatus
from altmonitor.core.types import Fraction
from altmonitor.interfaces.exchange import Priority
from altmonitor.positioning.smart_money import Overview
from tests.movable_clock import T0, MovableClock, at_work
from tests.positioning.samples import OVERVIEW


def alert(symbol: str = "ETHUSDT", *, kind: Kind = "price", late: bool = False) -> Alert:
    key = f"{kind}:{symbol}:UP:1m:{T0}"
    return Alert(key=key, ts=T0 / 1000, event_ms=T0, symbol=symbol, kind=kind, direction="UP", price=2.0, late=late)


class FakeSmartMoney:
    """Answers after `takes_s`; a symbol that is not in `overviews` has no followed traders."""

    def __init__(self, clock: MovableClock) -> None:
        self.clock = clock
        self.overviews: dict[str, Overview] = {"ETHUSDT": replace(OVERVIEW, captured_ms=T0 - 90_000)}
        self.takes_s = 0.05
        self.problem: Exception | None = None
        self.asked: list[tuple[str, Priority, bool]] = []

    async def overview(self, symbol: str, *, priority: Priority, is_fresh: bool = False) -> Overview | None:
        self.asked.append((symbol, priority, is_fresh))
        await self.clock.sleep(self.takes_s)
        if self.problem is not None:
            raise self.problem
        return self.overviews.get(symbol)

    def guard_status(self) -> GuardStatus:
        return GuardStatus(state="open")


class Desk:
    def __init__(self, *, has_line: bool = True, has_link: bool = True) -> None:
        self.clock = MovableClock()
        self.smart_money = FakeSmartMoney(self.clock)
        self.stored: list[Alert] = []
        self.refreshed: list[str] = []
        self.problem: Exception | None = None
        self.enricher = WhaleEnricher(
            EnrichmentDeps(clock=self.clock, updates=self, refreshed=self.refreshed.append),
            smart_money=self.smart_money,
            oi_usd=lambda symbol, price: 10_000.0,
            has_line=has_line,
            has_link=has_link,
        )

    async def update_alert(self, alert: Alert) -> None:
        if self.problem is not None:
            raise self.problem
        self.stored.append(alert)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Desk]:
        async with at_work(self.enricher.run(), on=self.clock):
            yield self


async def test_an_alert_learns_both_sides_their_share_of_open_interest_and_its_age() -> None:
    async with Desk().running() as desk:
        desk.enricher.put(alert())
        await desk.clock.advance(0.1)
        (richer,) = desk.stored
        assert richer.key == alert().key
        assert richer.details == Details(
            whales=WhaleLine(
                long_entry=9.4,
                short_entry=10.6,
                long_profit_share=Fraction(0.6),
                short_profit_share=Fraction(2 / 3),
                oi_share=Fraction(0.17375),
                age_s=90.0,
            ),
            has_followed=True,
        )
        assert desk.refreshed == [alert().key]
        assert desk.smart_money.asked == [("ETHUSDT", Priority.ENRICH, False)]
        assert desk.enricher.status().done == 1


async def test_what_others_learn_about_the_alert_meanwhile_is_not_said_again() -> None:
    async with Desk().running() as desk:
        desk.enricher.put(msgspec.structs.replace(alert(), lsr=1.5, oi_change=2.0))
        await desk.clock.advance(0.1)
        assert (desk.stored[0].lsr, desk.stored[0].oi_change) == (None, None)


async def test_alerts_of_every_kind_are_looked_up_and_late_ones_are_not() -> None:
    async with Desk().running() as desk:
        desk.enricher.put(alert(kind="oi"))
        desk.enricher.put(alert(kind="vol"))
        desk.enricher.put(alert(late=True))
        await desk.clock.advance(0.1)
        assert sorted(desk.refreshed) == [alert(kind="oi").key, alert(kind="vol").key]


async def test_many_alerts_of_a_symbol_are_one_question() -> None:
    async with Desk().running() as desk:
        for kind in ("price", "oi", "vol"):
            desk.enricher.put(alert(kind=kind))
        await desk.clock.advance(0.1)
        assert len(desk.smart_money.asked) == 1
        assert len(desk.stored) == 3


async def test_a_symbol_without_followed_traders_gets_neither_line_nor_link() -> None:
    async with Desk().running() as desk:
        desk.enricher.put(alert("SOLUSDT"))
        await desk.clock.advance(0.1)
        assert desk.stored == []
        assert desk.refreshed == []
        assert desk.enricher.status().given_up == {"nobody_followed": 1}


async def test_a_slow_website_leaves_the_alert_alone_and_serves_the_next_one_of_the_symbol() -> None:
    async with Desk().running() as desk:
        desk.smart_money.takes_s = 3.0
        desk.enricher.put(alert())
        await desk.clock.advance(2.5)
        assert desk.stored == []
        assert desk.enricher.status().given_up == {"no_answer": 1}
        desk.enricher.put(alert(kind="vol"))
        await desk.clock.advance(1.0)
        assert [stored.kind for stored in desk.stored] == ["vol"]
        assert len(desk.smart_money.asked) == 1


async def test_causes_stay_apart_and_end_nothing() -> None:
    async with Desk().running() as desk:
        for problem in (ExchangeBlocked("banned", until_ms=T0), ExchangeUnreachable("HTTP 503"), RuntimeError("fault")):
            desk.smart_money.problem = problem
            desk.enricher.put(alert())
            await desk.clock.advance(0.1)
        assert desk.enricher.status().given_up == {"blocked": 1, "no_answer": 2}
        desk.smart_money.problem = None
        desk.enricher.put(alert())
        await desk.clock.advance(0.1)
        assert desk.refreshed == [alert().key]


async def test_a_disk_that_refuses_ends_nothing() -> None:
    async with Desk().running() as desk:
        desk.problem = StorageError("the disk is full")
        desk.enricher.put(alert())
        await desk.clock.advance(0.1)
        assert desk.enricher.status().given_up == {"storage": 1}
        assert desk.refreshed == []


async def test_a_storm_asks_for_no_more_than_can_wait() -> None:
    async with Desk().running() as desk:
        for number in range(WhaleEnricher.at_once + 30):
            desk.enricher.put(alert(f"S{number}USDT"))
        await desk.clock.advance(0.1)
        assert len(desk.smart_money.asked) == WhaleEnricher.at_once
        assert desk.enricher.status().given_up["too_many"] == 30
        assert desk.enricher.status().waiting == 0


async def test_without_the_line_only_the_link_is_learned() -> None:
    async with Desk(has_line=False).running() as desk:
        desk.enricher.put(alert())
        await desk.clock.advance(0.1)
        assert desk.stored[0].details == Details(has_followed=True)


async def test_with_both_switched_off_nobody_is_asked() -> None:
    async with Desk(has_line=False, has_link=False).running() as desk:
        desk.enricher.put(alert())
        await desk.clock.advance(5.0)
        assert desk.smart_money.asked == []
