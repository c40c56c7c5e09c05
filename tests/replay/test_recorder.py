"""The recorder: live minutes, a day of history without disturbing anybody, and the file between two runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from altmonitor.core.errors import ExchangeUnreachable, UnknownSymbol
from altmonitor.detectors.open_interest import OPEN_INTEREST
from altmonitor.detectors.sampled import Readings
from altmonitor.engine.context import anybody
from altmonitor.interfaces.exchange import Priority
from altmonitor.market.candles import ClosedCandle
from altmonitor.market.open_interest import OpenInterestRing
from altmonitor.replay.live_tape import LiveTape
from altmonitor.replay.recorder import Recorder, RecorderDeps
from altmonitor.settings.settings import Settings
from tests.collect.fake_rest import FakeRest
from tests.fakes import KnownContext
from tests.movable_clock import MovableClock

MINUTE = 60_000
SYMBOLS = ["ONEUSDT", "TWOUSDT"]


class Stage:
    def __init__(self, folder: Path) -> None:
        self.clock = MovableClock()
        self.rest = FakeRest(self.clock)
        self.live_tape = LiveTape()
        self.closed: dict[str, list[ClosedCandle]] = {}
        self.recorder = Recorder(
            self.live_tape,
            RecorderDeps(
                clock=self.clock,
                rest=self.rest,
                listed=lambda: SYMBOLS,
                closed=lambda symbol: self.closed.get(symbol, []),
                price=lambda symbol: 2.0,
                lookback=lambda: 20,
                settled=self.settled,
                file=folder / "tally.npz",
            ),
        )

    async def settled(self) -> None:
        return

    def close_minutes(self, symbol: str, count: int, *, high: float = 1.0) -> None:
        first_ms = self.clock.now_ms() // MINUTE * MINUTE - count * MINUTE
        self.closed[symbol] = [
            ClosedCandle(first_ms + at * MINUTE, 1.0, high, 1.0, 1.0, 100_000.0) for at in range(count)
        ]

    @asynccontextmanager
    async def running(self, *, is_day_wanted: bool = True) -> AsyncIterator[None]:
        if is_day_wanted:
            self.recorder.want_day()
        task = asyncio.create_task(self.recorder.run())
        try:
            async with asyncio.timeout(20):
                await self.recorder.loaded()  # the file is looked for in a thread
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])


async def test_a_day_of_every_symbol_is_read_slowly_and_last_of_all(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    async with stage.running():
        await stage.clock.advance(30)
    asked = stage.rest.of("klines")
    assert len(asked) == 4
    assert {each.priority for each in asked} == {Priority.TRACKING}
    assert stage.live_tape.covered_days(2) > 0.99


async def test_without_anybody_who_wants_thresholds_by_budget_no_day_is_read(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.close_minutes("ONEUSDT", 40)
    async with stage.running(is_day_wanted=False):
        await stage.clock.advance(3_600)
        assert stage.rest.of("klines") == []
        assert stage.live_tape.symbol_minutes("price") == 40, "what is lived through is counted all the same"
        assert not stage.recorder.is_day_coming
        stage.recorder.want_day()
        assert stage.recorder.is_day_coming
        await stage.clock.advance(30)
        assert not stage.recorder.is_day_coming
    assert len(stage.rest.of("klines")) == 4


async def test_with_a_day_in_the_file_nothing_is_asked(tmp_path: Path) -> None:
    first = Stage(tmp_path)
    async with first.running():
        await first.clock.advance(30)
        async with asyncio.timeout(20):
            while not (tmp_path / "tally.npz").exists():  # noqa: ASYNC110 — it is written in a thread
                await asyncio.sleep(0.01)
    second = Stage(tmp_path)
    async with second.running():
        assert not second.recorder.is_day_coming, "it is there already"
        await second.clock.advance(30)
    assert second.rest.of("klines") == []
    assert second.live_tape.covered_days(2) > 0.99


async def test_live_minutes_are_counted_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.rest.failing = lambda what, symbol: UnknownSymbol(symbol)
    stage.close_minutes("ONEUSDT", 40, high=1.05)
    async with stage.running():
        await stage.clock.advance(200)
    assert stage.live_tape.symbol_minutes("price") == 40


async def test_what_was_restored_after_the_first_look_is_counted_for_who_asks_then(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    async with stage.running(is_day_wanted=False):
        await stage.clock.advance(1)
        stage.close_minutes("ONEUSDT", 40)
        assert stage.live_tape.symbol_minutes("price") == 0
        await stage.recorder.catch_up()
        assert stage.live_tape.symbol_minutes("price") == 40
        await stage.recorder.catch_up()
        assert stage.live_tape.symbol_minutes("price") == 40, "once"


async def test_a_symbol_that_fails_is_asked_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    failures = [ExchangeUnreachable("no answer")]
    stage.rest.failing = lambda what, symbol: failures.pop() if failures else None
    async with stage.running():
        await stage.clock.advance(200)
    assert stage.live_tape.covered_days(2) > 0.99


async def test_a_damaged_file_costs_only_itself(tmp_path: Path) -> None:
    (tmp_path / "tally.npz").write_bytes(b"not what was written")
    stage = Stage(tmp_path)
    async with stage.running():
        await stage.clock.advance(30)
    assert stage.live_tape.covered_days(2) > 0.99


async def test_sweeps_are_counted_with_their_worth(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    ring = OpenInterestRing(period_s=60)
    for minute, contracts in enumerate([1e6, 1e6, 1e6, 1e6, 1e6, 1.1e6]):
        ring.record("ONEUSDT", time_ms=stage.clock.now_ms() + minute * MINUTE, contracts=contracts)
        readings = Readings(oi_ring=ring, context=KnownContext(), now_ms=stage.clock.now_ms() + minute * MINUTE)
        stage.recorder.on_samples("oi", list(OPEN_INTEREST.measure(readings, SYMBOLS)))
    told = stage.live_tape.tape().told(anybody(Settings(oi_surge_5m=9.9, oi_min_usd=2e6))[0], kinds=["oi"])
    assert len(told) == 1
