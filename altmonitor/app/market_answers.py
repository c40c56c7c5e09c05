"""What the running program knows of the market, for people who ask: from the live books, nothing is fetched."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo

from altmonitor.core.alert import Alert, StoredAlert
from altmonitor.core.types import Destination, Venue, named_venue
from altmonitor.delivery.alert_charts import ChartPictureFile
from altmonitor.detectors.kinds import KINDS, RULES
from altmonitor.detectors.verdict import Explanation, Rule, RuleCheck, Verdict
from altmonitor.interfaces.queries import (
    ChartPicture,
    FundingFacts,
    OpenInterestFacts,
    PriceFacts,
    Top,
    TopRow,
    TopWindow,
)
from altmonitor.interfaces.storage import AlertQueries
from altmonitor.market.book import SymbolBook
from altmonitor.market.candles import MINUTE_MS
from altmonitor.market.math import change_pct
from altmonitor.market.open_interest import OpenInterestRing
from altmonitor.market.quotes import DayTicker, Funding
from altmonitor.positioning.funding import VenueFunding

PRICE_WINDOWS: tuple[tuple[str, int], ...] = (("1m", 1), ("5m", 5), ("15m", 15), ("1h", 60))
"""Name → minutes; the running candle is the last of them, so the time covered is up to a minute shorter."""

OI_WINDOWS_MS = {"1m": 60_000, "5m": 300_000}
STALE_SWEEPS = 1.5
QUIET_TOO_LONG_MS = 10 * MINUTE_MS
"""A contract whose last trade is older than this is no mover of this minute."""
STORED_MAX = 200
MARKED_MS = 90 * MINUTE_MS
"""Alerts of so long a time are marked on a chart that was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketAnswerDeps:
    """book: live state, None for a symbol that is not listed. explain: (symbol, destination, unix ms or None for now).
    venue: whose market it is. watched: all of them. fundings_of: of a contract's coin at every venue.
    picture: (symbol, zone of its times, alerts to be marked); None: none in time.
    day, funding: as of the last minutes, None when older. alerts: None when none are kept. zone_of: of a chat."""

    venue: Venue
    watched: Collection[Venue]
    book: Callable[[str], SymbolBook | None]
    explain: Callable[[str, Destination, int | None], Explanation]
    alerts: AlertQueries | None
    picture: Callable[[str, tzinfo, Sequence[Alert]], Awaitable[ChartPictureFile | None]]
    zone_of: Callable[[Destination], tzinfo]
    listed: Callable[[], Iterable[str]]
    day: Callable[[str], DayTicker | None]
    funding: Callable[[str], Funding | None]
    funding_hours: Callable[[str], float]
    funding_age_s: Callable[[], float | None]
    fundings_of: Callable[[str], tuple[VenueFunding, ...]]
    oi_ring: OpenInterestRing
    now_ms: Callable[[], int]


class MarketAnswers:
    """Satisfies `interfaces.queries.MarketQueries`, and explains."""

    def __init__(self, deps: MarketAnswerDeps) -> None:
        self._known = deps
        self._venue = named_venue(deps.venue, deps.watched)

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
            venue=self._venue,
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
            venue=self._venue,
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
            venue=self._venue,
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
            venues=self._known.fundings_of(symbol),
            venue=self._venue,
        )

    async def chart(self, symbol: str, *, destination: Destination) -> ChartPicture | None:
        raised = await self._raised_since(symbol, self._known.now_ms() - MARKED_MS)
        zone = self._known.zone_of(destination)
        picture = await self._known.picture(symbol, zone, raised)
        if picture is None:
            return None
        return ChartPicture(
            symbol=symbol, png=picture.png, from_ms=picture.from_ms, to_ms=picture.to_ms, venue=self._venue
        )

    async def explain(self, symbol: str, at_ms: int | None, destination: Destination) -> Explanation:
        """at_ms: some time in the minute asked for, event time; None: now."""
        found = self._known.explain(symbol, destination, at_ms)
        if self._known.alerts is None:
            return replace(found, told=None)
        told = await self._known.alerts.recent(
            limit=STORED_MAX,
            symbol=symbol,
            venue=self._known.venue,
            minute_ms=found.at_ms // MINUTE_MS * MINUTE_MS,
            destinations=[found.destination],
        )
        return replace(
            found, told=tuple(told), checks=found.checks if found.is_now else with_stored(found.checks, told)
        )

    async def _raised_since(self, symbol: str, since_ms: int) -> Sequence[Alert]:
        if self._known.alerts is None:
            return ()
        rows = await self._known.alerts.recent(
            limit=STORED_MAX, symbol=symbol, venue=self._known.venue, since_s=since_ms / 1000
        )
        return [row.alert for row in rows]

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


def with_stored(checks: Sequence[RuleCheck], told: Iterable[StoredAlert]) -> tuple[RuleCheck, ...]:
    """Of a minute that is over: what was decided and is known no more stands in the alerts that were stored."""
    known = {check.rule: check for check in checks}
    for row in told:
        alert, details = row.alert, row.alert.details
        rule, before = Rule(alert.kind, alert.note), known.get(Rule(alert.kind, alert.note))
        value = KINDS[alert.kind].measured(alert)
        if rule not in RULES or value is None or (before is not None and before.verdict.is_raised):
            continue
        known[rule] = RuleCheck(
            rule=rule,
            verdict=Verdict.FIRE if details.told_before_pct is None else Verdict.ESCALATE,
            value=value,
            threshold=details.threshold,
            sigmas=details.threshold_sigmas,
            busy_times=details.threshold_busy_times,
            from_ms=None if details.window_s is None else alert.event_ms - round(details.window_s * 1000),
            to_ms=alert.event_ms,
            is_late=alert.late,
        )
    return tuple(known[rule] for rule in RULES if rule in known)


def _change_pct(book: SymbolBook, minutes: int) -> float | None:
    """Against the open of the candle that began so many minutes before the running one ends. A missing minute in
    between does not matter: nothing is decided by it."""
    start = book.open_before(minutes)
    if start is None and minutes > 1 and book.kline is not None:
        start = book.closed.open_at(book.open_ms - (minutes - 1) * MINUTE_MS)
    return None if start is None or start <= 0 else change_pct(start, book.price)


def _number(value: float) -> float | None:
    return float(value) if value == value else None
