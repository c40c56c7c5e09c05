"""Klines and open interest in, alerts out. Synchronous: no await, no task, no log call per frame.

`on_kline` is the house's hot path: one look-up, one `SymbolBook.apply`; everything else happens only when a bound is
reached or a candle closes. The market is measured once; each audience is asked only when the loosest bound of all
is reached (audiences.py).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Literal, assert_never

from altmonitor.core.alert import Alert, Kind, StoredSize
from altmonitor.core.durations import DurationStatus
from altmonitor.core.types import Destination, Venue
from altmonitor.detectors import price as price_reading
from altmonitor.detectors import volume as volume_burst
from altmonitor.detectors.adaptive import HOUR_MS, MEASURED_MINUTES, usual_minutes
from altmonitor.detectors.kinds import KINDS
from altmonitor.detectors.price import WINDOWS, Reading
from altmonitor.detectors.sampled import Readings
from altmonitor.detectors.verdict import Explanation, Verdict
from altmonitor.engine.audiences import Audiences, Expectation
from altmonitor.engine.conditions import ConditionEngine
from altmonitor.engine.context import Breadth, EngineDeps, breadth_of
from altmonitor.engine.decision_log import DecisionLog
from altmonitor.engine.evaluate import PriceEvaluator, SampleEvaluator, VolumeEvaluator
from altmonitor.engine.explain import Explainer
from altmonitor.engine.late_detection import LateDetection
from altmonitor.market.book import Applied, SymbolBook, loosest
from altmonitor.market.candles import KEPT_MINUTES, MINUTE_MS, NO_MINUTES, Kline, KlineUpdate, Usual
from altmonitor.market.liquidations import Liquidation, LiquidationSums
from altmonitor.market.plausibility import is_candle, is_move
from altmonitor.market.quotes import OpenInterest
from altmonitor.settings.audience import Audience
from altmonitor.settings.conditions import Condition, ConditionMetric
from altmonitor.settings.settings import Settings

_LIVE, _LATE = int(Applied.LIVE), int(Applied.LATE)  # plain ints: an enum look-up per frame is not free


class Engine:
    """Owns the live state of the market and what was told about it.

    audiences: whoever is told, the main one first, at least one (`links.anybody` where it does not matter who).
    judged_as: which of them stands for a destination, where several that want the same are one (`SharedAudiences`).
    """

    def __init__(self, links: EngineDeps, *, audiences: Sequence[Audience]) -> None:
        self._links = links
        self.judged_as: Callable[[Destination], Destination] = lambda destination: destination
        self._oi_ring = links.oi_ring
        self._books: dict[str, SymbolBook] = {}
        self._oi_now_ms = 0
        self.liquidations = LiquidationSums()
        self._audiences = Audiences(links, audiences, aim=self._aim, at_ms=self._event_now_ms())
        self._log = DecisionLog(is_kept=not links.is_replay)
        self._price = PriceEvaluator(self._audiences, self._log, links.oi_ring)
        self._volume = VolumeEvaluator(self._audiences, self._log, completed=links.on_completed)
        self._samples = SampleEvaluator(self._audiences, self._log, self._books)
        self._conditions = ConditionEngine(self._audiences, links, aim=self._aim)
        self._late_detection = LateDetection(
            self._audiences,
            price=self._price,
            volume=self._volume,
            conditions=self._conditions,
            request_refill=links.request_refill,
            on_refilled=self._adapt,
            log=self._log,
            now_ms=self._exchange_now_ms,
        )
        self._explainer = Explainer(self._audiences, self._log, links)
        self.refused: Counter[str] = Counter()

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
            if (close >= book.pump_at or close <= book.dump_at) and not (
                book.quiet_below < close < book.quiet_above and update.event_ms < book.quiet_until_ms
            ):
                self._on_beyond(book, kline)
            if kline.quote_usdt >= book.burst_at and not kline.is_closed:
                self._volume.evaluate_running(book, kline, update.event_ms)
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
            is_held = self._oi_ring.is_held_back(sample.symbol)
            self.refused["open interest not believed" if is_held else "repeated open interest"] += 1

    def evaluate_open_interest(self, symbols: Sequence[str]) -> None:
        """Judge the symbols whose sample just came."""
        self._judge_samples("sweep", symbols, self._oi_now_ms)

    def on_fundings(self) -> None:
        """Funding rates were read anew."""
        self._conditions.look_at_funding()
        self._judge_samples("tables", list(self._books), self._exchange_now_ms())

    def on_liquidations(self, liquidations: Sequence[Liquidation]) -> None:
        """Positions that were closed by force, as the venue tells them."""
        known = [one for one in liquidations if one.symbol in self._books]
        for one in known:
            self.liquidations.add(one)
        if known:
            symbols = list(dict.fromkeys(one.symbol for one in known))
            self._judge_samples("liquidations", symbols, max(one.event_ms for one in known))

    def _judge_samples(
        self, source: Literal["sweep", "tables", "liquidations"], symbols: Sequence[str], now_ms: int
    ) -> None:
        readings = Readings(
            oi_ring=self._oi_ring, context=self._links.context, now_ms=now_ms, liquidations=self.liquidations
        )
        for kind, spec in KINDS.items():
            if spec.sampling is not None and spec.sampling.source == source:
                samples = list(spec.sampling.measure(readings, symbols))
                self._samples.evaluate(kind, samples)
                self._links.on_samples(kind, samples)

    def _on_beyond(self, book: SymbolBook, kline: Kline) -> None:
        """A price may be news. What the candle touched is not judged here: one odd trade stays in its high or low for
        the rest of the minute."""
        if not is_move(kline):
            self.refused[Applied.BAD_NUMBER.name] += 1
            return
        windows = WINDOWS if book.has_windows else ()
        reading = price_reading.live(book, kline, windows=windows, is_rolling=self._audiences.is_rolling)
        is_raised = self._price.evaluate(book, kline, reading)
        self._conditions.evaluate(book)
        if not is_raised:
            silence = self._price.silence(book, kline, reading)
            book.be_quiet(self._conditions.listening(book, silence))

    def _on_late(self, book: SymbolBook, kline: Kline, event_ms: int) -> None:
        reading = Reading(kline.open_ms, event_ms)
        reading.add("1m", kline.open, kline.close)
        self._price.evaluate(book, kline, reading)

    def _on_close(self, book: SymbolBook, kline: Kline, event_ms: int) -> None:
        if kline.open_ms <= book.last_closed_ms:
            self.verdicts["vol", Verdict.REPEATED_CANDLE] += 1
            return
        self._log.begin(event_ms)
        has_hole = book.has_hole_before(kline.open_ms)
        baseline = NO_MINUTES if has_hole else book.closed.usual(self._audiences.lookback)
        measured = volume_burst.measure(baseline, kline)
        if measured.verdict is Verdict.NO_VALUE or not is_candle(kline):
            self.refused[Applied.BAD_NUMBER.name] += 1
            self.verdicts["vol", Verdict.NO_VALUE] += 1
            return
        is_short = measured.verdict is Verdict.FEW_CANDLES and self._audiences.has_volume(book.symbol)
        if has_hole or is_short:
            self._late_detection.before_close(book, kline, has_hole=has_hole)
        book.close_candle(kline)
        self._volume.evaluate(book, kline, measured, event_ms)
        if has_hole or (kline.open_ms + MINUTE_MS) % HOUR_MS == 0:
            self._adapt(book)
        self._late_detection.after_close(book, kline)
        if not self._links.is_replay:
            self._volume.listen(book)
        if kline.open_ms < book.open_ms:
            self._look_at_windows(book)
        self._audiences.end_episodes(book, event_ms)

    def _adapt(self, book: SymbolBook) -> None:
        """Bounds that follow from the contract's own minutes before the full hour, for the rest of it."""
        if not self._audiences.is_adaptive:
            return
        hour_ms = (book.last_closed_ms + MINUTE_MS) // HOUR_MS * HOUR_MS
        closed = book.closed
        usual = usual_minutes(
            closed.closes_before(hour_ms, MEASURED_MINUTES), closed.volumes_before(hour_ms, MEASURED_MINUTES)
        )
        self._audiences.adapt(book.symbol, usual, at_ms=book.last_closed_ms + MINUTE_MS)
        self._aim(book.symbol)

    def _look_at_windows(self, book: SymbolBook) -> None:
        """Between the first frame of a candle and the close of the one before it, the longer windows had no value."""
        kline = book.kline
        if kline is not None and (kline.close >= book.pump_at or kline.close <= book.dump_at):
            self._price.evaluate(book, kline, price_reading.of_windows(book, kline))
            self._conditions.evaluate(book)

    # --- the house changes -------------------------------------------------------------------------------------

    def set_symbols(self, symbols: Collection[str]) -> None:
        """The universe. New symbols get an empty book; those that left are forgotten in every table."""
        now_ms = self._event_now_ms()
        for symbol in [known for known in self._books if known not in symbols]:
            del self._books[symbol]
            self._log.forget(symbol)
            self._late_detection.forget(symbol)
            self._audiences.forget(symbol)
            self._oi_ring.forget(symbol)
            self.liquidations.forget(symbol)
        for symbol in symbols:
            if symbol not in self._books:
                self._books[symbol] = SymbolBook(symbol, kept_minutes=self._kept_minutes)
                self._log.listed(symbol, now_ms)
                self._aim(symbol)

    @property
    def _kept_minutes(self) -> int:
        measured = MEASURED_MINUTES + HOUR_MS // MINUTE_MS if self._audiences.is_adaptive else 0
        return max(KEPT_MINUTES, self._audiences.lookback, measured)

    def apply(self, audiences: Sequence[Audience]) -> None:
        """Who is told what, from the next frame on. Whoever stays keeps what it was told."""
        self._audiences.apply(audiences, at_ms=self._event_now_ms())
        for symbol, book in self._books.items():
            self._aim(symbol)
            self._volume.listen(book)

    def look_at_metrics(self, symbol: str, values: Mapping[ConditionMetric, float]) -> None:
        """What conditions about scores are compared with, by metric."""
        self._conditions.look_at_metrics(symbol, values)

    def apply_conditions(self, conditions: Sequence[Condition]) -> None:
        """All that exist, from the next frame on."""
        self._conditions.apply(conditions)

    def moved_to(self, where_now: Callable[[Destination], Destination]) -> None:
        """Groups have new ids. Before `apply` with those: then they keep what they were told."""
        self._audiences.moved_to(where_now, at_ms=self._event_now_ms())
        self._log.moved_to(where_now)

    def _exchange_now_ms(self) -> int:
        """By our clock."""
        return round(self._links.clock.now_ms() - self._links.skew_ms())

    def _event_now_ms(self) -> int:
        """No earlier than anything that was seen of the market."""
        return max([self._exchange_now_ms(), *(book.event_ms for book in self._books.values())])

    def _aim(self, symbol: str) -> None:
        book = self._books.get(symbol)
        if book is not None:
            bounds, asked = self._audiences.bounds(symbol), self._conditions.bounds(symbol)
            book.set_bounds(bounds if asked is None else loosest((bounds, asked)))

    # --- what was before this run ------------------------------------------------------------------------------

    def restore(self, told: Iterable[tuple[Alert, Collection[Destination]]], *, firsts: Mapping[str, Alert]) -> int:
        """Take over what was told before a restart, oldest → newest, each to whom. Returns how many alerts spoke.

        firsts: first alerts of their episodes by key, as far as they are known and not among `told` themselves.
        """
        count = 0
        for alert, destinations in told:
            count += 1
            match KINDS[alert.kind].remembered_by:
                case "audiences":
                    self._audiences.restore(alert, destinations, firsts.get(alert.details.episode_key or ""))
                case "conditions":
                    self._conditions.restore_told(alert)
                case "tracker":
                    pass
                case _ as unknown:
                    assert_never(unknown)
        return count

    def forget_told(self, symbol: str) -> None:
        """Before `restore` of all that was told of it: some of what was raised was told nobody. Not of conditions."""
        self._audiences.forget_told(symbol)

    def adopt(self, alert: Alert, destinations: Collection[Destination]) -> list[Destination]:
        """Another process found this and could not tell it. Returns whom of these it is news to, whatever they were
        told of the same event; from here on they have been told it."""
        match KINDS[alert.kind].remembered_by:
            case "audiences":
                return self._audiences.adopt(alert, destinations)
            case "conditions":
                return list(destinations) if self._conditions.adopt(alert) else []
            case "tracker":
                return list(destinations)
            case _ as unknown:
                assert_never(unknown)

    def restore_ranks(self, sizes: Sequence[StoredSize], first_ms: Mapping[Destination, int]) -> None:
        """What was told in all the days that are kept; first_ms: since when each destination is known."""
        self._audiences.restore_ranks(sizes, first_ms)

    def restore_conditions(self, text: str | None) -> None:
        """What `EngineDeps.on_conditions` was given last."""
        self._conditions.restore(text)

    def after_blind(self, since_ms: int, until_ms: int) -> None:
        """Nothing was seen in between: no window may bridge it, and the closed minutes are asked for."""
        self._late_detection.after_blind(self._books.values(), since_ms, until_ms)

    def refill(self, symbol: str, candles: Sequence[Kline]) -> None:
        """Closed candles from the exchange's history, oldest → newest. Those nobody watched are looked through."""
        book = self._books.get(symbol)
        if book is not None:
            self._late_detection.refill(book, candles)

    def begin_after(
        self, symbol: str, last_ms: int | None, values: bytes, usual: tuple[int, Usual] | None = None
    ) -> None:
        """What was closed before the candle that comes next, see `SymbolBook.begin_after`; for a replay."""
        book = self._books[symbol]
        book.begin_after(last_ms, values, usual)
        self._adapt(book)
        self._volume.listen(book)

    def listen(self, symbol: str) -> None:
        """The candle that comes next follows the one that was closed last; for a replay."""
        self._volume.listen(self._books[symbol])

    def backfilled(self, symbol: str, from_ms: int, to_ms: int) -> None:
        """No more history will come of the minutes [from_ms, to_ms)."""
        self._late_detection.backfilled(symbol, from_ms, to_ms)

    @property
    def unseen_since_ms(self) -> int | None:
        """Beginning of the oldest minute whose history has not been looked through yet; None when there is none."""
        return self._late_detection.unseen_since_ms

    @property
    def not_believed(self) -> tuple[int, int]:
        """Updates of candles and samples of open interest that cannot be, since the start."""
        candles = self.refused[Applied.BAD_NUMBER.name] + self.refused[Applied.NOT_BELIEVED.name]
        return candles, self.refused["open interest not believed"]

    # --- what is known -----------------------------------------------------------------------------------------

    @property
    def venue(self) -> Venue:
        """Whose market it is."""
        return self._links.venue

    @property
    def settings(self) -> Settings:
        """Of the main audience, in force now."""
        return self._audiences.main.settings

    @property
    def verdicts(self) -> Counter[tuple[Kind, Verdict]]:
        """Judgements at or beyond a threshold, and every closed candle, over all audiences."""
        return self._audiences.verdicts

    @property
    def detect_ms(self) -> deque[int]:
        return self._audiences.detect_ms

    def explain(self, symbol: str, destination: Destination, *, at_ms: int | None, now_ms: int) -> Explanation:
        """Why there was, or was not, an alert for an audience: now, or in the minute of `at_ms` (event time).

        destination: of an audience; the main one stands for any other. `told` is left to whoever knows what was
        delivered.
        """
        judged, book = self.judged_as(destination), self._books.get(symbol)
        found = self._explainer.explain(symbol, book, judged, at_ms=at_ms, now_ms=now_ms)
        return found if judged == destination else replace(found, destination=destination)

    def breadth(self) -> Breadth:
        """How the whole market stands against the open of its running candles."""
        return breadth_of(self._books.values())

    def detect_latency_ms(self) -> tuple[float | None, float | None]:
        """p50 and p99 of exchange event → decision over the last 1,000 alerts; None before the first."""
        return self._audiences.detect_latency_ms()

    def detect_durations(self) -> DurationStatus:
        """The same over all alerts, counted."""
        return self._audiences.detect_durations.status()

    def expects(self, symbol: str) -> Expectation:
        """What may be told of a symbol although its next minutes are ordinary ones."""
        return self._audiences.expects(symbol)

    def is_held(self, symbol: str) -> bool:
        """A sampled figure that was raised has not calmed down yet."""
        return self._audiences.is_held(symbol)

    def book(self, symbol: str) -> SymbolBook | None:
        """Live state of a symbol; None when it is not watched by the exchange connection."""
        return self._books.get(symbol)

    def listeners(self, symbol: str, event_ms: int) -> list[Destination]:
        """Who hears of a symbol now: it is not muted there, nor its venue, and on the watchlist where there is one."""
        return self._audiences.listeners(symbol, event_ms)

    @property
    def wants_liquidations(self) -> bool:
        """Somebody has set a bound for them."""
        return self._audiences.wants_liquidations

    @property
    def books(self) -> Mapping[str, SymbolBook]:
        """Of all symbols that are watched. Not to be changed."""
        return self._books
