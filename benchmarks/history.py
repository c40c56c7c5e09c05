"""History: reading the store, measuring minutes, the live engine over a month, a question about thresholds."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from altmonitor.core.types import Destination
from altmonitor.engine.context import anybody
from altmonitor.replay.columns import CandleColumns, Source, no_funding, no_open_interest
from altmonitor.replay.exact import SymbolHistory, replay_symbol
from altmonitor.replay.replay_options import ReplayOptions
from altmonitor.replay.store import HistoryStore
from altmonitor.replay.tape import PRICE, Tape, TapeRows, joined
from altmonitor.replay.tape_files import FOLDER, build_tape
from altmonitor.replay.tape_rows import measured
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import Settings
from altmonitor.sim.archive import month_of_minutes
from altmonitor.sim.market import SeededMarket

MONTH = "2026-09"
SYMBOLS = 6
TURNS = 3
ROWS = 1_000_000
"""About a month of 560 symbols above the lowest thresholds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFigures:
    """Candles per second of CPU time, of one core. question_ms: over `ROWS` rows, CPU."""

    read: float
    built: float
    measured: float
    exact: float
    plain: float
    alerts: int
    question_ms: float


def run() -> HistoryFigures:
    months = _months()
    count = sum(len(one) for one in months)
    options = ReplayOptions(audiences=(Audience(destination=Destination(chat_id=1), settings=Settings()),))
    with tempfile.TemporaryDirectory() as folder:
        store = HistoryStore(Path(folder))
        for number, candles in enumerate(months):
            store.add(f"C{number}", "klines", candles)
        read = _cpu_s(lambda: [store.candles(name, 0, 1 << 60, is_whole=False) for name in store.symbols()])

        built = _cpu_s(
            lambda: build_tape(store, store.symbols(), from_ms=0, to_ms=1 << 50, lookback=20),
            before=lambda: shutil.rmtree(Path(folder) / FOLDER, ignore_errors=True),
        )
    alerts = 0

    def exact() -> None:
        nonlocal alerts
        alerts = 0
        for candles in months:
            history = SymbolHistory(symbol="C", candles=candles, open_interest=no_open_interest())
            alerts += len(replay_symbol(history, options, from_ms=0, to_ms=1 << 60).alerts)

    return HistoryFigures(
        read=count / read,
        built=count / built,
        measured=count / _cpu_s(lambda: [_measure(one) for one in months]),
        exact=count / _cpu_s(exact),
        plain=len(months[0]) / _cpu_s(lambda: _plain(months[0])),
        alerts=alerts,
        question_ms=_cpu_s(_question()) * 1000,
    )


def _months() -> list[CandleColumns]:
    market = SeededMarket(seed=1, start_ms=1_790_000_000_000, symbols=20)
    return [_columns(contract) for contract in market.contracts()[:SYMBOLS]]


def _columns(contract: object) -> CandleColumns:
    made = month_of_minutes(contract, MONTH, seed=1)  # type: ignore[arg-type]
    blank = np.zeros(len(made.open_ms))
    whole = np.full(len(made.open_ms), int(Source.ARCHIVE))
    return CandleColumns(
        open_ms=made.open_ms,
        open=made.open,
        high=np.maximum(made.high, np.maximum(made.open, made.close)),
        low=np.minimum(made.low, np.minimum(made.open, made.close)),
        close=made.close,
        volume=blank,
        quote_usdt=np.round(made.quote, 4),
        taker_quote_usdt=blank,
        trades=whole,
        source=whole,
        decimals=np.full(len(made.open_ms), 6),
    )


def _measure(candles: CandleColumns) -> int:
    """What the tape is made of."""
    made = measured(candles, no_open_interest(), no_funding(), begin_ms=0, lookback=20)
    return sum(len(rows) for rows in made.rows.values())


def _plain(candles: CandleColumns) -> int:
    """The same questions in plain Python, candle by candle."""
    columns = (candles.open, candles.high, candles.low, candles.quote_usdt)
    found, before = 0, list[float]()
    for opened, high, low, quote in zip(*(column.tolist() for column in columns), strict=True):
        found += (high / opened - 1) * 100 >= 0.8 or (low / opened - 1) * 100 <= -0.8
        if len(before) >= 5 and quote >= 3 * median(before):
            found += 1
        before.append(quote)
        del before[:-20]
    return found


def _question() -> Callable[[], int]:
    draw = np.random.default_rng(1)
    rows = TapeRows(
        at_ms=np.sort(draw.integers(0, 30 * 1_440, ROWS)) * 60_000,
        symbol=draw.integers(0, 560, ROWS),
        size=0.8 / draw.random(ROWS) ** 0.4 * draw.choice([-1.0, 1.0], ROWS),
        usd=np.full(ROWS, np.inf),
        side=draw.integers(0, 2, ROWS),
        day_usdt=np.full(ROWS, np.inf),
        own_size=np.full(ROWS, np.nan),
    )
    symbols = tuple(f"C{number}USDT" for number in range(560))
    tape = Tape(
        symbols=symbols,
        from_ms=0,
        to_ms=30 * 86_400_000,
        seen={PRICE: dict.fromkeys(range(30 * 24), 60 * 560)},
        rows={PRICE: joined([rows])},
        day_usdt=np.full(560, np.nan),
    )
    (audience,) = anybody(Settings())
    return lambda: len(tape.told(audience, kinds=["price"]))


def _cpu_s(work: Callable[[], object], *, before: Callable[[], object] = lambda: None) -> float:
    """The quickest of a few turns: the machine is shared. before: what each begins with, not counted."""
    best = float("inf")
    for _ in range(TURNS):
        before()
        begun = time.process_time()
        work()
        best = min(best, time.process_time() - begun)
    return best
