"""What the running monitor keeps of its own market, and how it comes into the store."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from altmonitor.detectors.sampled import Sample
from altmonitor.market.candles import ClosedCandle
from altmonitor.replay.columns import Source, candle_columns, taken
from altmonitor.replay.history_recorder import (
    COLLECT_EVERY_S,
    WRITE_EVERY_S,
    HistoryRecorder,
    HistoryRecorderDeps,
    take_in_recorded,
)
from altmonitor.replay.store import HistoryStore
from tests.movable_clock import MovableClock
from tests.replay.history import wild_candles

SYMBOLS = ("ONEUSDT", "币安人生USDT")


class Stage:
    def __init__(self, folder: Path) -> None:
        self.store = HistoryStore(folder)
        self.clock = MovableClock()
        self.candles = [ClosedCandle.of(candle) for candle in wild_candles(60)]
        self.known = 20
        self.recorder = HistoryRecorder(
            HistoryRecorderDeps(
                store=self.store,
                clock=self.clock,
                listed=lambda: SYMBOLS,
                closed=lambda symbol: self.candles[max(0, self.known - 30) : self.known],
            )
        )

    def sample(self, at_ms: int, contracts: float) -> None:
        rows = [Sample(symbol=one, values={}, at_ms=at_ms, now_ms=at_ms, contracts=contracts) for one in SYMBOLS]
        self.recorder.on_samples("oi", rows)
        self.recorder.on_samples("funding", rows)

    async def pass_by(self) -> None:
        for _ in range(round(WRITE_EVERY_S / COLLECT_EVERY_S)):
            await self.clock.advance(COLLECT_EVERY_S)

    def files(self) -> list[Path]:
        return sorted((self.store.root / ".recorded").glob("*.npz"))


async def test_minutes_and_sweeps_are_written_now_and_then_and_at_the_end_each_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    running = asyncio.create_task(stage.recorder.run())
    stage.sample(1_738_368_007_000, 10.5)
    await stage.pass_by()
    async with asyncio.timeout(20):
        while not stage.files():  # noqa: ASYNC110 — a thread writes it
            await asyncio.sleep(0.01)
    stage.known = 45
    stage.sample(1_738_368_067_000, 11.0)
    running.cancel()
    await asyncio.wait({running})
    assert len(stage.files()) == 2
    assert stage.store.symbols() == []
    assert take_in_recorded(stage.store) == []
    assert stage.files() == []
    expected = taken(candle_columns(wild_candles(60), Source.RECORDED), slice(0, 45))
    for symbol in SYMBOLS:
        found = stage.store.candles(symbol, 0, 1 << 50)
        for name in ("open_ms", "open", "high", "low", "close", "quote_usdt", "source"):
            assert getattr(found, name).tolist() == getattr(expected, name).tolist(), name
        held = stage.store.open_interest(symbol, 0, 1 << 50)
        assert held.time_ms.tolist() == [1_738_368_007_000, 1_738_368_067_000]
        assert held.contracts.tolist() == [10.5, 11.0]
    assert take_in_recorded(stage.store) == []


async def test_minutes_that_history_puts_under_newer_ones_are_kept_too(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    whole, hole = stage.candles, stage.candles[12:20]
    stage.candles = hole
    running = asyncio.create_task(stage.recorder.run())
    await stage.pass_by()
    stage.candles = whole
    running.cancel()
    await asyncio.wait({running})
    take_in_recorded(stage.store)
    assert len(stage.store.candles("ONEUSDT", 0, 1 << 50)) == 20


async def test_a_disk_that_refuses_loses_nothing_and_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stage = Stage(tmp_path / "no folder")
    (tmp_path / "no folder").write_text("in the way")
    running = asyncio.create_task(stage.recorder.run())
    stage.sample(1_738_368_007_000, 10.5)
    for _ in range(3):
        await stage.pass_by()
        await asyncio.sleep(0.2)
    (tmp_path / "no folder").unlink()
    running.cancel()
    await asyncio.wait({running})
    take_in_recorded(stage.store)
    assert len(stage.store.candles("ONEUSDT", 0, 1 << 50)) == 20
    assert [record.message.partition(" (")[0] for record in caplog.records] == ["what is recorded cannot be written"]


def test_a_damaged_recording_is_named_and_the_others_are_taken(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    (tmp_path / ".recorded").mkdir()
    (tmp_path / ".recorded" / "1.npz").write_bytes(b"half of")
    problems = take_in_recorded(stage.store)
    assert len(problems) == 1
    assert "1.npz cannot be read" in problems[0]
    assert [path.name for path in (tmp_path / ".recorded").iterdir()] == ["1.npz.damaged"]
    assert take_in_recorded(stage.store) == []
