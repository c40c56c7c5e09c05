"""Open interest from one table: sampled every ten seconds, and honest about failures."""

from __future__ import annotations

from altmonitor.collect.open_interest_table import OpenInterestTableSweep
from altmonitor.core.errors import BadAnswer, ExchangeBlocked
from altmonitor.market.quotes import OpenInterest
from tests.movable_clock import T0, MovableClock, at_work


class Desk:
    def __init__(self) -> None:
        self.clock = MovableClock(T0)
        self.read_s: list[float] = []
        self.watched = ["AUSDT", "BUSDT"]
        self.problem: Exception | None = None
        self.recorded: list[str] = []
        self.listings: list[float] = []
        self.named = ("AUSDT", "CUSDT")
        self.evaluated: list[list[str]] = []
        self.sweep = OpenInterestTableSweep(
            self,
            clock=self.clock,
            symbols=lambda: self.watched,
            record=lambda row: self.recorded.append(row.symbol),
            evaluate=lambda symbols: self.evaluated.append(list(symbols)),
            on_listing=lambda: self.listings.append(self.clock.monotonic()),
        )

    async def open_interests(self) -> list[OpenInterest]:
        self.read_s.append(self.clock.monotonic())
        if self.problem is not None:
            raise self.problem
        now_ms = self.clock.now_ms()
        return [OpenInterest(symbol=symbol, contracts=1.0, time_ms=now_ms) for symbol in self.named]


async def test_it_is_asked_every_ten_seconds_from_when_contracts_are_known() -> None:
    desk = Desk()
    desk.watched = []
    began_s = desk.clock.monotonic()
    async with at_work(desk.sweep.run(), on=desk.clock):
        await desk.clock.advance(3.5)
        assert desk.read_s == []
        desk.watched = ["AUSDT", "BUSDT"]
        await desk.clock.advance(21.0)
    assert [round(at_s - began_s) for at_s in desk.read_s] == [4, 14, 24]
    assert desk.evaluated == [["AUSDT"]] * 3
    status = desk.sweep.status()
    assert (status.coverage, status.ended, status.failures) == (0.5, 3, {})


async def test_failures_are_counted_by_cause_asked_ever_more_rarely_and_forgotten_when_it_answers() -> None:
    desk = Desk()
    desk.problem = BadAnswer("none")
    async with at_work(desk.sweep.run(), on=desk.clock):
        await desk.clock.advance(31.0)
        assert len(desk.read_s) == 5  # after 2, 4, 8 and 16 s
        desk.problem = ExchangeBlocked("no", until_ms=T0 + 60_000)
        await desk.clock.advance(70.0)
        assert set(desk.sweep.status().failures) == {"bad_answer", "blocked"}
        desk.problem = None
        await desk.clock.advance(80.0)
    assert desk.sweep.status().failures == {}
    assert desk.evaluated[0] == ["AUSDT"]


async def test_a_contract_that_comes_or_leaves_is_noticed_with_the_next_table_and_not_more_than_once_a_minute() -> None:
    desk = Desk()
    async with at_work(desk.sweep.run(), on=desk.clock):
        await desk.clock.advance(15.0)
        assert desk.listings == []
        desk.named = ("AUSDT", "CUSDT", "NEWUSDT")
        await desk.clock.advance(10.0)
        assert len(desk.listings) == 1
        for number in range(6):
            desk.named = ("AUSDT", "CUSDT", *(["NEWUSDT"] if number % 2 else []))
            await desk.clock.advance(10.0)
        assert len(desk.listings) <= 2
        desk.named = ("AUSDT", "NEWUSDT")
        await desk.clock.advance(80.0)
        seen = len(desk.listings)
        desk.named = ("CUSDT", "NEWUSDT")  # of those that are watched, one is gone
        await desk.clock.advance(10.0)
        assert len(desk.listings) == seen + 1
