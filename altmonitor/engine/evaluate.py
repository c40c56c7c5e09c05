"""What was measured before every audience: prices, figures that are read, the volume of candles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from math import inf

import msgspec

from altmonitor.core.alert import Alert, Direction, Kind
from altmonitor.detectors import price as price_reading
from altmonitor.detectors import volume as volume_burst
from altmonitor.detectors.adaptive import with_origin
from altmonitor.detectors.price import SILENT_MS, Move, PriceFinding, Reading, is_reached, threshold_of
from altmonitor.detectors.sampled import Sample, SampleFinding
from altmonitor.detectors.verdict import Rule, RuleCheck, Verdict
from altmonitor.detectors.volume import VolumeFinding
from altmonitor.engine import alert_factory as compose
from altmonitor.engine.alert_factory import AlertContext
from altmonitor.engine.audience_state import AudienceState
from altmonitor.engine.audiences import AlertGroup, Audiences, Decision
from altmonitor.engine.decision_log import DecisionLog
from altmonitor.market.book import Silence, SymbolBook
from altmonitor.market.candles import MINUTE_MS, Kline
from altmonitor.market.open_interest import OpenInterestRing
from altmonitor.settings.settings import Settings

FRESH_SAMPLE_MS = 10_000
THIN_DAY_MS = 5_000


class PriceEvaluator:
    """Price moves."""

    def __init__(self, audiences: Audiences, log: DecisionLog, oi_ring: OpenInterestRing) -> None:
        self._audiences = audiences
        self._log = log
        self._oi_ring = oi_ring

    def evaluate(self, book: SymbolBook, kline: Kline, reading: Reading, *, is_late: bool = False) -> bool:
        """kline: whose price it is; in hindsight another one than the book's. True when anybody was told anything."""
        audiences, symbol = self._audiences, book.symbol
        alert_group: AlertGroup | None = None  # most frames beyond a bound tell nothing
        around: AlertContext | None = None
        for audience_state in audiences.audience_states:
            settings = audience_state.settings_of(symbol)
            for move in reading.reached(settings):
                finding, decision = self._decide(audience_state, symbol, move, settings)
                if finding is not None and finding.verdict.is_raised:
                    alert_group = alert_group or audiences.alert_group()
                    around = around or audiences.surroundings(symbol, move.event_ms, is_late=is_late)
                    alert = compose.price_alert(symbol, kline, finding, settings, around)
                    audiences.notify(alert_group, audience_state, self._with_open_interest(alert), book)
                audiences.verdicts["price", decision[0]] += 1
                self._trace(audience_state, symbol, move, settings, decision, is_late=is_late)
            for finding in () if is_late else self._doubled(audience_state, book, kline, settings):
                alert_group = alert_group or audiences.alert_group()
                around = around or audiences.surroundings(symbol, finding.move.event_ms)
                alert = compose.price_alert(symbol, kline, finding, settings, around)
                audiences.notify(alert_group, audience_state, self._with_open_interest(alert), book)
                audiences.verdicts["price", finding.verdict] += 1
                decision = finding.verdict, finding.until_ms
                self._trace(audience_state, symbol, finding.move, settings, decision, threshold=finding.threshold)
        if alert_group is not None:
            audiences.put(alert_group)
        return alert_group is not None

    def silence(self, book: SymbolBook, kline: Kline, reading: Reading) -> Silence:
        """After a price that was news to nobody: how far it must go on to be, and how long that can be said. Whoever is
        kept from hearing at all is asked again at the end of it."""
        symbol, event_ms = book.symbol, book.event_ms
        above, below, until_ms = inf, 0.0, event_ms + SILENT_MS
        references = price_reading.references(book, kline, is_rolling=self._audiences.is_rolling)
        for audience_state in self._audiences.audience_states:
            closed = self._audiences.filter_reason(audience_state, "price", symbol, event_ms)
            if closed is not None:
                verdict, end_ms = closed
                if verdict is Verdict.THIN_DAY:  # the next table of the day's figures may say otherwise
                    end_ms = event_ms + THIN_DAY_MS
                until_ms = until_ms if end_ms is None else min(until_ms, end_ms)
                continue
            whole = audience_state.episodes.bounds(symbol)
            own = audience_state.price.silence(symbol, reading, references, audience_state.settings_of(symbol))
            above, below = min(above, whole.above, own.above), max(below, whole.below, own.below)
            until_ms = min(until_ms, own.until_ms)
        return Silence(above=above, below=below, until_ms=until_ms)

    def _doubled(
        self, audience_state: AudienceState, book: SymbolBook, kline: Kline, settings: Settings
    ) -> list[PriceFinding]:
        """Whole moves that have doubled since they were told, at the newest price alone; of what nobody would be told
        if it were new, neither is the double."""
        bounds = audience_state.episodes.bounds(book.symbol)
        if kline is not book.kline or bounds.below < kline.close < bounds.above:
            return []
        found = audience_state.episodes.whole_moves(book.symbol, kline, book.event_ms)
        doubled = [one for one in found if one.verdict.is_raised and is_reached(one.move.change_pct, settings)]
        if doubled and self._audiences.filter_reason(audience_state, "price", book.symbol, book.event_ms) is not None:
            return []
        return doubled

    def _decide(
        self, audience_state: AudienceState, symbol: str, move: Move, settings: Settings
    ) -> tuple[PriceFinding | None, Decision]:
        closed = self._audiences.filter_reason(audience_state, "price", symbol, move.event_ms)
        if closed is not None:
            return None, closed
        finding = audience_state.price.judge(symbol, move, settings)
        return finding, (finding.verdict, finding.until_ms)

    def _with_open_interest(self, alert: Alert) -> Alert:
        """Where the sweep has just sampled it; else a fresh sample follows. An older one may be from before the price
        moved, wherever in its window that was."""
        if alert.late:
            return alert
        change = self._oi_ring.change_over_move(alert.symbol, began_ms=alert.began_ms)
        is_fresh = change is not None and alert.event_ms - change.sample_ms <= FRESH_SAMPLE_MS
        return alert.with_oi_change(change) if change is not None and is_fresh else alert

    def _trace(
        self,
        audience_state: AudienceState,
        symbol: str,
        move: Move,
        settings: Settings,
        decision: Decision,
        *,
        threshold: float | None = None,
        is_late: bool = False,
    ) -> None:
        """Under the minute of the candle."""
        rule, destination = Rule("price", move.window), audience_state.audience.destination
        verdict, until_ms = decision
        if self._log.wants(
            symbol, move.candle_ms, destination, rule, is_raised=verdict.is_raised, size=abs(move.change_pct)
        ):
            check = RuleCheck(
                rule=rule,
                verdict=verdict,
                value=move.change_pct,
                threshold=threshold or threshold_of(move.window, move.direction, settings),
                from_ms=move.event_ms - int(move.span_s * 1000),
                to_ms=move.event_ms,
                until_ms=until_ms,
                is_late=is_late,
            )
            check = with_floor(with_origin(check, settings), settings, self._audiences, symbol)
            self._log.record(symbol, move.candle_ms, destination, check)


def with_floor(check: RuleCheck, settings: Settings, audiences: Audiences, symbol: str) -> RuleCheck:
    """How thin it was, where that is the reason."""
    if check.verdict is not Verdict.THIN_DAY:
        return check
    return replace(check, floor_usd=settings.min_24h_usdt, measured_usd=audiences.day_usdt(symbol))


class SampleEvaluator:
    """Figures that were just read."""

    def __init__(self, audiences: Audiences, log: DecisionLog, books: Mapping[str, SymbolBook]) -> None:
        self._audiences = audiences
        self._log = log
        self._books = books

    def evaluate(self, kind: Kind, samples: Iterable[Sample]) -> None:
        """Symbol by symbol, of which a figure just came."""
        states = [(state, state.sampled[kind]) for state in self._audiences.audience_states]
        for sample in samples:
            alert_group: AlertGroup | None = None  # most samples reach nobody's threshold
            for audience_state, detector in states:
                settings = audience_state.settings_of(sample.symbol)
                finding = detector.evaluate(sample, settings)
                if finding is not None:
                    alert_group = alert_group or self._audiences.alert_group()
                    self._on_finding(alert_group, audience_state, kind, finding, settings)
            if alert_group is not None:
                self._audiences.put(alert_group)

    def _on_finding(
        self,
        alert_group: AlertGroup,
        audience_state: AudienceState,
        kind: Kind,
        finding: SampleFinding,
        settings: Settings,
    ) -> None:
        audiences, sample = self._audiences, finding.sample
        book = self._books.get(sample.symbol)
        price = audiences.price_of(sample.symbol, book)
        decision: Decision = finding.verdict, finding.until_ms
        if finding.verdict.is_raised:
            decision = audiences.filter_reason(audience_state, kind, sample.symbol, sample.at_ms) or size_floor(
                sample.contracts, price, settings
            )
        if decision[0].is_raised:
            around = audiences.surroundings(sample.symbol, sample.at_ms)
            audiences.notify(
                alert_group, audience_state, compose.sample_alert(kind, finding, book, price, around), book
            )
        audiences.verdicts[kind, decision[0]] += 1
        self._trace(audience_state, Rule(kind, finding.window), finding, settings, decision, price)

    def _trace(
        self,
        audience_state: AudienceState,
        rule: Rule,
        finding: SampleFinding,
        settings: Settings,
        decision: Decision,
        price: float | None,
    ) -> None:
        sample, verdict = finding.sample, decision[0]
        destination, size = audience_state.audience.destination, abs(finding.value)
        if not self._log.wants(sample.symbol, sample.at_ms, destination, rule, is_raised=verdict.is_raised, size=size):
            return
        check = RuleCheck(
            rule=rule,
            verdict=verdict,
            value=finding.value,
            threshold=finding.threshold,
            from_ms=sample.at_ms - int(finding.span_s * 1000),
            to_ms=sample.at_ms,
            until_ms=decision[1],
        )
        check = with_size(
            with_floor(check, settings, self._audiences, sample.symbol), sample.contracts, price, settings
        )
        self._log.record(sample.symbol, sample.at_ms, audience_state.audience.destination, check)


def size_floor(contracts: float | None, price: float | None, settings: Settings) -> Decision:
    """contracts: None for what is not about open interest, which then has no such floor."""
    if price is not None and contracts is not None and contracts * price < settings.oi_min_usd:
        return Verdict.THIN_OPEN_INTEREST, None
    return Verdict.FIRE, None


def with_size(check: RuleCheck, contracts: float | None, price: float | None, settings: Settings) -> RuleCheck:
    """How little open interest there was, where that is the reason."""
    if check.verdict is not Verdict.THIN_OPEN_INTEREST or price is None or contracts is None:
        return check
    return replace(check, floor_usd=settings.oi_min_usd, measured_usd=contracts * price)


class VolumeEvaluator:
    """completed: called with what was told while its candle ran, and nothing but what its close adds."""

    def __init__(self, audiences: Audiences, log: DecisionLog, *, completed: Callable[[Alert], None]) -> None:
        self._audiences = audiences
        self._log = log
        self._completed = completed

    def listen(self, book: SymbolBook) -> None:
        """From which volume on the candle that follows the last closed one is worth a look. No other can be compared: a
        hole is never bridged."""
        (count, middle), found = book.closed.usual(self._audiences.lookback), inf
        if count >= volume_burst.FEWEST_CANDLES and middle > 0:
            for state in self._audiences.audience_states:
                found = min(found, _bound_usdt(state, state.settings_of(book.symbol), middle))
        book.listen_for_burst(book.last_closed_ms + MINUTE_MS, found)

    def evaluate_running(self, book: SymbolBook, kline: Kline, event_ms: int) -> None:
        """A candle that runs has the volume of a burst. It will have it at its close too; whoever cannot be told for
        certain now – its direction may be cooling down then – is left to that."""
        audiences, symbol = self._audiences, book.symbol
        measured = volume_burst.measure(book.closed.usual(audiences.lookback), kline)
        alert_group: AlertGroup | None = None
        later, is_kept = inf, self._log.is_kept
        for audience_state in audiences.audience_states:
            settings = audience_state.settings_of(symbol)
            if not settings.vol_burst_early:
                continue
            if volume_burst.verdict_of(measured, settings) is not Verdict.FIRE:
                later = min(later, _bound_usdt(audience_state, settings, measured.median_usdt or 0.0))
                continue
            decision = self._decide(audience_state, settings, symbol, kline, volume_burst.DIRECTIONS, event_ms)
            if decision[0] is Verdict.FIRE:
                alert_group = alert_group or audiences.alert_group()
                self._notify(alert_group, audience_state, settings, book, kline, measured, event_ms)
                if is_kept:
                    self._trace(audience_state, symbol, kline, measured, decision, to_ms=event_ms)
                audiences.verdicts["vol", Verdict.FIRE] += 1
        book.listen_for_burst(kline.open_ms, later)
        if alert_group is not None:
            audiences.put(alert_group)

    def evaluate(
        self, book: SymbolBook, kline: Kline, measured: VolumeFinding, event_ms: int, *, is_late: bool = False
    ) -> None:
        """measured: of this candle, which is closed."""
        audiences, symbol = self._audiences, book.symbol
        alert_group: AlertGroup | None = None
        finals: dict[str, Alert] = {}
        for audience_state in audiences.audience_states:
            settings = audience_state.settings_of(symbol)
            told = audience_state.volume.running(symbol, kline.open_ms)
            if told is not None:
                final = audience_state.complete(compose.completed_volume_alert(told, kline))
                finals.setdefault(final.key, final)
                if self._log.is_kept:
                    at_close = msgspec.structs.replace(measured, ratio=final.metric)
                    self._trace(audience_state, symbol, kline, at_close, (Verdict.FIRE, None))
                audiences.verdicts["vol", Verdict.RAISED_THIS_CANDLE] += 1
                continue
            verdict = volume_burst.verdict_of(measured, settings)
            if verdict is Verdict.FIRE:
                decision = self._decide(audience_state, settings, symbol, kline, (measured.direction,), event_ms)
                verdict = decision[0]
                if verdict is Verdict.FIRE:
                    alert_group = alert_group or audiences.alert_group()
                    self._notify(
                        alert_group, audience_state, settings, book, kline, measured, event_ms, is_late=is_late
                    )
                self._trace(audience_state, symbol, kline, measured, decision, is_late=is_late)
            elif verdict is Verdict.THIN_CANDLE:
                self._trace(audience_state, symbol, kline, measured, (verdict, None), is_late=is_late)
            audiences.verdicts["vol", verdict] += 1
        if alert_group is not None:
            audiences.put(alert_group)
        for final in finals.values():
            self._completed(final)

    def is_any_running(self, symbol: str) -> bool:
        """Somebody was told of a candle while it ran, and waits for its close."""
        return any(state.volume.is_running(symbol) for state in self._audiences.audience_states)

    def is_running(self, symbol: str, open_ms: int) -> bool:
        """Somebody was told of that candle while it ran, and waits for its close."""
        return any(state.volume.running(symbol, open_ms) is not None for state in self._audiences.audience_states)

    def _decide(
        self,
        audience_state: AudienceState,
        settings: Settings,
        symbol: str,
        kline: Kline,
        directions: Sequence[Direction],
        event_ms: int,
    ) -> Decision:
        return self._audiences.filter_reason(audience_state, "vol", symbol, event_ms) or audience_state.volume.judge(
            symbol, kline.open_ms, directions, settings
        )

    def _notify(
        self,
        alert_group: AlertGroup,
        audience_state: AudienceState,
        settings: Settings,
        book: SymbolBook,
        kline: Kline,
        measured: VolumeFinding,
        event_ms: int,
        *,
        is_late: bool = False,
    ) -> None:
        symbol = book.symbol
        around = self._audiences.surroundings(symbol, event_ms, is_late=is_late)
        alert = compose.volume_alert(symbol, kline, measured, settings, around)
        self._audiences.notify(alert_group, audience_state, alert, book)

    def _trace(
        self,
        audience_state: AudienceState,
        symbol: str,
        kline: Kline,
        measured: VolumeFinding,
        decision: Decision,
        *,
        to_ms: int | None = None,
        is_late: bool = False,
    ) -> None:
        """Under the minute of the candle. to_ms: up to when it was measured, None: its end."""
        if not self._log.is_kept:
            return
        settings = audience_state.settings_of(symbol)
        check = RuleCheck(
            rule=Rule("vol", "1m"),
            verdict=decision[0],
            value=measured.ratio,
            threshold=settings.vol_burst_mult,
            from_ms=kline.open_ms,
            to_ms=kline.open_ms + MINUTE_MS if to_ms is None else to_ms,
            until_ms=decision[1],
            is_late=is_late,
        )
        if decision[0] is Verdict.THIN_CANDLE:
            check = replace(check, floor_usd=settings.vol_burst_min_usdt, measured_usd=measured.quote_usdt)
        check = with_floor(with_origin(check, settings), settings, self._audiences, symbol)
        self._log.record(symbol, kline.open_ms, audience_state.audience.destination, check)


def _bound_usdt(audience_state: AudienceState, settings: Settings, median_usdt: float) -> float:
    """From which volume of a running candle on this audience hears of it; infinite where it does not."""
    wants = settings.vol_burst_early and "vol" in audience_state.audience.kinds
    return volume_burst.bound_usdt(median_usdt, settings) if wants else inf
