"""(k) What RECORD=true costs: the recorder by itself over ten minutes of the whole market, CPU time of its thread."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from altmonitor.core.clock import ScaledClock
from altmonitor.detectors.sampled import Sample
from altmonitor.market.candles import KEPT_MINUTES, MINUTE_MS, Candle, ClosedRun
from altmonitor.replay.history_recorder import HistoryRecorder, HistoryRecorderDeps
from altmonitor.replay.store import HistoryStore

SYMBOLS = 560
MINUTES = 10
TURNS = 3
BEGIN_MS = 1_790_000_040_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFigures:
    """Of ten minutes, ms of CPU. collected: in the loop that judges frames; written: by a thread."""

    collected_ms: float
    written_ms: float

    @property
    def core_pct(self) -> float:
        return (self.collected_ms + self.written_ms) / (MINUTES * 60_000) * 100


def run() -> RecordingFigures:
    runs = {f"C{number}USDT": ClosedRun(KEPT_MINUTES) for number in range(SYMBOLS)}
    dice, now_ms = random.Random(1), BEGIN_MS
    with tempfile.TemporaryDirectory() as folder:
        recorder = HistoryRecorder(
            HistoryRecorderDeps(
                store=HistoryStore(Path(folder)),
                clock=ScaledClock(start_ms=BEGIN_MS, speed=1.0),
                listed=lambda: list(runs),
                closed=lambda symbol: runs[symbol],
            )
        )
        turns = []
        for _ in range(TURNS):
            collected = 0.0
            for _ in range(MINUTES):
                for one in runs.values():
                    one.append(_candle(now_ms, dice))
                now_ms += MINUTE_MS
                samples = [_sample(symbol, now_ms) for symbol in runs]
                collected += _cpu_ms(partial(recorder.on_samples, "oi", samples))
                collected += _cpu_ms(lambda: asyncio.run(recorder.collect()))
            turns.append((collected, _cpu_ms(recorder.write)))
    return RecordingFigures(
        collected_ms=median(one for one, _ in turns), written_ms=median(written for _, written in turns)
    )


def _candle(open_ms: int, dice: random.Random) -> Candle:
    price = 100 * (1 + dice.gauss(0, 0.01))
    return Candle(
        open_ms=open_ms,
        open=price,
        high=price * 1.001,
        low=price * 0.999,
        close=price * 1.0005,
        quote_usdt=dice.random() * 1e5,
    )


def _sample(symbol: str, at_ms: int) -> Sample:
    return Sample(symbol=symbol, at_ms=at_ms, now_ms=at_ms, contracts=1e6, values={})


def _cpu_ms(work: Callable[[], object]) -> float:
    before = time.thread_time()
    work()
    return (time.thread_time() - before) * 1000
