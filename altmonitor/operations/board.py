"""Every contract in one table: price, changes, volume, open interest, funding, each with its age.

Computed when somebody looks, and at most once a second however many look."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from altmonitor.core.clock import Clock, speed_of
from altmonitor.detectors.volume import FEWEST_CANDLES, median
from altmonitor.interfaces.exchange import MarketContext
from altmonitor.market.book import SymbolBook
from altmonitor.market.math import change_pct
from altmonitor.market.open_interest import OpenInterestRing

FRESH_S = 1.0
"""Of real time: in the demo the clock runs fast."""
STALE_SWEEPS = 1.5
PIECE_ROWS = 100
WINDOWS_MIN = (1, 5, 15, 60)
OI_WINDOWS_MS = (60_000, 300_000)
SOURCE = "Binance USDT perpetuals: 1-minute candles, open-interest sweep, 24 h figures, funding"


class MarketRow(msgspec.Struct, frozen=True, kw_only=True):
    """One contract. null: no honest value is known. Ages are seconds at `as_of_ms`.

    change_*_pct: against the open of the candle that began so many minutes before the running one ends; 24 h as the
    exchange counts them. volume_1m_usdt: of the running candle so far; volume_multiple: the same against the median of
    the closed candles before it. oi_*: open interest. funding_pct: per interval, for the next settlement.
    long_short_ratio: accounts long / short, known where an alert asked for it.
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
    """book: None for what is not listed. quotes: of the last minutes. day_age_s, funding_age_s: of those tables.

    sweeps: open-interest rounds that ended so far. ratio: (accounts long / short, unix ms) as an alert learned it last.
    """

    clock: Clock
    listed: Callable[[], Sequence[str]]
    book: Callable[[str], SymbolBook | None]
    quotes: MarketContext
    funding_age_s: Callable[[], float | None]
    oi_ring: OpenInterestRing
    sweeps: Callable[[], int]
    lookback: Callable[[], int]
    ratio: Callable[[str], tuple[float, int] | None] = lambda symbol: None


class _Reference(NamedTuple):
    """What a contract is compared with in the running minute. opens: by `WINDOWS_MIN`. usual_usdt: median volume."""

    state: tuple[int, int, int, int]
    opens: tuple[float | None, ...]
    usual_usdt: float | None


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
        """None after every piece, the table at last."""
        deps = self._deps
        now_ms, symbols = deps.clock.now_ms(), deps.listed()
        stale_ms = int(deps.oi_ring.period_ms * STALE_SWEEPS)
        changes = [
            deps.oi_ring.changes_pct(symbols, window_ms=window_ms, now_ms=now_ms, stale_ms=stale_ms)[0].tolist()
            for window_ms in OI_WINDOWS_MS
        ]
        lookback, funding_age_s = deps.lookback(), deps.funding_age_s()
        funding_age_s = None if funding_age_s is None else round(funding_age_s, 1)
        rows: list[MarketRow] = []
        for symbol, oi_1m, oi_5m in zip(symbols, *changes, strict=True):
            rows.append(self._row(symbol, now_ms, oi_1m, oi_5m, lookback, funding_age_s))
            if len(rows) % PIECE_ROWS == 0:
                yield None
        if len(self._references) > 2 * len(rows) + 100:
            self._references.clear()
        covered = sum(row.price is not None for row in rows)
        yield MarketTable(
            as_of_ms=now_ms,
            sweep=deps.sweeps(),
            source=SOURCE,
            listed=len(rows),
            covered=covered,
            coverage=round(covered / len(rows), 4) if rows else 0.0,
            rows=tuple(rows),
        )

    def _row(
        self, symbol: str, now_ms: int, oi_1m: float, oi_5m: float, lookback: int, funding_age_s: float | None
    ) -> MarketRow:
        deps = self._deps
        book, day, funding = deps.book(symbol), deps.quotes.day(symbol), deps.quotes.funding(symbol)
        newest, ratio = deps.oi_ring.newest(symbol), deps.ratio(symbol)
        kline = None if book is None else book.kline
        price = price_age_s = volume_usdt = multiple = None
        moves: list[float | None] = [None, None, None, None]
        if book is not None and kline is not None and kline.close > 0:
            price, price_age_s, volume_usdt = kline.close, _age_s(now_ms, book.event_ms), kline.quote_usdt
            reference = self._reference_of(symbol, book, lookback)
            moves = [None if start is None else round(change_pct(start, price), 2) for start in reference.opens]
            multiple = round(volume_usdt / reference.usual_usdt, 2) if reference.usual_usdt else None
        contracts = None if newest is None else newest[1]
        return MarketRow(
            symbol=symbol,
            price=price,
            price_age_s=price_age_s,
            change_1m_pct=moves[0],
            change_5m_pct=moves[1],
            change_15m_pct=moves[2],
            change_1h_pct=moves[3],
            change_24h_pct=None if day is None else day.change_pct,
            volume_1m_usdt=volume_usdt,
            volume_multiple=multiple,
            volume_24h_usdt=None if day is None else day.quote_usdt,
            oi_contracts=contracts,
            oi_usd=None if contracts is None or price is None else round(contracts * price),
            oi_change_1m_pct=round(oi_1m, 2) if oi_1m == oi_1m else None,
            oi_change_5m_pct=round(oi_5m, 2) if oi_5m == oi_5m else None,
            oi_age_s=None if newest is None else _age_s(now_ms, newest[0]),
            funding_pct=None if funding is None else round(funding.rate * 100, 6),
            funding_interval_h=None if funding is None else deps.quotes.funding_hours(symbol),
            funding_age_s=None if funding is None else funding_age_s,
            long_short_ratio=None if ratio is None else ratio[0],
            long_short_ratio_age_s=None if ratio is None else _age_s(now_ms, ratio[1]),
        )

    def _reference_of(self, symbol: str, book: SymbolBook, lookback: int) -> _Reference:
        """The same for a minute long, so that a look at a busy market costs a comparison for most of it."""
        state = book.open_ms, book.last_closed_ms, len(book.closed), lookback
        known = self._references.get(symbol)
        if known is not None and known.state == state:
            return known
        volumes = book.closed.volumes(lookback)
        found = _Reference(
            state=state,
            opens=tuple(book.open_before(minutes) for minutes in WINDOWS_MIN),
            usual_usdt=median(volumes) if len(volumes) >= FEWEST_CANDLES else None,
        )
        self._references[symbol] = found
        return found


def _age_s(now_ms: int, at_ms: int) -> float:
    return max(0, now_ms - at_ms) / 1000
