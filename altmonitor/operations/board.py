"""Every contract in one table: price, changes, volume, open interest, funding, each with its age.

Computed when somebody looks, and at most once a second however many look."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from altmonitor.core.clock import Clock, speed_of
from altmonitor.core.types import VENUE_TITLES, Venue
from altmonitor.detectors.volume import FEWEST_CANDLES
from altmonitor.market.book import SymbolBook
from altmonitor.market.open_interest import NEVER, OpenInterestRing
from altmonitor.market.quotes import DayTicker, Funding

FRESH_S = 1.0
"""Of real time: in the demo the clock runs fast."""
STALE_SWEEPS = 1.5
PIECE_ROWS = 100
WINDOWS_MIN = (1, 5, 15, 60)
OI_WINDOWS_MS = (60_000, 300_000)
SOURCE = "{venue} USDT perpetuals: 1-minute candles, open-interest sweep, 24 h figures, funding"

_Column = Sequence[float | None]


class MarketRow(msgspec.Struct, frozen=True, gc=False):
    """One contract. Made in the order of its fields: by name it would cost ten times as much, hundreds of times a look.

    null: no honest value is known. Ages are seconds at `as_of_ms`.

    change_*_pct: against the open of the candle that began so many minutes before the running one ends; 24 h as the
    exchange counts them. volume_1m_usdt: of the running candle so far; volume_multiple: the same against the median of
    the closed candles before it. oi_*: open interest. funding_pct: per interval, for the next settlement.
    long_short_ratio: accounts long / short; asked of one contract in three seconds,
    and at once for an alert; None before that, and where the exchange tells none.
    """

    symbol: str
    price: float | None = None
    price_age_s: float | None = None
    change_1m_pct: float | None = None
    change_5m_pct: float | None = None
    change_15m_pct: float | None = None
    change_1h_pct: float | None = None
    change_24h_pct: float | None = None
    volume_1m_usdt: float | None = None
    volume_multiple: float | None = None
    volume_24h_usdt: float | None = None
    oi_contracts: float | None = None
    oi_usd: float | None = None
    oi_change_1m_pct: float | None = None
    oi_change_5m_pct: float | None = None
    oi_age_s: float | None = None
    funding_pct: float | None = None
    funding_interval_h: float | None = None
    funding_age_s: float | None = None
    long_short_ratio: float | None = None
    long_short_ratio_age_s: float | None = None


class MarketTable(msgspec.Struct, frozen=True, kw_only=True):
    """as_of_ms: unix ms. sweep: number of the open-interest sweep that ended last. listed: contracts watched; covered:
    those with a price. coverage: covered / listed, 0…1. rows: in the order asked for, usually by symbol."""

    as_of_ms: int
    sweep: int
    source: str
    listed: int
    covered: int
    coverage: float
    rows: tuple[MarketRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardDeps:
    """book: None for what is not listed. days, fundings: by symbol, of the last minutes. funding_age_s: of that table.

    sweeps: open-interest rounds that ended so far. ratio: (accounts long / short, unix ms) as an alert learned it last.
    venue: whose contracts these are.
    """

    clock: Clock
    listed: Callable[[], Sequence[str]]
    book: Callable[[str], SymbolBook | None]
    days: Callable[[], Mapping[str, DayTicker]]
    fundings: Callable[[], Mapping[str, Funding]]
    funding_hours: Callable[[str], float]
    funding_age_s: Callable[[], float | None]
    oi_ring: OpenInterestRing
    sweeps: Callable[[], int]
    lookback: Callable[[], int]
    ratio: Callable[[str], tuple[float, int] | None] = lambda symbol: None
    venue: Venue = "binance"


class _Reference(NamedTuple):
    """What a contract is compared with in the running minute: its opens by `WINDOWS_MIN`, then its median volume in
    USDT; NaN where there is none."""

    state: tuple[int, int, int, int]
    values: tuple[float, ...]


_NO_REFERENCE = _Reference((0, 0, 0, 0), (math.nan,) * (len(WINDOWS_MIN) + 1))


class MarketBoard:
    """`table` is the same object until it is computed anew."""

    def __init__(self, deps: BoardDeps) -> None:
        self._deps = deps
        self._table: MarketTable | None = None
        self._made_s = -math.inf
        self._turn = asyncio.Lock()
        self._references: dict[str, _Reference] = {}

    def listed(self) -> Sequence[str]:
        return self._deps.listed()

    def book(self, symbol: str) -> SymbolBook | None:
        return self._deps.book(symbol)

    def oi_samples(self, symbol: str) -> Sequence[tuple[int, float]]:
        """(unix ms, contracts) of what is kept, oldest → newest."""
        return self._deps.oi_ring.samples(symbol, from_ms=0)

    def open_interest_usd(self, symbol: str) -> tuple[float, int] | None:
        """At the last price, USD of one side, and when it was sampled (unix ms); None without either."""
        book, samples = self.book(symbol), self.oi_samples(symbol)
        if book is None or not book.price > 0 or not samples:
            return None
        at_ms, contracts = samples[-1]
        return contracts * book.price, at_ms

    @property
    def sweeps(self) -> int:
        return self._deps.sweeps()

    def table(self) -> MarketTable:
        table = self._fresh()
        if table is None:
            making = self._making()
            while table is None:
                table = next(making)
            self._keep(table)
        return table

    async def prepare(self) -> None:
        """So that `table` has it: computed in pieces, and the loop runs between them."""
        async with self._turn:
            if self._fresh() is not None:
                return
            for table in self._making():
                if table is not None:
                    self._keep(table)
                await asyncio.sleep(0)

    def _fresh(self) -> MarketTable | None:
        is_old = self._deps.clock.monotonic() - self._made_s >= FRESH_S * speed_of(self._deps.clock)
        return None if is_old else self._table

    def _keep(self, table: MarketTable) -> None:
        self._table, self._made_s = table, self._deps.clock.monotonic()

    def _making(self) -> Iterator[MarketTable | None]:
        """None after every piece, the table at last. Column by column: row by row it is several times dearer."""
        deps = self._deps
        now_ms, symbols, lookback = deps.clock.now_ms(), tuple(deps.listed()), deps.lookback()
        prices: list[float | None] = []
        volumes: list[float | None] = []
        event_ms: list[int] = []
        references: list[tuple[float, ...]] = []
        for symbol in symbols:
            book = deps.book(symbol)
            kline = None if book is None else book.kline
            if book is None or kline is None or not kline.close > 0:
                prices.append(None)
                volumes.append(None)
                event_ms.append(now_ms)
                references.append(_NO_REFERENCE.values)
            else:
                prices.append(kline.close)
                volumes.append(kline.quote_usdt)
                event_ms.append(book.event_ms)
                references.append(self._reference_of(symbol, book, lookback).values)
            if len(prices) % PIECE_ROWS == 0:
                yield None
        if len(self._references) > 2 * len(symbols) + 100:
            self._references.clear()
        price = np.array(prices, dtype=np.float64)
        compared = np.fromiter(chain.from_iterable(references), np.float64).reshape(-1, len(_NO_REFERENCE.values)).T
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            moves = _rounded((price - compared[:-1]) / compared[:-1] * 100.0, 2)
            multiple = _rounded(np.array(volumes, dtype=np.float64) / compared[-1], 2)
        covered = len(prices) - prices.count(None)
        columns = (
            symbols,
            prices,
            _or_none(_ages_s(now_ms, np.array(event_ms, dtype=np.int64), price == price)),
            *map(_or_none, moves),
            *self._day_and_volumes(symbols, volumes, _or_none(multiple)),
            *self._open_interest(symbols, price, now_ms),
            *self._funding(symbols),
            *self._ratios(symbols, now_ms),
        )
        yield MarketTable(
            as_of_ms=now_ms,
            sweep=deps.sweeps(),
            source=SOURCE.format(venue=VENUE_TITLES[deps.venue]),
            listed=len(symbols),
            covered=covered,
            coverage=round(covered / len(symbols), 4) if symbols else 0.0,
            rows=tuple(map(MarketRow, *columns)),
        )

    def _day_and_volumes(self, symbols: Sequence[str], volumes: _Column, multiple: _Column) -> tuple[_Column, ...]:
        """Fields `change_24h_pct` to `volume_24h_usdt`."""
        days = list(map(self._deps.days().get, symbols))
        return (
            [None if day is None else day.change_pct for day in days],
            volumes,
            multiple,
            [None if day is None else day.quote_usdt for day in days],
        )

    def _open_interest(self, symbols: Sequence[str], price: NDArray[np.float64], now_ms: int) -> tuple[_Column, ...]:
        """Fields `oi_contracts` to `oi_age_s`."""
        ring = self._deps.oi_ring
        stale_ms = int(ring.period_ms * STALE_SWEEPS)
        sampled_ms, contracts = ring.newest_of(symbols)
        usd = (contracts * price).tolist()
        return (
            _or_none(contracts),
            [round(value) if math.isfinite(value) else None for value in usd],
            *(
                _or_none(
                    _rounded(ring.changes_pct(symbols, window_ms=window_ms, now_ms=now_ms, stale_ms=stale_ms)[0], 2)
                )
                for window_ms in OI_WINDOWS_MS
            ),
            _or_none(_ages_s(now_ms, sampled_ms, sampled_ms != NEVER)),
        )

    def _funding(self, symbols: Sequence[str]) -> tuple[_Column, ...]:
        """Fields `funding_pct` to `funding_age_s`."""
        deps = self._deps
        fundings = list(map(deps.fundings().get, symbols))
        rates = np.array([math.nan if funding is None else funding.rate for funding in fundings], dtype=np.float64)
        age_s = deps.funding_age_s()
        age_s = None if age_s is None else round(age_s, 1)
        return (
            _or_none(_rounded(rates * 100, 6)),
            [
                None if funding is None else deps.funding_hours(symbol)
                for symbol, funding in zip(symbols, fundings, strict=True)
            ],
            [None if funding is None else age_s for funding in fundings],
        )

    def _ratios(self, symbols: Sequence[str], now_ms: int) -> tuple[_Column, ...]:
        """Fields `long_short_ratio` and its age."""
        ratios = list(map(self._deps.ratio, symbols))
        return (
            [None if ratio is None else ratio[0] for ratio in ratios],
            [None if ratio is None else max(0, now_ms - ratio[1]) / 1000 for ratio in ratios],
        )

    def _reference_of(self, symbol: str, book: SymbolBook, lookback: int) -> _Reference:
        """The same for a minute long, so that a look at a busy market costs a comparison for most of it."""
        state = book.open_ms, book.last_closed_ms, len(book.closed), lookback
        known = self._references.get(symbol)
        if known is not None and known.state == state:
            return known
        usual = book.closed.usual(lookback)
        compared = [book.open_before(minutes) for minutes in WINDOWS_MIN]
        compared.append((usual.median or None) if usual.minutes >= FEWEST_CANDLES else None)
        found = _Reference(state, tuple(math.nan if value is None else value for value in compared))
        self._references[symbol] = found
        return found


def _ages_s(now_ms: int, at_ms: NDArray[np.int64], is_known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """NaN for what is not known."""
    return np.where(is_known, np.maximum(0, now_ms - at_ms) / 1000, np.nan)


def _rounded(values: NDArray[np.float64], digits: int) -> NDArray[np.float64]:
    """As `round` does, which costs more than all else in a row."""
    scaled = values * 10.0**digits
    found = np.rint(scaled) / 10.0**digits
    halves = np.abs(np.abs(scaled - np.trunc(scaled)) - 0.5) < 1e-6  # multiplied, they may end up on the other side
    for at in zip(*np.nonzero(halves | (np.abs(scaled) > 1e9)), strict=True):
        found[at] = round(float(values[at]), digits)
    return found


def _or_none(values: NDArray[np.float64]) -> _Column:
    """None for NaN."""
    found: list[float | None] = values.tolist()
    for at in np.flatnonzero(np.isnan(values)).tolist():
        found[at] = None
    return found
