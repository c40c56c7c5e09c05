"""Why an alert came, or did not: every rule with its value now, or as it was judged in a minute that is past."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import isnan

from altmonitor.core.types import Destination
from altmonitor.detectors import open_interest as oi_surge
from altmonitor.detectors import price as price_reading
from altmonitor.detectors import volume as volume_burst
from altmonitor.detectors.price import MINUTES_OF, Move, span_s, threshold_of
from altmonitor.detectors.verdict import RULES, Explanation, Rule, RuleCheck, Verdict
from altmonitor.engine.audience_state import AudienceState
from altmonitor.engine.audiences import Audiences
from altmonitor.engine.evaluate import OI_RULE_OF, PRICE_RULE_OF, OpenInterestEvaluator, with_floor
from altmonitor.market.book import SymbolBook
from altmonitor.market.candles import MINUTE_MS, ClosedCandle
from altmonitor.market.math import change_pct, reaches
from altmonitor.market.open_interest import OpenInterestRing
from altmonitor.settings.settings import Settings


class Explainer:
    """Looks and changes nothing."""

    def __init__(self, panel: Audiences, oi_ring: OpenInterestRing) -> None:
        self._panel = panel
        self._oi_ring = oi_ring

    def explain(
        self, symbol: str, book: SymbolBook | None, destination: Destination, *, at_ms: int | None, now_ms: int
    ) -> Explanation:
        audience_state = self._panel.audience_state_at(destination) or self._panel.audience_states[0]
        destination = audience_state.audience.destination
        if at_ms is None or at_ms // MINUTE_MS == now_ms // MINUTE_MS:
            checks, moment_ms, is_now = tuple(self._now(audience_state, symbol, book, now_ms)), now_ms, True
        else:
            checks, moment_ms, is_now = self._then(audience_state, symbol, book, at_ms), at_ms, False
        return Explanation(
            symbol=symbol,
            destination=destination,
            at_ms=moment_ms,
            is_now=is_now,
            checks=checks,
            known_from_ms=self._panel.trace.known_from_ms,
        )

    # --- now

    def _now(
        self, audience_state: AudienceState, symbol: str, book: SymbolBook | None, now_ms: int
    ) -> Iterator[RuleCheck]:
        settings = audience_state.settings_of(symbol)
        yield from self._prices_now(audience_state, symbol, book, settings, now_ms)
        yield from self._oi_now(audience_state, symbol, book, settings, now_ms)
        yield self._volume_now(audience_state, symbol, book, settings, now_ms)

    def _prices_now(
        self, audience_state: AudienceState, symbol: str, book: SymbolBook | None, settings: Settings, now_ms: int
    ) -> Iterator[RuleCheck]:
        kline = None if book is None else book.kline
        reading = None if book is None or kline is None else price_reading.live(book, kline)
        changes = {} if reading is None else dict(reading.changes)
        for window, rule in PRICE_RULE_OF.items():
            change = changes.get(window)
            threshold = threshold_of(window, "DUMP" if change is not None and change < 0 else "PUMP", settings)
            check = RuleCheck(rule=rule, verdict=Verdict.BELOW_THRESHOLD, value=change, threshold=threshold or None)
            if not threshold:
                yield replace(check, verdict=Verdict.SWITCHED_OFF)
            elif change is None or reading is None:
                yield replace(check, verdict=Verdict.NO_VALUE)
            else:
                span = span_s(window, reading.candle_ms, reading.event_ms)
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

    def _price_verdict(
        self, audience_state: AudienceState, symbol: str, check: RuleCheck, move: Move, settings: Settings
    ) -> RuleCheck:
        """What keeps it back however large it is goes first; then its size; then what was told already."""
        closed = self._panel.filter_reason(audience_state, "price", symbol, move.event_ms)
        if closed is not None:
            check = replace(check, verdict=closed[0], until_ms=closed[1])
            return with_floor(check, settings, self._panel, symbol)
        if not reaches(move.change_pct, check.threshold or 0.0):
            return check
        finding = audience_state.price.judge(symbol, move, settings)
        return replace(check, verdict=finding.verdict, until_ms=finding.until_ms)

    def _oi_now(
        self, audience_state: AudienceState, symbol: str, book: SymbolBook | None, settings: Settings, now_ms: int
    ) -> Iterator[RuleCheck]:
        newest = self._oi_ring.newest(symbol)
        readings = [] if newest is None else list(oi_surge.measure(self._oi_ring, [symbol], now_ms=newest[0]))
        price = self._panel.price_of(symbol, book)
        for window, rule in OI_RULE_OF.items():
            threshold = oi_surge.oi_threshold_of(window, settings)
            check = RuleCheck(rule=rule, verdict=Verdict.BELOW_THRESHOLD, threshold=threshold or None)
            index = [name for name, _ in oi_surge.WINDOWS].index(window)
            change = readings[0].changes_pct[index] if readings else float("nan")
            if newest is not None:
                check = replace(check, sample_age_s=max(0, now_ms - newest[0]) / 1000)
            if not isnan(change) and newest is not None:
                span = readings[0].spans_s[index]
                check = replace(check, value=change, from_ms=newest[0] - int(span * 1000), to_ms=newest[0])
            if not threshold:
                yield replace(check, verdict=Verdict.SWITCHED_OFF)
            elif isnan(change) or newest is None:
                yield replace(check, verdict=Verdict.NO_VALUE)
            else:
                yield self._oi_verdict(audience_state, symbol, check, settings, newest[1], price)

    def _oi_verdict(
        self,
        audience_state: AudienceState,
        symbol: str,
        check: RuleCheck,
        settings: Settings,
        contracts: float,
        price: float | None,
    ) -> RuleCheck:
        at_ms, change = check.to_ms or 0, check.value or 0.0
        decision = self._panel.filter_reason(audience_state, "oi", symbol, at_ms) or OpenInterestEvaluator.floor(
            contracts, price, settings
        )
        check = replace(check, verdict=decision[0], until_ms=decision[1])
        if decision[0] is Verdict.THIN_OPEN_INTEREST and price is not None:
            return replace(check, floor_usd=settings.oi_min_usd, measured_usd=contracts * price)
        if not decision[0].is_raised:
            return with_floor(check, settings, self._panel, symbol)
        if not reaches(abs(change), check.threshold or 0.0):
            return replace(check, verdict=Verdict.BELOW_THRESHOLD)
        verdict, until_ms = audience_state.oi.judge(symbol, "UP" if change > 0 else "DOWN", at_ms, settings)
        return replace(check, verdict=verdict, until_ms=until_ms)

    def _volume_now(
        self, audience_state: AudienceState, symbol: str, book: SymbolBook | None, settings: Settings, now_ms: int
    ) -> RuleCheck:
        """Of the last closed candle; the running one is judged when it closes."""
        check = RuleCheck(rule="vol", verdict=Verdict.NO_VALUE, threshold=settings.vol_burst_mult or None)
        if not settings.vol_burst_mult:
            return replace(check, verdict=Verdict.SWITCHED_OFF)
        if book is None or not book.closed:
            return check
        return self._volume(audience_state, symbol, book, book.closed[-1], now_ms)

    # --- a minute that is past

    def _then(
        self, audience_state: AudienceState, symbol: str, book: SymbolBook | None, at_ms: int
    ) -> tuple[RuleCheck, ...]:
        """As judged; where no threshold was reached, how far it went, as long as its candle is kept."""
        checks = self._panel.trace.of_minute(symbol, at_ms, audience_state.audience.destination)
        minute_ms = at_ms // MINUTE_MS * MINUTE_MS
        candle = next(iter(book.closed.since(minute_ms)), None) if book is not None else None
        if book is not None and candle is not None and candle.open_ms == minute_ms:
            for check in self._of_candle(audience_state, symbol, book, candle):
                checks.setdefault(check.rule, check)
        return tuple(checks[rule] for rule in RULES if rule in checks)

    def _of_candle(
        self, audience_state: AudienceState, symbol: str, book: SymbolBook, candle: ClosedCandle
    ) -> Iterator[RuleCheck]:
        settings, end_ms = audience_state.settings_of(symbol), candle.open_ms + MINUTE_MS
        for window, minutes in (("1m", 1), *MINUTES_OF.items()):
            before = book.closed.open_at(candle.open_ms - (minutes - 1) * MINUTE_MS)
            if before is None or before <= 0:
                continue
            change = max(change_pct(before, candle.high), change_pct(before, candle.low), key=abs)
            threshold = threshold_of(window, "PUMP" if change > 0 else "DUMP", settings)
            if threshold:
                # Had it reached the threshold in force then, it would be among what was judged.
                rule: Rule = PRICE_RULE_OF[window]
                yield RuleCheck(
                    rule=rule,
                    verdict=Verdict.BELOW_THRESHOLD,
                    value=change,
                    threshold=threshold,
                    from_ms=end_ms - minutes * MINUTE_MS,
                    to_ms=end_ms,
                )
        yield self._volume(audience_state, symbol, book, candle, None)

    def _volume(
        self, audience_state: AudienceState, symbol: str, book: SymbolBook, candle: ClosedCandle, now_ms: int | None
    ) -> RuleCheck:
        settings, end_ms = audience_state.settings_of(symbol), candle.open_ms + MINUTE_MS
        before = [one.quote_usdt for one in book.closed if one.open_ms < candle.open_ms]
        measured = volume_burst.measure(before[-self._panel.lookback :], candle)
        judged = self._panel.trace.of_minute(symbol, candle.open_ms, audience_state.audience.destination).get("vol")
        check = judged or RuleCheck(
            rule="vol",
            verdict=volume_burst.verdict_of(measured, settings),
            value=measured.ratio,
            threshold=settings.vol_burst_mult or None,
            from_ms=candle.open_ms,
            to_ms=end_ms,
        )
        return check if now_ms is None else replace(check, sample_age_s=max(0, now_ms - end_ms) / 1000)
