"""What the running program knows of the market, for people who ask: from the live books, nothing is fetched."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from altmonitor.commands.facts import FundingFacts, OpenInterestFacts, PriceFacts, Top, TopRow, TopWindow
from altmonitor.interfaces.exchange import DayTicker, Funding
from altmonitor.market.book import SymbolBook
from altmonitor.market.candles import MINUTE_MS
from altmonitor.market.math import change_pct
from altmonitor.market.open_interest import OpenInterestRing

PRICE_WINDOWS: tuple[tuple[str, int], ...] = (("1m", 1), ("5m", 5), ("15m", 15), ("1h", 60))
"""Name → minutes; the running candle is the last of them, so the time covered is up to a minute shorter."""

OI_WINDOWS_MS = {"1m": 60_000, "5m": 300_000}
STALE_SWEEPS = 1.5
QUIET_TOO_LONG_MS = 10 * MINUTE_MS
"""A contract whose last trade is older than this is no mover of this minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """book: live state, None for a symbol that is not listed. day, funding: as of the last minutes, None when older."""

    book: Callable[[str], SymbolBook | None]
    listed: Callable[[], Iterable[str]]
    day: Callable[[str], DayTicker | None]
    funding: Callable[[str], Funding | None]
    funding_hours: Callable[[str], float]
    funding_age_s: Callable[[], float | None]
    oi_ring: OpenInterestRing
    now_ms: Callable[[], int]


class MarketAnswers:
    """The part of `control.ports.MarketQueries` that live values answer."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._known = knowledge

    async def top(self, window: TopWindow, *, count: int) -> Top:
        rows: list[TopRow] = []
        newest_ms: int | None = None
        for symbol in self._known.listed():
            book = self._known.book(symbol)
            row = self._row(symbol, book, window)
            if row is None:
                continue
            rows.append(row)
            if book is not None and book.event_ms:
                newest_ms = max(newest_ms or 0, book.event_ms)
        rows.sort(key=lambda row: row.change_pct)
        return Top(
            window=window,
            rising=[row for row in rows[: -count - 1 : -1] if row.change_pct > 0],
            falling=[row for row in rows[:count] if row.change_pct < 0],
            symbols=len(rows),
            as_of_ms=newest_ms,
        )

    async def price(self, symbol: str) -> PriceFacts | None:
        book = self._known.book(symbol)
        if book is None or book.price <= 0:
            return None
        day, funding = self._known.day(symbol), self._known.funding(symbol)
        changes = [(name, _change_pct(book, minutes)) for name, minutes in PRICE_WINDOWS]
        return PriceFacts(
            symbol=symbol,
            price=book.price,
            event_ms=book.event_ms,
            changes=(*changes, ("24h", None if day is None else day.change_pct)),
            day_quote_usdt=None if day is None else day.quote_usdt,
            day_high=None if day is None else day.high,
            day_low=None if day is None else day.low,
            mark_price=None if funding is None else funding.mark_price,
        )

    async def open_interest(self, symbol: str) -> OpenInterestFacts | None:
        ring, newest = self._known.oi_ring, self._known.oi_ring.newest(symbol)
        if newest is None:
            return None
        sampled_ms, contracts = newest
        stale_ms = int(ring.period_ms * STALE_SWEEPS)
        found: dict[str, tuple[float | None, float | None]] = {}
        for window, window_ms in OI_WINDOWS_MS.items():
            changes, spans_s = ring.changes_pct(
                [symbol], window_ms=window_ms, now_ms=self._known.now_ms(), stale_ms=stale_ms
            )
            found[window] = _number(changes[0]), _number(spans_s[0])
        book = self._known.book(symbol)
        return OpenInterestFacts(
            symbol=symbol,
            contracts=contracts,
            usd=contracts * book.price if book is not None and book.price > 0 else None,
            sampled_ms=sampled_ms,
            change_1m_pct=found["1m"][0],
            change_5m_pct=found["5m"][0],
            span_1m_s=found["1m"][1],
            span_5m_s=found["5m"][1],
        )

    async def funding(self, symbol: str) -> FundingFacts | None:
        funding, age_s = self._known.funding(symbol), self._known.funding_age_s()
        if funding is None or age_s is None:
            return None
        return FundingFacts(
            symbol=symbol,
            rate=funding.rate,
            as_of_ms=self._known.now_ms() - int(age_s * 1000),
            interval_h=self._known.funding_hours(symbol),
            next_ms=funding.next_ms,
            mark_price=funding.mark_price,
        )

    def _row(self, symbol: str, book: SymbolBook | None, window: TopWindow) -> TopRow | None:
        day = self._known.day(symbol)
        day_usdt = None if day is None else day.quote_usdt
        if window == "24h":
            if day is None:
                return None
            return TopRow(symbol=symbol, change_pct=day.change_pct, price=day.last_price, day_quote_usdt=day_usdt)
        if book is None or book.price <= 0 or self._known.now_ms() - book.event_ms > QUIET_TOO_LONG_MS:
            return None
        change = _change_pct(book, dict(PRICE_WINDOWS)[window])
        if change is None:
            return None
        return TopRow(symbol=symbol, change_pct=change, price=book.price, day_quote_usdt=day_usdt)


def _change_pct(book: SymbolBook, minutes: int) -> float | None:
    start = book.open_before(minutes)
    return None if start is None else change_pct(start, book.price)


def _number(value: float) -> float | None:
    return float(value) if value == value else None
