"""Candles, open interest and funding of one symbol as parallel numpy columns: kept by the store, read by a replay."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from enum import IntEnum
from functools import cache
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from altmonitor.market.candles import MINUTE_MS, Candle

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Columns = TypeVar("Columns", "CandleColumns", "OpenInterestColumns", "FundingColumns")

ANOTHER_COIN_MINUTES = 1_440
ANOTHER_COIN_FACTOR = 3.0
"""After a hole of a day or more, a price three times as high or low as before it is another coin under the old name."""


class Source(IntEnum):
    """Where a row came from. Of two rows of one moment that of the larger value stays; of two alike the later one."""

    RECORDED = 1  # by this program while it watched
    REST = 2
    IMPORTED = 3  # from a file somebody had
    ARCHIVE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleColumns:
    """Closed 1-minute candles, oldest → newest, each minute once, holes allowed.

    open_ms: unix ms, whole minutes. Prices in the quote currency; volume in base coins; 0 where a source has none.
    decimals: places of the prices of that month, -1 where they are no decimals; prices in between are rounded to them.
    """

    open_ms: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    quote_usdt: Floats
    taker_quote_usdt: Floats
    trades: Ints
    source: Ints
    decimals: Ints

    def __len__(self) -> int:
        return len(self.open_ms)

    @property
    def stamps(self) -> Ints:
        return self.open_ms

    def candle(self, at: int) -> Candle:
        return Candle(
            open_ms=int(self.open_ms[at]),
            open=float(self.open[at]),
            high=float(self.high[at]),
            low=float(self.low[at]),
            close=float(self.close[at]),
            quote_usdt=float(self.quote_usdt[at]),
            taker_quote_usdt=float(self.taker_quote_usdt[at]),
            trades=int(self.trades[at]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInterestColumns:
    """Samples of open interest, oldest → newest, each moment once. contracts: base coins. value_usdt and the ratios
    (longs per short: top traders' accounts, top traders' positions, all accounts; takers' buys per sell) are NaN where
    they are not known."""

    time_ms: Ints
    contracts: Floats
    value_usdt: Floats
    top_accounts: Floats
    top_positions: Floats
    accounts: Floats
    taker: Floats
    source: Ints

    def __len__(self) -> int:
        return len(self.time_ms)

    @property
    def stamps(self) -> Ints:
        return self.time_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingColumns:
    """Rates that were settled, oldest → newest, each settlement once. time_ms: whole minutes. rate: fraction paid at
    it; interval_h: hours since the one before, 8 where a source does not say."""

    time_ms: Ints
    rate: Floats
    interval_h: Floats
    source: Ints

    def __len__(self) -> int:
        return len(self.time_ms)

    @property
    def stamps(self) -> Ints:
        return self.time_ms


def candle_columns(candles: Sequence[Candle], source: Source) -> CandleColumns:
    """From values, in any order; of a repeated minute the last one counts."""
    table = np.array(
        [
            (one.open_ms, one.open, one.high, one.low, one.close, 0.0, one.quote_usdt, one.taker_quote_usdt, one.trades)
            for one in candles
        ],
        dtype=np.float64,
    ).reshape(-1, 9)
    stamps = np.array([one.open_ms for one in candles], dtype=np.int64)
    columns = CandleColumns(
        open_ms=stamps,
        open=table[:, 1],
        high=table[:, 2],
        low=table[:, 3],
        close=table[:, 4],
        volume=table[:, 5],
        quote_usdt=table[:, 6],
        taker_quote_usdt=table[:, 7],
        trades=table[:, 8].astype(np.int64),
        source=np.full(len(stamps), int(source), dtype=np.int64),
        decimals=np.full(len(stamps), places_of(table[:, 1:5].ravel()), dtype=np.int64),
    )
    return merged([columns])


MOST_PLACES = 12


def places_of(values: Floats) -> int:
    """Fewest decimal places that give back every value exactly; -1 when there are none."""
    if not np.isfinite(values).all():
        return -1
    for places in range(MOST_PLACES + 1):
        scaled = np.rint(values * 10.0**places)
        if len(scaled) and np.abs(scaled).max() >= 2.0**53:
            return -1
        if (scaled / 10.0**places == values).all():
            return places
    return -1


def no_candles() -> CandleColumns:
    return candle_columns([], Source.RECORDED)


def open_interest_columns(
    time_ms: Ints, contracts: Floats, source: Source, others: Sequence[Floats] = ()
) -> OpenInterestColumns:
    """In any order. others: value_usdt, then the ratios in the order of the fields; NaN where they are left out."""
    unknown = np.full(len(time_ms), np.nan)
    filled = [*others, *[unknown] * (5 - len(others))]
    names = ("value_usdt", "top_accounts", "top_positions", "accounts", "taker")
    columns = OpenInterestColumns(
        time_ms=time_ms,
        contracts=contracts,
        source=np.full(len(time_ms), int(source), dtype=np.int64),
        **dict(zip(names, filled, strict=True)),
    )
    return merged([columns])


@cache
def no_open_interest() -> OpenInterestColumns:
    return open_interest_columns(np.zeros(0, np.int64), np.zeros(0), Source.RECORDED)


def funding_columns(time_ms: Ints, rate: Floats, interval_h: Floats, source: Source) -> FundingColumns:
    """In any order; of a repeated settlement the last one counts."""
    whole = np.full(len(time_ms), int(source), dtype=np.int64)
    return merged([FundingColumns(time_ms=time_ms, rate=rate, interval_h=interval_h, source=whole)])


@cache
def no_funding() -> FundingColumns:
    return funding_columns(np.zeros(0, np.int64), np.zeros(0), np.zeros(0), Source.RECORDED)


def taken(columns: Columns, chosen: Any) -> Columns:
    """The rows that a slice, a mask or indices choose."""
    return replace(columns, **{one.name: getattr(columns, one.name)[chosen] for one in fields(columns)})


def merged(parts: Sequence[Columns]) -> Columns:
    """All rows in the order of time, each moment once: of the better source, of two alike the later one."""
    whole = parts[0] if len(parts) == 1 else _joined(parts)
    stamps = whole.stamps
    if len(stamps) < 2 or (np.diff(stamps) > 0).all():
        return whole
    order = np.lexsort((np.arange(len(stamps)), whole.source, stamps))
    is_last = np.append(np.diff(stamps[order]) > 0, True)
    return taken(whole, order[is_last])


def _joined(parts: Sequence[Columns]) -> Columns:
    names = [one.name for one in fields(parts[0])]
    return replace(parts[0], **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def between(columns: Columns, from_ms: int, to_ms: int) -> Columns:
    """Rows with from_ms ≤ time < to_ms."""
    first, after = np.searchsorted(columns.stamps, [from_ms, to_ms])
    return taken(columns, slice(int(first), int(after)))


class Hole(NamedTuple):
    """Minutes [from_ms, to_ms) that are missing between two candles. is_another_coin: what follows bears the same name
    and is not the same thing."""

    from_ms: int
    to_ms: int
    is_another_coin: bool

    @property
    def minutes(self) -> int:
        return (self.to_ms - self.from_ms) // MINUTE_MS


def holes(candles: CandleColumns) -> list[Hole]:
    """Oldest → newest."""
    at = np.flatnonzero(np.diff(candles.open_ms) > MINUTE_MS)
    found = []
    for index in at.tolist():
        from_ms, to_ms = int(candles.open_ms[index]) + MINUTE_MS, int(candles.open_ms[index + 1])
        factor = float(candles.open[index + 1] / candles.close[index])
        is_far = not 1 / ANOTHER_COIN_FACTOR < factor < ANOTHER_COIN_FACTOR
        is_long = to_ms - from_ms >= ANOTHER_COIN_MINUTES * MINUTE_MS
        found.append(Hole(from_ms, to_ms, is_long and is_far))
    return found


def months_of(stamps: Ints) -> Iterable[tuple[str, slice]]:
    """("2025-02", rows) of each month that ascending unix ms lie in."""
    if not len(stamps):
        return
    months = stamps.astype("datetime64[ms]").astype("datetime64[M]")
    begins = np.append(0, np.flatnonzero(np.diff(months).astype(np.int64)) + 1)
    ends = np.append(begins[1:], len(months))
    for first, after in zip(begins.tolist(), ends.tolist(), strict=True):
        yield str(months[first]), slice(first, after)


def month_begin_ms(month: str) -> int:
    return int(np.datetime64(month, "M").astype("datetime64[ms]").astype(np.int64))


def month_after(month: str) -> str:
    return str(np.datetime64(month, "M") + 1)
