"""Tapes of stored days, made month by month and kept beside the store.

A file's name holds what it was made of: the digest of the stored rows (and that of the month before, which the first
minutes are compared with), the look-back, the smallest sizes that are kept, and the source of everything that measures.
Whatever of it changes, it is made anew.
"""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from altmonitor import detectors
from altmonitor.core.files import write_atomically
from altmonitor.detectors.verdict import Rule
from altmonitor.market import math as market_math
from altmonitor.market.candles import MINUTE_MS
from altmonitor.replay import measures, selection, tape, tape_rows
from altmonitor.replay.columns import (
    CandleColumns,
    Floats,
    Ints,
    between,
    merged,
    month_after,
    month_begin_ms,
)
from altmonitor.replay.store import EVERY_SERIES, READING_PROBLEMS, HistoryStore
from altmonitor.replay.tape import HOUR_MS, SMALLEST, Tape, TapeRows, joined, no_rows
from altmonitor.replay.tape_rows import MonthTape, Smallest, measured

FOLDER: Final = ".tape"
ROW_COLUMNS: Final = tuple(one.name for one in fields(TapeRows) if one.name != "symbol")
COLUMNS: Final = ("sample_ms", "loud_ms", "loud_size", "settled_ms", "settled_minutes")
DAY_MS: Final = 86_400_000
SAMPLE_MINUTES: Final = 5
"""A sample of open interest speaks for the time since the one before it, at most for so long."""
OI_MEMORY_MS: Final = selection.OI_MEMORY_MS


SYMBOLS_AT_ONCE: Final = 12
"""A year of one is about 60,000 rows of 56 bytes, and three times that while they are sorted."""


class TapeGroups:
    """A tape in parts of a few symbols, each a tape of its own: no more than one of them is in memory, however many
    contracts and days there are. Nothing that is told of a symbol depends on another one, so counts add up.

    Iterated again it is read again. Iterating raises StoreDamaged.
    """

    def __init__(
        self,
        store: HistoryStore,
        symbols: Sequence[str],
        *,
        from_ms: int,
        to_ms: int,
        lookback: int,
        smallest: Smallest = SMALLEST,
        at_once: int = SYMBOLS_AT_ONCE,
    ) -> None:
        self._store = store
        self._symbols = symbols
        self._from_ms, self._to_ms = from_ms, to_ms
        self._lookback = lookback
        self._smallest = smallest
        self._at_once = at_once

    def __iter__(self) -> Iterator[Tape]:
        for first in range(0, len(self._symbols), self._at_once):
            yield build_tape(
                self._store,
                self._symbols[first : first + self._at_once],
                from_ms=self._from_ms,
                to_ms=self._to_ms,
                lookback=self._lookback,
                smallest=self._smallest,
            )


def build_tape(
    store: HistoryStore,
    symbols: Sequence[str],
    *,
    from_ms: int,
    to_ms: int,
    lookback: int,
    smallest: Smallest = SMALLEST,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Tape:
    """Month by month, symbol by symbol; what was made before is read. Raises: StoreDamaged."""
    parts: dict[Rule, list[TapeRows]] = {rule: [no_rows()] for rule in smallest}
    seen = {kind: Counter[int]() for kind in ("price", "oi", "funding")}
    read = _Months(store)
    day_usdt = np.full(len(symbols), np.nan)
    for number, symbol in enumerate(symbols):
        total_usdt, minutes = 0.0, 0
        for month in months_between(store, symbol, from_ms, to_ms):
            made = month_tape(store, symbol, month, lookback=lookback, smallest=smallest, months=read)
            every_minute = np.ones(len(made.open_ms))
            between_samples = np.clip(np.diff(made.sample_ms, prepend=0) / MINUTE_MS, 1, SAMPLE_MINUTES)
            for kind, stamps, minutes_of_each in (
                ("price", made.open_ms, every_minute),
                ("oi", made.sample_ms, between_samples),
                ("funding", made.settled_ms, made.settled_minutes),
            ):
                is_within = (stamps >= from_ms) & (stamps < to_ms)
                seen[kind].update(by_hour(stamps[is_within], minutes_of_each[is_within]))
            for rule, rows in made.rows.items():
                own = rows.taken((rows.at_ms >= from_ms) & (rows.at_ms < to_ms))
                parts[rule].append(_of_symbol(own, number))
            total_usdt, minutes = total_usdt + made.total_usdt, minutes + len(made.open_ms)
        if minutes:
            day_usdt[number] = total_usdt / minutes * 1_440
        on_progress(number + 1, len(symbols))
    seen["vol"] = seen["price"]
    return Tape(
        symbols=tuple(symbols),
        from_ms=from_ms,
        to_ms=to_ms,
        seen={rule: seen.get(rule.kind, {}) for rule in smallest},
        rows={rule: joined(of_rule) for rule, of_rule in parts.items()},
        day_usdt=day_usdt,
    )


def by_hour(stamps: Ints, minutes: Floats) -> dict[int, int]:
    """Number of an hour since 1970 → minutes; those of an hour that has none are left out. stamps: unix ms, rising."""
    if not len(stamps):
        return {}
    hours = stamps // HOUR_MS
    sums = np.bincount(hours - hours[0], minutes)
    return {int(hours[0]) + at: round(sums[at]) for at in np.flatnonzero(sums).tolist()}


def _of_symbol(rows: TapeRows, number: int) -> TapeRows:
    columns = {one.name: getattr(rows, one.name) for one in fields(rows)}
    return TapeRows(**{**columns, "symbol": np.full(len(rows), number, np.int64)})


class _Months:
    """Candles of a month with the day before it; the last month that was read is kept, for the next one begins at its
    end."""

    def __init__(self, store: HistoryStore) -> None:
        self._store = store
        self._kept: tuple[str, int, CandleColumns] | None = None

    def candles(self, symbol: str, begin_ms: int, end_ms: int) -> CandleColumns:
        first_ms = begin_ms - DAY_MS - MINUTE_MS
        if self._kept is None or self._kept[:2] != (symbol, begin_ms):
            found = self._store.candles(symbol, first_ms, end_ms, is_whole=False)
        else:
            own = self._store.candles(symbol, begin_ms, end_ms, is_whole=False)
            found = merged([between(self._kept[2], first_ms, begin_ms), own])
        self._kept = symbol, end_ms, found
        return found


def months_between(store: HistoryStore, symbol: str, from_ms: int, to_ms: int) -> list[str]:
    return [
        month
        for month in store.months(symbol)
        if month_begin_ms(month) < to_ms and month_begin_ms(month_after(month)) > from_ms
    ]


def month_tape(
    store: HistoryStore,
    symbol: str,
    month: str,
    *,
    lookback: int,
    smallest: Smallest = SMALLEST,
    months: _Months | None = None,
) -> MonthTape:
    """Of stored rows, or read if it was made before. months: what was read before it. Raises: StoreDamaged."""
    before = str(np.datetime64(month, "M") - 1)
    compared = [(series, one) for series in EVERY_SERIES for one in (before, month)]
    digests = [
        f"{series} {one} {stored.digest}"  # a digest knows no month, and a rate may be the same all the time
        for series, one in (*compared, ("funding", month_after(month)))
        if (stored := store.month(symbol, one, series)) is not None
    ]
    sizes = [f"{rule}={size!r}" for rule, size in smallest.items()]
    words = [*digests, str(lookback), *sizes, detector_version(), symbol, month]
    path = store.root / FOLDER / f"{hashlib.sha256(' '.join(words).encode()).hexdigest()[:32]}.npz"
    try:
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
            return _unpacked(file, smallest)
    except FileNotFoundError:
        pass
    except READING_PROBLEMS:
        with suppress(OSError):
            path.unlink(missing_ok=True)
    begin_ms, end_ms = month_begin_ms(month), month_begin_ms(month_after(month))
    made = measured(
        (months or _Months(store)).candles(symbol, begin_ms, end_ms),
        store.open_interest(symbol, begin_ms - 2 * OI_MEMORY_MS, end_ms),
        store.funding(symbol, begin_ms - DAY_MS, end_ms + DAY_MS),
        begin_ms=begin_ms,
        end_ms=end_ms,
        lookback=lookback,
        smallest=smallest,
    )
    content = io.BytesIO()
    columns = _packed(made, smallest)
    np.savez(content, allow_pickle=False, **columns)  # packing would take three times as long as measuring
    with suppress(OSError):  # a full disk, or a store that may only be read: then it is made again the next time
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content.getvalue())
    return made


def _packed(made: MonthTape, smallest: Smallest) -> dict[str, NDArray[Any]]:
    columns = {name: getattr(made, name) for name in COLUMNS}
    columns["total_usdt"] = np.array(made.total_usdt)
    begins = np.flatnonzero(np.diff(made.open_ms, prepend=-MINUTE_MS - 1) != MINUTE_MS)  # of minutes without a hole
    columns["runs"] = np.stack([made.open_ms[begins], np.diff(np.append(begins, len(made.open_ms)))])
    every = [made.rows[rule] for rule in smallest]
    columns["counts"] = np.array([len(rows) for rows in every], np.int64)
    columns["rows"] = np.array([_joined_column(every, name) for name in ROW_COLUMNS])
    return columns


def _joined_column(every: Sequence[TapeRows], name: str) -> NDArray[np.float64]:
    """Of all rules in one: sixty small arrays in a file cost more than all that is measured. Moments fit into a float:
    they are below 2 ** 53."""
    return np.concatenate([getattr(rows, name).astype(np.float64) for rows in every])


def _unpacked(file: Mapping[str, NDArray[Any]], smallest: Smallest) -> MonthTape:
    rows, table, ends = {}, file["rows"], np.cumsum(file["counts"]).tolist()
    for rule, first, after in zip(smallest, [0, *ends[:-1]], ends, strict=True):
        columns = {name: table[at, first:after] for at, name in enumerate(ROW_COLUMNS)}
        columns |= {name: columns[name].astype(np.int64) for name in ("at_ms", "side")}
        rows[rule] = TapeRows(symbol=np.zeros(after - first, np.int64), **columns)
    opens = [begin_ms + np.arange(minutes) * MINUTE_MS for begin_ms, minutes in file["runs"].T.tolist()]
    open_ms = np.concatenate([np.zeros(0, np.int64), *opens])
    return MonthTape(
        rows=rows, open_ms=open_ms, total_usdt=float(file["total_usdt"]), **{name: file[name] for name in COLUMNS}
    )


@lru_cache(maxsize=1)
def detector_version() -> str:
    """Of the source of everything that measures: a changed detector makes its own tape."""
    digest = hashlib.sha256()
    files = sorted(Path(detectors.__file__).parent.glob("*.py"))
    modules = (market_math, measures, selection, tape, tape_rows)
    for path in (*files, *(Path(str(one.__file__)) for one in modules), Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
