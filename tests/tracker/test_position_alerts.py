"""Position and gap alerts: new events only, each once, for those who take every kind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from altmonitor.core.alert import Details, Positions
from altmonitor.core.errors import ExchangeUnreachable, StorageError
from altmonitor.core.types import Destination
from altmonitor.interfaces.exchange import Priority
from altmonitor.positioning.divergence import Histories
from altmonitor.positioning.history import Snapshot
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import Settings
from altmonitor.tracker.position_alerts import PositionAlertDeps, PositionAlerts, heard_by
from tests.fakes import ListSink
from tests.movable_clock import T0, MovableClock, at_work
from tests.positioning.samples import LONG, OVERVIEW, bucket

HOME = Destination(chat_id=1)
MINUTE = 60_000


class Place:
    """What survives a restart: remembered values, rows, and what a tracker told in its own chat."""

    def __init__(self) -> None:
        self.meta: dict[str, str] = {}
        self.rows: list[Snapshot] = []
        self.told_elsewhere: set[tuple[str, str]] = set()
        self.gaps: dict[str, float] = {}
        self.problem: Exception | None = None
        self.asked: list[str] = []
        self.venue = "binance"

    async def meta_get(self, key: str) -> str | None:
        return self.meta.get(key)

    async def meta_set(self, key: str, value: str) -> None:
        self.meta[key] = value

    async def snapshots(self, symbol: str, *, since_ms: int) -> Sequence[Snapshot]:
        if self.problem is not None:
            raise self.problem
        return [row for row in self.rows if row.overview.symbol == symbol and row.time_ms >= since_ms]

    async def was_told(self, symbol: str, fingerprint: str, *, since_ms: int) -> bool:
        return (symbol, fingerprint) in self.told_elsewhere

    async def cohorts(self, symbol: str, *, period: str, limit: int, priority: Priority) -> Histories:
        self.asked.append(symbol)
        if symbol not in self.gaps:
            raise ExchangeUnreachable("HTTP 503")
        top = 50.0 + self.gaps[symbol]
        return Histories(retail=[bucket(50.0)], top_accounts=[bucket(50.0)], top_positions=[bucket(top)])

    def row(self, clock: MovableClock, long_coins: float, *, symbol: str = "ETHUSDT") -> None:
        side = replace(LONG, traders_qty_coins=long_coins)
        overview = replace(OVERVIEW, symbol=symbol, captured_ms=clock.now_ms(), long=side)
        self.rows.append(Snapshot(overview=overview, mark_price=10.0))


class Desk:
    def __init__(
        self, destination: Place | None = None, *, symbols: tuple[str, ...] = ("ETHUSDT",), start_ms: int = T0
    ) -> None:
        self.clock = MovableClock(start_ms)
        self.destination = destination or Place()
        self.sink = ListSink()
        self.audiences = [Audience(destination=HOME, settings=Settings())]
        self.news = PositionAlerts(
            PositionAlertDeps(
                clock=self.clock,
                sink=self.sink,
                memory=self.destination,
                rows=self.destination,
                cohorts=self.destination,
                audiences=lambda: self.audiences,
                symbols=symbols,
                window_min=30,
                threshold_pct=5.0,
                period="5m",
            )
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Desk]:
        async with at_work(self.news.run(), on=self.clock):
            yield self

    async def minutes(self, count: float) -> None:
        await self.clock.advance(count * 60)

    @property
    def told(self) -> list[str]:
        return [f"{alert.kind} {alert.direction} {alert.note} {alert.metric}" for alert in self.sink.alerts]


async def test_a_side_that_grew_is_told_once_with_both_sizes() -> None:
    async with Desk().running() as desk:
        await desk.minutes(1)
        desk.destination.row(desk.clock, 200.0)
        await desk.minutes(10)
        desk.destination.row(desk.clock, 240.0)
        captured_ms = desk.clock.now_ms()
        await desk.minutes(20)
        assert desk.told == ["position UP long 20.0"]
        (alert,) = desk.sink.alerts
        assert (alert.key, alert.event_ms, alert.price) == (
            f"position:ETHUSDT:long:add:4:{captured_ms}",
            captured_ms,
            10.0,
        )
        assert alert.details == Details(
            threshold=5.0, positions=Positions(from_coins=200.0, to_coins=240.0, minutes=10.0, entry=9.5)
        )
        assert desk.sink.told[0][1] == (HOME,)


async def test_the_same_step_is_not_repeated_and_a_larger_one_is_told() -> None:
    async with Desk().running() as desk:
        for coins in (200.0, 240.0, 241.0, 400.0):
            await desk.minutes(2)
            desk.destination.row(desk.clock, coins)
        await desk.minutes(5)
        assert desk.told == ["position UP long 20.0", "position UP long 100.0"]


async def test_a_side_that_was_cut_and_one_that_is_new_have_their_words() -> None:
    async with Desk().running() as desk:
        await desk.minutes(1)
        desk.destination.row(desk.clock, 0.0)
        await desk.minutes(5)
        desk.destination.row(desk.clock, 300.0)
        await desk.minutes(5)
        assert desk.told == ["position UP long None"]
        await desk.minutes(40)
        desk.destination.row(desk.clock, 300.0)
        await desk.minutes(5)
        desk.destination.row(desk.clock, 150.0)
        await desk.minutes(5)
        assert desk.told[1:] == ["position DOWN long -50.0"]


async def test_rows_from_before_the_start_are_no_news() -> None:
    desk = Desk()
    desk.destination.row(desk.clock, 200.0)
    await desk.minutes(10)
    desk.destination.row(desk.clock, 240.0)
    await desk.minutes(1)
    later = Desk(desk.destination, start_ms=desk.clock.now_ms())
    async with later.running():
        await later.minutes(20)
        assert later.told == []


async def test_what_a_tracker_tells_in_its_own_chat_is_not_told_again() -> None:
    async with Desk().running() as desk:
        await desk.minutes(1)
        desk.destination.row(desk.clock, 200.0)
        await desk.minutes(5)
        desk.destination.row(desk.clock, 240.0)
        desk.destination.told_elsewhere.add(("ETHUSDT", "long:add:4"))
        await desk.minutes(10)
        assert desk.told == []


async def test_a_file_that_cannot_be_read_is_warned_of_once_and_read_again(caplog: pytest.LogCaptureFixture) -> None:
    async with Desk().running() as desk:
        desk.destination.problem = StorageError("data/snapshots.db did not answer")
        await desk.minutes(5)
        desk.destination.problem = None
        desk.destination.row(desk.clock, 200.0)
        await desk.minutes(5)
        desk.destination.row(desk.clock, 240.0)
        await desk.minutes(5)
        assert desk.told == ["position UP long 20.0"]
    assert sum("cannot be read" in record.message for record in caplog.records) == 1


async def test_a_gap_is_told_when_it_opens_and_not_while_it_stays_open() -> None:
    async with Desk().running() as desk:
        for gap in (-3.0, -7.99, -8.0, -12.0, -7.5, -9.0, -6.9, -8.1):
            desk.destination.gaps["ETHUSDT"] = gap
            await desk.clock.advance(301)
        assert desk.told == ["divergence DOWN 5m -8.0", "divergence DOWN 5m -8.1"]
        assert desk.sink.alerts[0].details == Details(positions=Positions(crowd_long_pct=50.0, top_long_pct=42.0))


async def test_a_gap_on_the_other_side_is_a_crossing_too() -> None:
    async with Desk().running() as desk:
        for gap in (0.0, 8.0, -8.0):
            desk.destination.gaps["ETHUSDT"] = gap
            await desk.clock.advance(301)
        assert desk.told == ["divergence UP 5m 8.0", "divergence DOWN 5m -8.0"]


async def test_a_gap_that_is_open_when_it_is_first_seen_is_no_crossing() -> None:
    async with Desk().running() as desk:
        desk.destination.gaps["ETHUSDT"] = -14.0
        await desk.clock.advance(1_000)
        assert desk.told == []


async def test_a_restart_does_not_tell_an_open_gap_again() -> None:
    first = Desk()
    async with first.running():
        for gap in (0.0, 9.0):
            first.destination.gaps["ETHUSDT"] = gap
            await first.clock.advance(301)
        assert len(first.told) == 1
    async with Desk(first.destination).running() as second:
        await second.clock.advance(301)
        assert second.told == []


async def test_a_symbol_without_an_answer_does_not_hold_up_the_others() -> None:
    async with Desk(symbols=("BADUSDT", "ETHUSDT")).running() as desk:
        for gap in (0.0, 9.0):
            desk.destination.gaps["ETHUSDT"] = gap
            await desk.clock.advance(303)
        assert desk.told == ["divergence UP 5m 9.0"]
        assert desk.destination.asked.count("BADUSDT") >= 2


async def test_memory_that_cannot_be_read_is_begun_anew() -> None:
    destination = Place()
    destination.meta = {"positions_told": "[", "gaps_told": '{"ETHUSDT": "sideways"}'}
    async with Desk(destination).running() as desk:
        for gap in (0.0, 9.0):
            destination.gaps["ETHUSDT"] = gap
            await desk.clock.advance(301)
        assert desk.told == ["divergence UP 5m 9.0"]


def test_only_those_who_take_every_kind_watch_the_symbol_and_did_not_mute_it_are_told() -> None:
    def audience(number: int, **changes: object) -> Audience:
        made = Audience(destination=Destination(chat_id=number), settings=Settings())
        return replace(made, **changes)  # type: ignore[arg-type]

    audiences = [
        audience(1),
        audience(2, kinds=frozenset({"price"})),
        audience(3, settings=Settings(watchlist=frozenset({"BTCUSDT"}))),
        audience(4, settings=Settings(muted={"ETHUSDT": None})),
        audience(5, settings=Settings(muted={"ETHUSDT": T0 // 1000 - 1}, watchlist=frozenset({"ETHUSDT"}))),
    ]
    assert [to.chat_id for to in heard_by(audiences, "ETHUSDT", now_s=T0 / 1000)] == [1, 5]
