"""The machine sleeps, is stopped, is taken up again from a snapshot, or its clock is set: what the feed says of it."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from altmonitor.core.causes import CauseCode
from altmonitor.exchanges.binance.dialect import BINANCE
from altmonitor.exchanges.exchange_clock import ExchangeClock
from altmonitor.exchanges.ws.feed import FeedOptions, KlineFeed
from altmonitor.exchanges.ws.transport import OnFrames, TransportOptions
from altmonitor.interfaces.exchange import FeedEvent
from tests.exchanges.feed_kit import RecordingSink, ScriptedSocket, running
from tests.movable_clock import T0, MovableClock


class Socket(ScriptedSocket):
    """Stamps its candles with the exchange's time."""

    def __init__(self, night: Night, on_frames: OnFrames) -> None:
        self._night = night
        super().__init__(night.clock, on_frames)

    def speak(self) -> None:
        self.push(round(self._night.exchange_ms()))


class Night:
    """The exchange's clock goes on whatever the machine's do."""

    def __init__(self) -> None:
        self.clock = MovableClock()
        self.exchange_clock = ExchangeClock(self.clock)
        self.sockets: list[Socket] = []
        self.is_away = False
        self.sink = RecordingSink()
        options = FeedOptions(open_transport=self.open, jitter=random.Random(1))
        self.feed = KlineFeed(
            "ws://exchange",
            dialect=BINANCE,
            sink=self.sink,
            clock=self.clock,
            exchange_clock=self.exchange_clock,
            options=options,
        )
        self.feed.set_symbols(["BTCUSDT"])
        self._slept_ms = 0.0

    async def open(self, url: str, *, on_frames: OnFrames, options: TransportOptions) -> Socket:
        self.sockets.append(Socket(self, on_frames))
        self.sockets[-1].is_dead = self.is_away
        return self.sockets[-1]

    def exchange_ms(self) -> float:
        return T0 + (self.clock.monotonic() - 1_000.0) * 1000 + self._slept_ms

    def sync(self) -> None:
        self.exchange_clock.sync(self.exchange_ms())

    def sleep(self, seconds: float) -> None:
        """The wall clock goes on, the monotonic one stands still."""
        self._slept_ms += seconds * 1000
        self.clock.jump(seconds)

    def be_a_snapshot(self, seconds: float) -> None:
        self._slept_ms += seconds * 1000

    def be_stopped(self, seconds: float) -> None:
        """SIGSTOP: both clocks go on, and nothing runs."""
        self.clock.stop(seconds)

    def go_away(self) -> None:
        """Nothing comes over any connection any more."""
        self.is_away = True
        for socket in self.sockets:
            socket.is_dead = True

    @asynccontextmanager
    async def awake(self) -> AsyncIterator[None]:
        """A minute of data, the clock compared with the exchange's."""
        async with running(self.feed):
            self.sync()
            await self.clock.advance(60)
            assert self.sink.kinds() == ["live"]
            self.sink.events.clear()
            yield

    def told(self) -> list[tuple[str, int]]:
        """Kind, and seconds since when nothing was seen, by our clock."""
        return [
            (event.kind, round((event.at_ms - event.blind_since_ms) / 1000))
            for event in self.sink.events
            if event.blind_since_ms is not None
        ]

    @property
    def last(self) -> FeedEvent:
        return self.sink.events[-1]


async def test_a_sleep_that_the_sockets_survived_is_one_span_without_sight() -> None:
    night = Night()
    async with night.awake():
        slept_at_ms = night.exchange_ms()
        night.sleep(300)
        await night.clock.advance(5)
        assert len(night.sockets) == 1
        assert night.told() in ([("live", 301)], [("live", 302)])
        assert night.last.seen_until_ms == pytest.approx(slept_at_ms, abs=1_100)
        assert night.last.seen_again_ms == pytest.approx(slept_at_ms + 301_000, abs=1_100)


@pytest.mark.parametrize("is_asked", [True, False], ids=["the exchange tells the time", "nobody tells the time"])
async def test_a_sleep_that_killed_the_sockets_is_told_from_its_beginning(is_asked: bool) -> None:
    night = Night()
    async with night.awake():
        slept_at_ms = night.exchange_ms()
        night.go_away()
        night.sleep(300)
        await night.clock.advance(1)
        if is_asked:
            night.sync()
        await night.clock.advance(9)
        (kind, since_s), *more = night.told()
        assert (kind, more) == ("blind", [])
        assert since_s == pytest.approx(305, abs=6)
        (why,) = night.last.reasons
        assert why.code is CauseCode.NO_DATA
        assert why.values["seconds"] == pytest.approx(305, abs=6)
        assert night.feed.status().last_frame_age_s == pytest.approx(310, abs=2)
        night.is_away = False
        night.sockets[-1].is_dead = False
        await night.clock.advance(130)
        assert [kind for kind, _ in night.told()] == ["blind", "live"]
        assert night.last.seen_until_ms == pytest.approx(slept_at_ms, abs=1_100)


async def test_dead_sockets_are_replaced_as_soon_as_the_sleep_is_known() -> None:
    night = Night()
    async with night.awake():
        night.go_away()
        night.sleep(300)
        await night.clock.advance(1)
        night.is_away = False
        night.sync()
        await night.clock.advance(4)
        assert len(night.sockets) == 2
        assert not night.feed.status().is_blind


@pytest.mark.parametrize("hours", [1, -1])
@pytest.mark.parametrize("is_asked", [True, False])
async def test_a_clock_that_is_set_by_an_hour_hides_nothing(hours: int, is_asked: bool) -> None:
    night = Night()
    async with night.awake():
        night.clock.jump(hours * 3_600)
        if is_asked:
            night.sync()
        await night.clock.advance(120)
        assert night.sink.events == []
        assert not night.feed.status().is_blind
        assert night.feed.status().last_frame_age_s == pytest.approx(0.5, abs=0.6)
        assert len(night.sockets) == 1


async def test_an_outage_around_a_clock_that_was_set_is_as_long_as_it_was() -> None:
    night = Night()
    async with night.awake():
        night.go_away()
        await night.clock.advance(10)
        night.clock.jump(3_600)
        night.sync()
        await night.clock.advance(25)
        assert night.told() in ([("blind", 30)], [("blind", 31)])


async def test_a_snapshot_taken_up_again_has_a_gap_of_the_time_it_was_kept() -> None:
    night = Night()
    async with night.awake():
        night.be_a_snapshot(3_600)
        await night.clock.advance(5)
        assert night.told() in ([("live", 3_601)], [("live", 3_602)])


async def test_a_stopped_program_reads_what_is_waiting_before_it_judges() -> None:
    night = Night()
    async with night.awake():
        night.be_stopped(90)  # what the exchange sent meanwhile lies in the socket
        for second in range(90, 0, -1):
            night.sockets[0].push(round(night.exchange_ms()) - second * 1000)
        await night.clock.advance(10)
        assert night.sink.events == []


async def test_a_stop_in_which_the_exchange_hung_up_is_told_once_with_its_length() -> None:
    night = Night()
    async with night.awake():
        night.be_stopped(90)
        night.sockets[0].abort()
        await night.clock.advance(10)
        assert [kind for kind, _ in night.told()] in (["live"], ["blind", "live"])
        assert night.told()[-1][1] == pytest.approx(93, abs=4)


async def test_short_stops_are_not_worth_a_word() -> None:
    night = Night()
    async with night.awake():
        for stop in (night.sleep, night.be_stopped, night.be_a_snapshot):
            stop(8)
            await night.clock.advance(60)
        assert night.sink.events == []


async def test_frames_with_a_strange_time_are_no_gap() -> None:
    night = Night()
    async with night.awake():
        for strange_ms in (0, 99_999_999_999_999, round(night.exchange_ms()) + 3_600_000):
            night.sockets[0].push(strange_ms)
            await night.clock.advance(60)
        assert night.sink.events == []
        assert night.feed.last_event_ms == pytest.approx(night.exchange_ms(), abs=1_100)
