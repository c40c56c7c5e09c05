"""Klines and open interest in, alerts out. Synchronous: no await, no task, no log call per frame.

`on_kline` is the house's hot path: one look-up, one `SymbolBook.apply`, one `PriceMove.look`; everything else happens
only when a threshold is reached or a candle closes.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from statistics import median
from typing import Protocol

from altmonitor.alert import Alert, Direction, Kind
from altmonitor.clock import Clock
from altmonitor.control.settings import Settings
from altmonitor.detectors import volume_burst
from altmonitor.detectors.oi_surge import STALE_SWEEPS, OiFinding, OiSurge
from altmonitor.detectors.price_move import Move, PriceFinding, PriceMove
from altmonitor.detectors.verdict import Verdict
from altmonitor.market.book import Applied, ClosedCandle, SymbolBook
from altmonitor.market.kline import MINUTE_MS, Kline, KlineUpdate
from altmonitor.market.open_interest import OpenInterestRing
from altmonitor.market.percent import change_pct
from altmonitor.monitor import compose
from altmonitor.monitor.backfill import LONGEST_MINUTES
from altmonitor.monitor.compose import Surroundings
from altmonitor.monitor.holes import Holes
from altmonitor.monitor.ports import AlertSink, DayTicker, Funding, OpenInterest

LATENCY_SAMPLES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Breadth:
    """symbols: watched; down: of them below their candle's open; median_pct: of all changes, None before any frame.

    btc_pct: of BTCUSDT, None when it is not watched or not seen yet.
    """

    symbols: int
    down: int
    median_pct: float | None
    btc_pct: float | None = None


_LIVE, _LATE = int(Applied.LIVE), int(Applied.LATE)  # plain ints: an enum look-up per frame is not free


class MarketContext(Protocol):
    """What is known of a symbol beside its candles; None when unknown or too old."""

    def day(self, symbol: str) -> DayTicker | None: ...
    def funding(self, symbol: str) -> Funding | None: ...
    def funding_hours(self, symbol: str) -> float: ...


class Engine:
    """Owns the live state of the market and what was told about it.

    on_alert: called with each alert after it was put into the sink (enrichment hangs there).
    request_refill: called with (symbol, from_ms, to_ms) when closed minutes in that span are missing.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        settings: Settings,
        sink: AlertSink,
        context: MarketContext,
        oi_ring: OpenInterestRing,
        on_alert: Callable[[Alert], None],
        request_refill: Callable[[str, int, int], None],
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._sink = sink
        self._context = context
        self._oi_ring = oi_ring
        self._on_alert = on_alert
        self._request_refill = request_refill
        self._books: dict[str, SymbolBook] = {}
        self._price = PriceMove(settings)
        self._oi = OiSurge(settings)
        self._volume_told_ms: dict[tuple[str, Direction], int] = {}
        self._oi_now_ms = 0
        self._unseen = Holes()
        self._unjudged = Holes()  # seen, but at their close there was no history to compare their volume with
        self.verdicts: Counter[tuple[Kind, Verdict]] = Counter()
        self.refused: Counter[str] = Counter()
        self.detect_ms: deque[int] = deque(maxlen=LATENCY_SAMPLES)

    # --- the market comes in -----------------------------------------------------------------------------------

    def on_kline(self, update: KlineUpdate) -> None:
        """One frame. Never raises for anything an exchange can send."""
        try:
            book = self._books[update.symbol]
        except KeyError:
            self.refused["unknown symbol"] += 1
            return
        applied = book.apply(update)
        kline = update.kline
        if applied == _LIVE:
            close = kline.close
            if close >= book.pump_at or close <= book.dump_at:
                for move in self._price.look(book, kline):
                    self._on_move(book, kline, move)
        elif applied == _LATE:
            self._on_late(book, kline, update.event_ms)
        else:
            self.refused[Applied(applied).name] += 1
            return
        if kline.is_closed:
            self._on_close(book, kline, update.event_ms)

    def on_open_interest(self, sample: OpenInterest) -> None:
        """Store one answer of the sweep (or of an enrichment) under its own time."""
        if self._oi_ring.record(sample.symbol, time_ms=sample.time_ms, contracts=sample.contracts):
            self._oi_now_ms = max(self._oi_now_ms, sample.time_ms)
        else:
            self.refused["repeated open interest"] += 1

    def evaluate_open_interest(self, symbols: Sequence[str]) -> None:
        """Judge the symbols whose sample just came."""
        for finding in self._oi.look(self._oi_ring, symbols, now_ms=self._oi_now_ms):
            self._on_oi(finding)

    def oi_change_1m(self, symbol: str, event_ms: int) -> float | None:
        """1-minute open-interest change at an event, percent.

        None without an honest value. A sample from before the event's candle would describe the minute before the
        move and is not used.
        """
        stale_ms = int(self._oi_ring.period_ms * STALE_SWEEPS)
        candle_ms = event_ms - event_ms % MINUTE_MS
        return self._oi_ring.change_since_pct(symbol, window_ms=MINUTE_MS, after_ms=max(candle_ms, event_ms - stale_ms))

    # --- the house changes -------------------------------------------------------------------------------------

    def set_symbols(self, symbols: Collection[str]) -> None:
        """The universe. New symbols get an empty book; those that left are forgotten in every table."""
        for symbol in [known for known in self._books if known not in symbols]:
            del self._books[symbol]
            self._unseen.forget(symbol)
            self._unjudged.forget(symbol)
            self._price.forget(symbol)
            self._oi.forget(symbol)
            self._oi_ring.forget(symbol)
            self._volume_told_ms.pop((symbol, "UP"), None)
            self._volume_told_ms.pop((symbol, "DOWN"), None)
        for symbol in symbols:
            if symbol not in self._books:
                self._books[symbol] = SymbolBook(
                    symbol, lookback=self._settings.vol_burst_lookback, rise=self._price.rise, fall=self._price.fall
                )

    def use(self, settings: Settings) -> None:
        """New settings, from the next frame on."""
        self._settings = settings
        self._price.use(settings)
        self._oi.use(settings)
        for book in self._books.values():
            book.aim(rise=self._price.rise, fall=self._price.fall)

    def restore(self, alerts: Iterable[Alert]) -> int:
        """Take over what was told before a restart (oldest → newest). Returns how many alerts spoke."""
        count = 0
        for alert in alerts:
            count += 1
            if alert.kind == "price":
                self._price.remember(alert.symbol, compose.price_finding_of(alert), key=alert.key)
            elif alert.kind == "oi":
                self._oi.remember(alert.symbol, alert.direction, alert.event_ms)
            else:
                self._volume_told_ms[alert.symbol, alert.direction] = alert.event_ms
        return count

    def after_blind(self, since_ms: int, until_ms: int) -> None:
        """Nothing was seen in between: no window may bridge it, and the closed minutes are asked for."""
        begin_ms = max(since_ms, until_ms - LONGEST_MINUTES * MINUTE_MS) // MINUTE_MS * MINUTE_MS
        for symbol, book in self._books.items():
            book.forget_window()
            self._unseen.add(symbol, begin_ms, (until_ms // MINUTE_MS + 1) * MINUTE_MS)
            if begin_ms != until_ms // MINUTE_MS * MINUTE_MS:
                self._ask(symbol, begin_ms, until_ms)

    def refill(self, symbol: str, candles: Sequence[Kline]) -> None:
        """Closed candles from the exchange's history, oldest → newest. Those nobody watched are looked through."""
        book = self._books.get(symbol)
        if book is None:
            return
        known = {candle.open_ms: ClosedCandle(candle.open_ms, candle.quote_usdt, candle.close) for candle in candles}
        known.update((candle.open_ms, candle) for candle in book.closed)
        book.refill(candles)
        for kline in candles:
            is_unseen = self._unseen.covers(symbol, kline.open_ms)
            if is_unseen or self._unjudged.covers(symbol, kline.open_ms):
                self._look_back_at_volume(book, kline, known)
            if is_unseen:
                self._tell_missed_moves(book, kline)

    def looked_back(self, symbol: str, from_ms: int, to_ms: int) -> None:
        """No more history will come of the minutes [from_ms, to_ms)."""
        self._unseen.fill(symbol, from_ms, to_ms)
        self._unjudged.fill(symbol, from_ms, to_ms)

    @property
    def unseen_since_ms(self) -> int | None:
        """Beginning of the oldest minute whose history has not been looked through yet; None when there is none."""
        begins = [ms for ms in (self._unseen.oldest_ms(), self._unjudged.oldest_ms()) if ms is not None]
        return min(begins, default=None)

    @property
    def settings(self) -> Settings:
        """In force now."""
        return self._settings

    def breadth(self) -> Breadth:
        """How the whole market stands against the open of its running candles."""
        changes = {
            symbol: change_pct(kline.open, kline.close)
            for symbol, book in self._books.items()
            if (kline := book.kline) is not None and 0.0 < kline.open < inf
        }
        return Breadth(
            symbols=len(self._books),
            down=sum(change < 0 for change in changes.values()),
            median_pct=median(changes.values()) if changes else None,
            btc_pct=changes.get("BTCUSDT"),
        )

    def detect_latency_ms(self) -> tuple[float | None, float | None]:
        """p50 and p99 of exchange event → decision over the last 1,000 alerts; None before the first."""
        if not self.detect_ms:
            return None, None
        ordered = sorted(self.detect_ms)
        return ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]

    def book(self, symbol: str) -> SymbolBook | None:
        """Live state of a symbol; None when it is not watched by the exchange connection."""
        return self._books.get(symbol)

    # --- decisions ---------------------------------------------------------------------------------------------

    def _gate(self, symbol: str, event_ms: int) -> Verdict | None:
        settings = self._settings
        if settings.is_muted(symbol, event_ms / 1000):
            return Verdict.MUTED
        if not settings.is_watched(symbol):
            return Verdict.NOT_WATCHED
        if settings.min_24h_usdt:
            day = self._context.day(symbol)
            if day is not None and day.quote_usdt < settings.min_24h_usdt:
                return Verdict.THIN_DAY
        return None

    def _on_move(self, book: SymbolBook, kline: Kline, move: Move, *, is_late: bool = False) -> None:
        verdict = self._gate(book.symbol, move.event_ms)
        if verdict is None:
            finding = self._price.judge(book.symbol, move)
            verdict = finding.verdict
            if verdict.is_told:
                self._tell_price(book, kline, finding, is_late=is_late)
        self.verdicts["price", verdict] += 1

    def _on_late(self, book: SymbolBook, kline: Kline, event_ms: int) -> None:
        move = self._price.candle_move(kline, event_ms)
        if move is not None:
            self._on_move(book, kline, move)

    def _on_close(self, book: SymbolBook, kline: Kline, event_ms: int) -> None:
        if kline.open_ms <= book.last_closed_ms:
            self.verdicts["vol", Verdict.REPEATED_CANDLE] += 1
            return
        has_hole = book.has_hole_before(kline.open_ms)
        finding = volume_burst.look([] if has_hole else book.closed, kline, self._settings)
        if finding.verdict is Verdict.NO_VALUE:
            self.verdicts["vol", finding.verdict] += 1
            return
        if has_hole or finding.verdict is Verdict.FEW_CANDLES:
            begin_ms = book.last_closed_ms + MINUTE_MS if has_hole else kline.open_ms
            self._unseen.add(book.symbol, begin_ms, kline.open_ms)
            self._unjudged.add(book.symbol, kline.open_ms, kline.open_ms + MINUTE_MS)
            self._ask(book.symbol, begin_ms, kline.open_ms)
        book.close_candle(kline)
        self._on_volume(book, kline, finding, event_ms)
        if self._unseen.covers(book.symbol, kline.open_ms):  # sight came back within this candle
            self._tell_missed_moves(book, kline)
            self._unseen.fill(book.symbol, kline.open_ms, kline.open_ms + MINUTE_MS)

    def _ask(self, symbol: str, from_ms: int, to_ms: int) -> None:
        """With as much before it as its first minute is compared with."""
        self._request_refill(symbol, from_ms - self._settings.vol_burst_lookback * MINUTE_MS, to_ms)

    def _on_volume(
        self,
        book: SymbolBook,
        kline: Kline,
        finding: volume_burst.VolumeFinding,
        event_ms: int,
        *,
        is_late: bool = False,
    ) -> None:
        verdict: Verdict = finding.verdict
        if verdict is Verdict.FIRE:
            verdict = self._gate(book.symbol, event_ms) or self._volume_cooldown(book.symbol, finding, event_ms)
        if verdict is Verdict.FIRE:
            told = (book.symbol, finding.direction)
            self._volume_told_ms[told] = max(event_ms, self._volume_told_ms.get(told, 0))
            around = self._surroundings(book.symbol, event_ms, is_late=is_late)
            self._put(compose.volume_alert(book.symbol, kline, finding, around))
        self.verdicts["vol", verdict] += 1

    def _look_back_at_volume(self, book: SymbolBook, kline: Kline, known: Mapping[int, ClosedCandle]) -> None:
        """A closed minute that could not be judged when it closed: what it would have raised is told as late."""
        before: list[ClosedCandle] = []
        while len(before) < self._settings.vol_burst_lookback:
            candle = known.get(kline.open_ms - (len(before) + 1) * MINUTE_MS)
            if candle is None:
                break
            before.append(candle)
        finding = volume_burst.look(before[::-1], kline, self._settings)
        self._on_volume(book, kline, finding, kline.open_ms + MINUTE_MS, is_late=True)

    def _tell_missed_moves(self, book: SymbolBook, kline: Kline) -> None:
        for move in self._price.missed_moves(kline, kline.open_ms + MINUTE_MS):
            self._on_move(book, kline, move, is_late=True)

    def _volume_cooldown(self, symbol: str, finding: volume_burst.VolumeFinding, event_ms: int) -> Verdict:
        told_ms = self._volume_told_ms.get((symbol, finding.direction))
        if told_ms is not None and abs(event_ms - told_ms) < self._settings.cooldown_sec * 1000:
            return Verdict.COOLING_DOWN
        return Verdict.FIRE

    def _on_oi(self, finding: OiFinding) -> None:
        verdict = finding.verdict
        if verdict.is_told:
            verdict = self._gate(finding.symbol, finding.sample_ms) or self._oi_floor(finding)
        if verdict.is_told:
            self._oi.remember(finding.symbol, finding.direction, finding.sample_ms)
            book = self._books.get(finding.symbol)
            price = self._price_of(finding.symbol)
            self._put(compose.oi_alert(finding, book, price, self._surroundings(finding.symbol, finding.sample_ms)))
        self.verdicts["oi", verdict] += 1

    def _oi_floor(self, finding: OiFinding) -> Verdict:
        price = self._price_of(finding.symbol)
        if price is not None and finding.contracts * price < self._settings.oi_min_usd:
            return Verdict.THIN_OPEN_INTEREST
        return Verdict.FIRE

    def _price_of(self, symbol: str) -> float | None:
        """Last price, else the mark price; open interest must have a worth even while the feed is blind."""
        book = self._books.get(symbol)
        if book is not None and book.price > 0:
            return book.price
        funding = self._context.funding(symbol)
        return None if funding is None else funding.mark_price

    def _tell_price(self, book: SymbolBook, kline: Kline, finding: PriceFinding, *, is_late: bool) -> None:
        move = finding.move
        oi_change = None if is_late else self.oi_change_1m(book.symbol, move.event_ms)
        around = self._surroundings(book.symbol, move.event_ms, is_late=is_late)
        alert = compose.price_alert(book.symbol, kline, finding, oi_change, around)
        self._price.remember(book.symbol, finding, key=alert.key)
        self._put(alert)

    def _surroundings(self, symbol: str, event_ms: int, *, is_late: bool = False) -> Surroundings:
        return Surroundings(
            now_ms=self._clock.now_ms(),
            event_ms=event_ms,
            settings=self._settings,
            day=self._context.day(symbol),
            funding=self._context.funding(symbol),
            funding_hours=self._context.funding_hours(symbol),
            oi_newest=None if is_late else self._oi_ring.newest(symbol),
            is_late=is_late,
        )

    def _put(self, alert: Alert) -> None:
        if not alert.late:
            self.detect_ms.append(int(alert.ts * 1000) - alert.event_ms)
        self._sink.put(alert)
        self._on_alert(alert)
