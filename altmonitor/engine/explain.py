"""Why an alert came, or did not: every rule with its value now, or as it was judged in a minute that is past."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from altmonitor.core.alert import Kind
from altmonitor.core.types import Destination
from altmonitor.detectors import price as price_reading
from altmonitor.detectors.adaptive import with_origin
from altmonitor.detectors.kinds import KINDS, RULES
from altmonitor.detectors.price import Move, threshold_of
from altmonitor.detectors.sampled import Readings, Sample, Sampling
from altmonitor.detectors.verdict import Explanation, Rule, RuleCheck, Verdict
from altmonitor.engine.audience_state import AudienceState
from altmonitor.engine.audiences import Audiences
from altmonitor.engine.context import EngineDeps
from altmonitor.engine.decision_log import DecisionLog
from altmonitor.engine.evaluate import size_floor, with_floor, with_size
from altmonitor.engine.past_minutes import VOLUME_RULE, PastMinutes
from altmonitor.market.book import SymbolBook
from altmonitor.market.candles import MINUTE_MS, Kline
from altmonitor.market.math import reaches
from altmonitor.settings.settings import Settings


class Explainer:
    """Looks and changes nothing."""

    def __init__(self, audiences: Audiences, log: DecisionLog, links: EngineDeps) -> None:
        self._audiences = audiences
        self._log = log
        self._links = links
        self._past = PastMinutes(audiences, log, links.oi_ring)

    def explain(
        self, symbol: str, book: SymbolBook | None, destination: Destination, *, at_ms: int | None, now_ms: int
    ) -> Explanation:
        audience_state = self._audiences.audience_state_at(destination) or self._audiences.audience_states[0]
        destination = audience_state.audience.destination
        if at_ms is None or at_ms // MINUTE_MS == now_ms // MINUTE_MS:
            found = {check.rule: check for check in self._now(audience_state, symbol, book, now_ms)}
            checks, moment_ms, is_now, gap = tuple(found[rule] for rule in RULES if rule in found), now_ms, True, None
        else:
            checks, gap = self._past.checks(audience_state, symbol, book, at_ms)
            moment_ms, is_now = at_ms, False
        return Explanation(
            symbol=symbol,
            destination=destination,
            at_ms=moment_ms,
            is_now=is_now,
            checks=checks,
            gap=gap,
            known_from_ms=self._log.known_from_ms,
        )

    # --- now

    def _now(
        self, audience_state: AudienceState, symbol: str, book: SymbolBook | None, now_ms: int
    ) -> Iterator[RuleCheck]:
        settings = audience_state.settings_of(symbol)
        yield from self._prices_now(audience_state, symbol, book, settings, now_ms)
        for kind, spec in KINDS.items():
            if spec.sampling is not None:
                yield from self._samples_now(audience_state, kind, spec.sampling, symbol, book, now_ms)
        yield self._volume_now(audience_state, symbol, book, settings, now_ms)

    def _prices_now(
        self, audience_state: AudienceState, symbol: str, book: SymbolBook | None, settings: Settings, now_ms: int
    ) -> Iterator[RuleCheck]:
        kline = None if book is None else book.kline
        if book is not None and kline is not None:
            yield from self._whole_move(audience_state, book, kline, settings, now_ms)
        reading = None if book is None or kline is None else price_reading.live(book, kline)
        changes = {} if reading is None else dict(reading.changes)
        for window in price_reading.MEASURED:
            change = changes.get(window)
            threshold = threshold_of(window, "DUMP" if change is not None and change < 0 else "PUMP", settings)
            check = RuleCheck(
                rule=Rule("price", window),
                verdict=Verdict.BELOW_THRESHOLD,
                value=change,
                threshold=threshold or None,
            )
            check = with_origin(check, settings)
            if not threshold:
                yield replace(check, verdict=Verdict.SWITCHED_OFF)
            elif change is None or reading is None:
                yield replace(check, verdict=Verdict.NO_VALUE)
            else:
                span = reading.span_s(window)
                check = replace(
                    check,
                    from_ms=reading.event_ms - int(span * 1000),
                    to_ms=reading.event_ms,
                    sample_age_s=max(0, now_ms - reading.event_ms) / 1000,
                )
                move = Move(
                    direction="PUMP" if change > 0 else "DUMP",
                    change_pct=change,
                    window=window,
                    span_s=span,
                    candle_ms=reading.candle_ms,
                    event_ms=reading.event_ms,
                )
                yield self._price_verdict(audience_state, symbol, check, move, settings)

    def _whole_move(
        self, audience_state: AudienceState, book: SymbolBook, kline: Kline, settings: Settings, now_ms: int
    ) -> Iterator[RuleCheck]:
        """While an episode lasts; in the direction that is nearer to being told again."""
        found = audience_state.episodes.whole_moves(book.symbol, kline, book.event_ms)
        nearest = max(found, key=lambda one: one.move.change_pct / (one.threshold or 1.0), default=None)
        if nearest is not None:
            move = nearest.move
            closed = self._audiences.filter_reason(audience_state, "price", book.symbol, move.event_ms)
            check = RuleCheck(
                rule=Rule("price", move.window),
                verdict=nearest.verdict if closed is None else closed[0],
                value=move.change_pct,
                threshold=nearest.threshold,
                from_ms=move.event_ms - int(move.span_s * 1000),
                to_ms=move.event_ms,
                sample_age_s=max(0, now_ms - move.event_ms) / 1000,
                until_ms=None if closed is None else closed[1],
            )
            yield with_floor(check, settings, self._audiences, book.symbol)

    def _price_verdict(
        self, audience_state: AudienceState, symbol: str, check: RuleCheck, move: Move, settings: Settings
    ) -> RuleCheck:
        """What keeps it back however large it is goes first; then its size; then what was told already."""
        closed = self._audiences.filter_reason(audience_state, "price", symbol, move.event_ms)
        if closed is not None:
            check = replace(check, verdict=closed[0], until_ms=closed[1])
            return with_floor(check, settings, self._audiences, symbol)
        if not reaches(move.change_pct, check.threshold or 0.0):
            return check
        finding = audience_state.price.judge(symbol, move, settings)
        return replace(check, verdict=finding.verdict, until_ms=finding.until_ms)

    def _samples_now(
        self,
        audience_state: AudienceState,
        kind: Kind,
        sampling: Sampling,
        symbol: str,
        book: SymbolBook | None,
        now_ms: int,
    ) -> Iterator[RuleCheck]:
        settings = audience_state.settings_of(symbol)
        readings = Readings(oi_ring=self._links.oi_ring, context=self._links.context, now_ms=now_ms)
        sample = next(sampling.measure(readings, [symbol]), None)
        for window in KINDS[kind].windows:
            threshold = sampling.threshold_of(window, settings)
            check = RuleCheck(rule=Rule(kind, window), verdict=Verdict.BELOW_THRESHOLD, threshold=threshold or None)
            if sample is not None:
                if sampling.source == "sweep":  # tables carry no time of their own
                    check = replace(check, sample_age_s=max(0, now_ms - sample.at_ms) / 1000)
                if window in sample.values:
                    value, span_s = sample.values[window]
                    check = replace(check, value=value, from_ms=sample.at_ms - int(span_s * 1000), to_ms=sample.at_ms)
            if not threshold:
                yield replace(check, verdict=Verdict.SWITCHED_OFF)
            elif sample is None or check.value is None:
                yield replace(check, verdict=Verdict.NO_VALUE)
            else:
                price = self._audiences.price_of(symbol, book)
                yield self._sample_verdict(audience_state, check, sample, settings, price)

    def _sample_verdict(
        self,
        audience_state: AudienceState,
        check: RuleCheck,
        sample: Sample,
        settings: Settings,
        price: float | None,
    ) -> RuleCheck:
        symbol, kind, value = sample.symbol, check.rule.kind, check.value or 0.0
        decision = self._audiences.filter_reason(audience_state, kind, symbol, sample.at_ms) or size_floor(
            sample.contracts, price, settings
        )
        check = replace(check, verdict=decision[0], until_ms=decision[1])
        if not decision[0].is_raised:
            return with_size(with_floor(check, settings, self._audiences, symbol), sample.contracts, price, settings)
        if not reaches(abs(value), check.threshold or 0.0):
            return replace(check, verdict=Verdict.BELOW_THRESHOLD)
        verdict, until_ms = audience_state.sampled[kind].judge(
            symbol, "UP" if value > 0 else "DOWN", sample.at_ms, settings
        )
        return replace(check, verdict=verdict, until_ms=until_ms)

    def _volume_now(
        self, audience_state: AudienceState, symbol: str, book: SymbolBook | None, settings: Settings, now_ms: int
    ) -> RuleCheck:
        """Of the running candle where it was judged already, else of the last closed one."""
        check = RuleCheck(rule=VOLUME_RULE, verdict=Verdict.NO_VALUE, threshold=settings.vol_burst_mult or None)
        check = with_origin(check, settings)
        if not settings.vol_burst_mult:
            return replace(check, verdict=Verdict.SWITCHED_OFF)
        if book is None:
            return check
        running = self._log.of_minute(symbol, book.open_ms, audience_state.audience.destination).get(VOLUME_RULE)
        if running is not None and running.to_ms is not None and book.open_ms > book.last_closed_ms:
            return replace(running, sample_age_s=max(0, now_ms - running.to_ms) / 1000)
        if not book.closed:
            return check
        check = self._past.volume(audience_state, symbol, book, book.closed[-1].open_ms)
        return replace(check, sample_age_s=max(0, now_ms - book.closed[-1].open_ms - MINUTE_MS) / 1000)
