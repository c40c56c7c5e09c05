"""`RECORD=true`: the running monitor keeps its own candles and sweeps for the store.

Nothing is done per frame: closed minutes are read from the books once a minute, samples are appended to a list once
per sweep, and one small file for all symbols is written by a thread. Rewriting a month of every symbol each time would
keep a processor busy; whoever reads the store (`archive list`, `replay`) takes these files in first.

After a crash the minutes since the last file come back with the history that a start loads.
"""

from __future__ import annotations

import asyncio
import io
import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from altmonitor.core.alert import Kind
from altmonitor.core.clock import Clock
from altmonitor.core.files import write_atomically
from altmonitor.detectors.sampled import Sample
from altmonitor.market.candles import MINUTE_MS, Candle, ClosedCandle
from altmonitor.market.math import MinuteRanges
from altmonitor.replay.columns import Source, candle_columns, open_interest_columns
from altmonitor.replay.store import READING_PROBLEMS, HistoryStore, unreadable

log = logging.getLogger(__name__)

FOLDER: Final = ".recorded"
COLLECT_EVERY_S: Final = 60.0
"""A hole empties what a book keeps until history has refilled it, so it is read often."""
WRITE_EVERY_S: Final = 600.0
KEPT_MS: Final = 86_400_000
SYMBOLS_PER_TURN: Final = 50
MOST_SAMPLES: Final = 1_000_000
"""Where the disk refuses for hours, the oldest go."""


class _SymbolMinute(NamedTuple):
    symbol: str
    candle: ClosedCandle


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRecorderDeps:
    """closed: closed minutes of a symbol as they are known now."""

    store: HistoryStore
    clock: Clock
    listed: Callable[[], Sequence[str]]
    closed: Callable[[str], Sequence[ClosedCandle]]


class HistoryRecorder:
    def __init__(self, deps: HistoryRecorderDeps) -> None:
        self._at = deps
        self._collected = MinuteRanges()
        self._minutes: list[_SymbolMinute] = []
        self._samples: list[tuple[str, int, float]] = []
        self._refused = ""
        self._written = 0
        self._writing = threading.Lock()

    def on_samples(self, kind: Kind, samples: Sequence[Sample]) -> None:
        """A sweep was judged."""
        if kind == "oi":
            self._samples += [(one.symbol, one.at_ms, one.contracts) for one in samples if one.contracts is not None]

    async def run(self) -> None:
        """Until cancelled; then what is known is written once more."""
        try:
            while True:
                for _ in range(round(WRITE_EVERY_S / COLLECT_EVERY_S)):
                    await self._at.clock.sleep(COLLECT_EVERY_S)
                    await self.collect()
                await asyncio.to_thread(self.write)
                self._collected.forget_before(self._at.clock.now_ms() - KEPT_MS)
        finally:
            for symbol in self._at.listed():
                self._collect_one(symbol)
            self.write()

    async def collect(self) -> None:
        """What was closed since the last time, from the books."""
        for number, symbol in enumerate(self._at.listed()):
            self._collect_one(symbol)
            if number % SYMBOLS_PER_TURN == SYMBOLS_PER_TURN - 1:
                await asyncio.sleep(0)  # frames go first

    def _collect_one(self, symbol: str) -> None:
        """Minutes that were not there before, also those that history has put under newer ones."""
        closed = self._at.closed(symbol)
        if not closed:
            return
        begin_ms, end_ms = closed[0].open_ms, closed[-1].open_ms + MINUTE_MS
        for first_ms, after_ms in self._collected.missing(symbol, begin_ms, end_ms):
            part = closed[(first_ms - begin_ms) // MINUTE_MS : (after_ms - begin_ms) // MINUTE_MS]
            self._minutes += [_SymbolMinute(symbol, candle) for candle in part]
        self._collected.add(symbol, begin_ms, end_ms)

    def write(self) -> None:
        """What was collected, into one file. Blocking; meant for a thread."""
        with self._writing:  # the end may come while a thread is at it
            self._write_file()

    def _write_file(self) -> None:
        minutes, self._minutes = self._minutes, []
        samples, self._samples = self._samples, []
        if not minutes and not samples:
            return
        folder = self._at.store.root / FOLDER
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._written += 1  # a clock may be set back: names are used once
            name = f"{self._at.clock.now_ms()}-{os.getpid()}-{self._written}.npz"
            write_atomically(folder / name, _packed(minutes, samples))
            self._refused = ""
        except OSError as problem:
            self._minutes, self._samples = minutes + self._minutes, (samples + self._samples)[-MOST_SAMPLES:]
            if str(problem) != self._refused:
                self._refused = str(problem)
                log.warning("what is recorded cannot be written (%s): it is kept until it can", problem)


def _packed(minutes: Sequence[_SymbolMinute], samples: Sequence[tuple[str, int, float]]) -> bytes:
    columns = [list(column) for column in zip(*(one.candle for one in minutes), strict=True)] or [[] for _ in range(6)]
    content = io.BytesIO()
    np.savez_compressed(
        content,
        allow_pickle=False,
        symbols=np.array([one.symbol for one in minutes], dtype=np.str_),
        open_ms=np.array(columns[0], dtype=np.int64),
        prices=np.array(columns[1:], dtype=np.float64),
        sample_symbols=np.array([one[0] for one in samples], dtype=np.str_),
        sample_ms=np.array([one[1] for one in samples], dtype=np.int64),
        contracts=np.array([one[2] for one in samples], dtype=np.float64),
    )
    return content.getvalue()


# ---
# Into the store.


def take_in_recorded(store: HistoryStore) -> list[str]:
    """What the monitor has recorded since the last time becomes part of the store. Returns a line per file that cannot
    be read; such a file is kept aside. Raises: OSError."""
    problems: list[str] = []
    paths = sorted((store.root / FOLDER).glob("*.npz"))
    minutes: dict[str, list[Candle]] = {}
    samples: dict[str, list[tuple[int, float]]] = {}
    taken: list[Path] = []
    for path in paths:
        try:
            with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
                found = list(_minutes_of(file)), list(_samples_of(file))
        except READING_PROBLEMS as problem:
            problems.append(f"{unreadable(path, problem)}; it is set aside")
            path.rename(path.with_name(path.name + ".damaged"))
            continue
        for symbol, candle in found[0]:
            minutes.setdefault(symbol, []).append(candle)
        for symbol, time_ms, contracts in found[1]:
            samples.setdefault(symbol, []).append((time_ms, contracts))
        taken.append(path)
    for symbol, candles in minutes.items():
        store.add(symbol, "klines", candle_columns(candles, Source.RECORDED))
    for symbol, rows in samples.items():
        stamps = np.array([row[0] for row in rows], dtype=np.int64)
        store.add(symbol, "oi", open_interest_columns(stamps, np.array([row[1] for row in rows]), Source.RECORDED))
    for path in taken:  # last: what is read twice is the same
        path.unlink(missing_ok=True)
    return problems


def _minutes_of(file: Any) -> Iterator[tuple[str, Candle]]:
    prices: NDArray[np.float64] = file["prices"]
    for symbol, open_ms, row in zip(file["symbols"].tolist(), file["open_ms"].tolist(), prices.T.tolist(), strict=True):
        opened, high, low, close, quote_usdt = row
        yield (
            str(symbol),
            Candle(open_ms=open_ms, open=opened, high=high, low=low, close=close, quote_usdt=quote_usdt),
        )


def _samples_of(file: Any) -> Iterator[tuple[str, int, float]]:
    columns = (file[name].tolist() for name in ("sample_symbols", "sample_ms", "contracts"))
    for symbol, time_ms, contracts in zip(*columns, strict=True):
        yield str(symbol), time_ms, contracts
