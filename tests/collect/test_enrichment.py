"""Enrichment: within two seconds or with the reason why not, and never in anybody's way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import msgspec
import pytest

from altmonitor.collect.enrichment import (
    EnrichmentDeps,
    OpenInterestEnricher,
    RatioEnricher,
    WaitingAlert,
    WaitingAlerts,
)
from altmonitor.core.alert import Alert, Details
from altmonitor.core.errors import (
    BadAnswer,
    BudgetExhausted,
    ExchangeBlocked,
    ExchangeError,
    ExchangeUnreachable,
    StorageError,
)
from altmonitor.core.status import GuardStatus
from altmonitor.interfaces.exchange import Priority
from altmonitor.market.open_interest import OpenInterestRing
from altmonitor.market.quotes import OpenInterest
from tests.collect.fake_rest import FakeRest
from tests.movable_clock import T0, MovableClock


def alert(symbol: str = "SOLUSDT", **changes: object) -> Alert:
    """A rise of 3.1 % in the 30 s before T0."""
    given = {
        "key": f"price:{symbol}:PUMP:1m:{T0}",
        "ts": T0 / 1000,
        "event_ms": T0,
        "symbol": symbol,
        "kind": "price",
        "direction": "PUMP",
        "price": 2.0,
        "change_pct": 3.1,
        "metric": 3.1,
        "details": Details(threshold=3.0, window_s=30.0, oi_contracts=900.0, oi_age_s=40.0),
    }
    return Alert(**(given | changes))  # type: ignore[arg-type]


def details(**known: object) -> Details:
    return Details(**known)  # type: ignore[arg-type]


class Desk:
    """The sweep sampled every symbol 41 s before T0: 1,000 contracts. Now there are 1,100."""

    def __init__(self) -> None:
        self.clock = MovableClock()
        self.rest = FakeRest(self.clock)
        self.ring = OpenInterestRing(period_s=60.0)
        self.stored: list[Alert] = []
        self.refreshed: list[tuple[float, str]] = []
        self.storage_problem: Exception | None = None
        deps = EnrichmentDeps(
            clock=self.clock,
            updates=self,
            refreshed=lambda key: self.refreshed.append((self.clock.monotonic() - 1_000.0, key)),
        )
        self.oi = OpenInterestEnricher(deps, rest=self.rest, ring=self.ring, record=self.record)
        self.ratio = RatioEnricher(deps, rest=self.rest, period="5m")
        self.list("SOLUSDT")

    def list(self, *symbols: str) -> None:
        for symbol in symbols:
            self.ring.record(symbol, time_ms=T0 - 41_000, contracts=1_000.0)
            self.rest.open_interests[symbol] = 1_100.0
            self.rest.ratios[symbol] = 1.85

    def record(self, sample: OpenInterest) -> None:
        self.ring.record(sample.symbol, time_ms=sample.time_ms, contracts=sample.contracts)

    async def update_alert(self, alert: Alert) -> None:
        if self.storage_problem is not None:
            raise self.storage_problem
        self.stored.append(alert)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Desk]:
        tasks = [asyncio.create_task(self.oi.run()), asyncio.create_task(self.ratio.run())]
        await self.clock.settle()
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


# --- open interest


async def test_a_price_alert_learns_open_interest_over_its_move_with_the_span_and_the_quadrant() -> None:
    async with Desk().running() as desk:
        desk.oi.put(alert())
        await desk.clock.advance(0.1)
        (learned,) = desk.stored
        assert learned.oi_change == pytest.approx(10.0)
        assert learned.quadrant == "up_up"
        assert learned.details == details(oi_contracts=1_100.0, oi_usd=2_200.0, oi_age_s=0.0, oi_span_s=41.05)
        assert (learned.key, learned.lsr) == (alert().key, None)
        assert desk.refreshed == [(pytest.approx(0.05), alert().key)]
        assert {asked.priority for asked in desk.rest.asked} == {Priority.ENRICH}
        assert desk.oi.status().done == 1


async def test_a_fresh_sample_takes_the_place_of_what_the_sweep_had() -> None:
    async with Desk().running() as desk:
        desk.oi.put(alert(oi_change=-2.0, quadrant="up_down"))
        await desk.clock.advance(0.1)
        assert desk.stored[0].oi_change == pytest.approx(10.0)
        assert desk.stored[0].quadrant == "up_up"


async def test_open_interest_that_did_not_move_is_neither_up_nor_down() -> None:
    async with Desk().running() as desk:
        desk.rest.open_interests["SOLUSDT"] = 1_000.0
        desk.oi.put(alert())
        await desk.clock.advance(0.1)
        assert (desk.stored[0].oi_change, desk.stored[0].quadrant) == (0.0, None)


async def test_alerts_of_other_kinds_and_late_ones_are_left_alone() -> None:
    async with Desk().running() as desk:
        for other in (alert(kind="oi"), alert(kind="vol"), alert(late=True)):
            desk.oi.put(other)
            desk.ratio.put(other)
        await desk.clock.advance(5.0)
        assert desk.rest.asked == []
        assert desk.stored == []


def fail(problem: ExchangeError) -> Callable[[Desk], None]:
    def prepare(desk: Desk) -> None:
        desk.rest.failing = lambda what, symbol: problem

    return prepare


def slow(desk: Desk) -> None:
    desk.rest.takes_s = 60.0


def unsampled(desk: Desk) -> None:
    desk.ring.forget("SOLUSDT")


def absurd(desk: Desk) -> None:
    """A thousand times what the sweep had: the ring does not believe it."""
    desk.ring.record("SOLUSDT", time_ms=T0 - 10, contracts=1_000.0)
    desk.rest.open_interests["SOLUSDT"] = 1_000_000.0


@pytest.mark.parametrize(
    ("prepare", "missing"),
    [
        (fail(ExchangeBlocked("418", until_ms=T0 + 10**9)), "blocked"),
        (fail(BudgetExhausted("none left")), "budget"),
        (fail(ExchangeUnreachable("HTTP 503")), "no_answer"),
        (fail(BadAnswer("html")), "no_answer"),
        (slow, "no_answer"),
        (unsampled, "no_sample"),
        (absurd, "no_answer"),
    ],
)
async def test_what_cannot_be_had_is_stored_with_the_reason_within_two_seconds(
    prepare: Callable[[Desk], None], missing: str
) -> None:
    async with Desk().running() as desk:
        prepare(desk)
        desk.oi.put(alert())
        await desk.clock.advance(3.0)
        (learned,) = desk.stored
        assert (learned.oi_change, learned.quadrant, learned.details.oi_missing) == (None, None, missing)
        assert (learned.details.oi_contracts, learned.details.oi_usd) == (None, None)
        assert desk.refreshed[0][0] <= 2.01
        assert desk.oi.status().given_up == {missing: 1}


async def test_what_the_sweep_had_stays_where_nothing_fresher_is_to_be_had() -> None:
    async with Desk().running() as desk:
        desk.rest.failing = lambda what, symbol: ExchangeUnreachable("no")
        desk.oi.put(alert(oi_change=1.5, quadrant="up_up"))
        await desk.clock.advance(3.0)
        assert desk.stored == desk.refreshed == []


async def test_a_count_from_before_the_move_is_asked_for_again_and_compared_with() -> None:
    async with Desk().running() as desk:
        desk.oi.put(alert(event_ms=T0 + 1_000, details=Details(window_s=0.9)))  # began 100 ms from now
        desk.rest.open_interests["SOLUSDT"] = 1_050.0
        await desk.clock.advance(0.5)
        assert desk.stored == []
        desk.rest.open_interests["SOLUSDT"] = 1_155.0
        await desk.clock.advance(0.5)
        assert (desk.stored[0].oi_change, desk.stored[0].details.oi_span_s) == (pytest.approx(10.0), 0.55)
        assert len(desk.rest.of("open_interest")) == 2


async def test_a_count_that_stays_older_than_the_move_is_no_count_of_it() -> None:
    async with Desk().running() as desk:
        desk.oi.put(alert(event_ms=T0 + 60_000))
        await desk.clock.advance(2.0)
        assert desk.stored[0].details.oi_missing == "stale"
        assert len(desk.rest.of("open_interest")) <= 4


async def test_alerts_of_one_symbol_at_once_are_one_question() -> None:
    async with Desk().running() as desk:
        for number in range(5):
            desk.oi.put(alert(key=f"price:SOLUSDT:PUMP:1m:{T0}@{number}"))
        await desk.clock.advance(0.2)
        assert len(desk.rest.of("open_interest")) == 1
        assert [learned.oi_change for learned in desk.stored] == [pytest.approx(10.0)] * 5


# --- the long/short ratio


async def test_a_price_alert_learns_the_long_short_ratio_with_its_age() -> None:
    async with Desk().running() as desk:
        desk.ratio.put(alert(oi_change=2.0, quadrant="up_up"))
        await desk.clock.advance(0.1)
        (learned,) = desk.stored
        assert learned.lsr == 1.85
        assert learned.details == details(lsr_age_s=59.95)
        assert (learned.oi_change, learned.quadrant) == (None, None)  # others learn those


async def test_the_ratio_of_a_symbol_is_asked_once_a_minute_and_once_at_a_time() -> None:
    async with Desk().running() as desk:
        for _ in range(4):
            desk.ratio.put(alert())
        await desk.clock.advance(30.0)
        desk.ratio.put(alert())
        await desk.clock.advance(1.0)
        assert len(desk.rest.of("long_short_ratio")) == 1
        assert len(desk.stored) == 5
        await desk.clock.advance(61.0)
        desk.ratio.put(alert())
        await desk.clock.advance(1.0)
        assert len(desk.rest.of("long_short_ratio")) == 2


async def test_a_symbol_without_a_ratio_is_remembered_as_such_and_says_nothing() -> None:
    async with Desk().running() as desk:
        desk.rest.ratios = {}
        desk.ratio.put(alert())
        desk.ratio.put(alert())
        await desk.clock.advance(5.0)
        assert len(desk.rest.of("long_short_ratio")) == 1
        assert desk.stored == []


async def test_a_ratio_that_cannot_be_had_says_why_and_open_interest_is_not_touched_by_it() -> None:
    async with Desk().running() as desk:
        desk.rest.failing = lambda what, symbol: BadAnswer("html") if what == "long_short_ratio" else None
        desk.oi.put(alert())
        desk.ratio.put(alert())
        await desk.clock.advance(1.0)
        by_oi, by_ratio = sorted(desk.stored, key=lambda learned: learned.oi_change is None)
        assert by_oi.details.lsr_missing is None
        assert by_ratio.details == details(lsr_missing="no_answer")


# --- storms, and a store in trouble


def crash(count: int) -> list[Alert]:
    """Falls of 3.0 %, 3.1 %, 3.2 %, … in the order in which they come, A000 first, and among the last ones three rises
    of 3 %."""
    falls = [
        alert(f"A{number:03}USDT", direction="DUMP", metric=-3.0 - number / 10, change_pct=-3.0 - number / 10)
        for number in range(count)
    ]
    return [*falls[:-2], *(alert(f"UP{number}USDT") for number in range(3)), *falls[-2:]]


async def test_a_storm_is_asked_about_in_the_order_of_the_digest() -> None:
    async with Desk().running() as desk:
        storm = crash(100)
        desk.list(*(one.symbol for one in storm))
        for one in storm:
            desk.oi.put(one)
        await desk.clock.advance(1.0)
        asked = [asked.symbol for asked in desk.rest.of("open_interest")]
        assert sorted(asked[:3]) == ["UP0USDT", "UP1USDT", "UP2USDT"]
        assert asked[3:] == [f"A{number:03}USDT" for number in reversed(range(100))]
        assert desk.oi.status().done == 103
        assert max(at_s for at_s, _ in desk.refreshed) < 0.5


async def test_when_time_is_short_the_last_of_a_storm_say_that_there_were_too_many() -> None:
    async with Desk().running() as desk:
        desk.rest.takes_s = 0.4
        storm = crash(527)
        desk.list(*(one.symbol for one in storm))
        for one in storm:
            desk.oi.put(one)
        for _ in range(10):
            await desk.clock.advance(1.0)
        status = desk.oi.status()
        assert status.waiting == 0
        assert 60 <= status.done <= 80
        assert status.done + sum(status.given_up.values()) == 530
        assert {"UP0USDT", "A526USDT", "A480USDT"} <= {one.symbol for one in desk.stored if one.oi_change is not None}
        assert {one.details.oi_missing for one in desk.stored if one.oi_change is None} <= {"too_many", "no_answer"}


async def test_when_the_budget_is_short_it_goes_to_those_named_first_though_they_come_last() -> None:
    async with Desk().running() as desk:
        storm = crash(100)
        desk.list(*(one.symbol for one in storm))
        left = 20

        def budget(what: str, symbol: str) -> ExchangeError | None:
            nonlocal left
            left -= 1
            return BudgetExhausted("none left") if left < 0 else None

        desk.rest.failing = budget
        desk.rest.guard = GuardStatus(state="open", weight_used=2_140, weight_limit=2_400)
        for one in storm:
            desk.oi.put(one)
            await desk.clock.advance(0.005)
        await desk.clock.advance(1.5)
        known = {one.symbol for one in desk.stored if one.oi_change is not None}
        assert known == {"UP0USDT", "UP1USDT", "UP2USDT", *(f"A{number:03}USDT" for number in range(83, 100))}
        assert desk.oi.status().given_up == {"budget": 83}
        assert max(at_s for at_s, _ in desk.refreshed) < 2.0


def test_the_queue_is_ordered_by_the_crowd_and_by_size_and_gives_up_the_smallest() -> None:
    queue = WaitingAlerts()
    for one in crash(20):
        queue.add(WaitingAlert(one, 0.0))
    queue.add(WaitingAlert(alert("ODDUSDT", direction="DUMP", metric=float("nan")), 0.0))
    assert queue.pop_smallest().alert.symbol == "ODDUSDT"
    assert [queue.pop_smallest().alert.metric, queue.pop_smallest().alert.metric] == [-3.0, -3.1]
    order = [queue.pop_first().alert.symbol for _ in range(len(queue))]
    assert sorted(order[:3]) == ["UP0USDT", "UP1USDT", "UP2USDT"]
    assert order[3:] == [f"A{number:03}USDT" for number in range(19, 1, -1)]


async def test_the_queue_is_bounded() -> None:
    desk = Desk()
    for number in range(2_000):
        desk.oi.put(alert(f"A{number}USDT"))
    assert desk.oi.status().waiting == 1_024
    assert desk.oi.status().given_up == {"too_many": 976}


async def test_a_store_that_refuses_is_reported_once_and_the_message_is_not_touched(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Desk().running() as desk:
        desk.storage_problem = StorageError("disk full")
        with caplog.at_level(logging.WARNING):
            for _ in range(5):
                desk.oi.put(alert())
                await desk.clock.advance(0.2)
        assert desk.refreshed == []
        assert desk.oi.status().given_up == {"storage": 5}
        assert len(caplog.records) == 1


async def test_whatever_goes_wrong_with_one_alert_the_next_gets_its_turn() -> None:
    async with Desk().running() as desk:
        desk.storage_problem = RuntimeError("a bug")
        for _ in range(20):
            desk.oi.put(alert())
            await desk.clock.advance(0.2)
        desk.storage_problem = None
        desk.oi.put(alert())
        await desk.clock.advance(0.2)
        assert len(desk.stored) == 1
        assert desk.oi.status().given_up == {"error": 20}


async def test_what_is_learned_by_several_meets_in_one_row() -> None:
    async with Desk().running() as desk:
        for enricher in (desk.oi, desk.ratio):
            enricher.put(alert())
        await desk.clock.advance(0.1)
        learned = [msgspec.json.decode(msgspec.json.encode(one.details)) for one in desk.stored]
        assert sorted(map(sorted, learned)) == [["lsr_age_s"], ["oi_age_s", "oi_contracts", "oi_span_s", "oi_usd"]]
