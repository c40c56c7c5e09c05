"""A minute that is over, rule by rule: what was decided in it, else what can be said from what is kept, else that it is
not kept. Never by the settings of today."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import inf

from altmonitor.detectors import volume as volume_burst
from altmonitor.detectors.adaptive import adapted, with_origin
from altmonitor.detectors.kinds import KINDS, RULES, WINDOW_S
from altmonitor.detectors.price import MINUTES_OF, WHOLE, threshold_of
from altmonitor.detectors.sampled import Sampling
from altmonitor.detectors.verdict import Rule, RuleCheck, Verdict
from altmonitor.engine.audience_state import AudienceState
from altmonitor.engine.audiences import Audiences
from altmonitor.engine.decision_log import DecisionLog
from altmonitor.market.book import SymbolBook
from altmonitor.market.candles import MINUTE_MS, ClosedCandle, Usual
from altmonitor.market.math import change_pct, reaches
from altmonitor.market.open_interest import WINDOW_TOLERANCE, OpenInterestRing
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import Settings

_MINUTES = {"1m": 1, **MINUTES_OF}
"""Windows whose changes a closed candle still tells."""
VOLUME_RULE = Rule("vol", "1m")
_UNHEARD = frozenset({Verdict.MUTED, Verdict.NOT_WATCHED, Verdict.NOT_ROUTED, Verdict.SWITCHED_OFF})
_LONGEST_QUIET_MS = max(MINUTES_OF.values()) * MINUTE_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class _Minute:
    """candle: None where it is not kept. is_closed: its volume is complete. gap: why nothing is known of what was
    decided. judged_ms: when it was looked through, for a minute that was not seen."""

    audience_state: AudienceState
    symbol: str
    book: SymbolBook | None
    open_ms: int
    candle: ClosedCandle | None
    is_closed: bool
    gap: Verdict | None
    judged_ms: int | None
    judged: Mapping[Rule, RuleCheck]

    @property
    def end_ms(self) -> int:
        return self.open_ms + MINUTE_MS

    @property
    def is_late(self) -> bool:
        return self.judged_ms is not None


class PastMinutes:
    def __init__(self, audiences: Audiences, log: DecisionLog, oi_ring: OpenInterestRing) -> None:
        self._audiences = audiences
        self._log = log
        self._oi_ring = oi_ring

    def checks(
        self, audience_state: AudienceState, symbol: str, book: SymbolBook | None, at_ms: int
    ) -> tuple[tuple[RuleCheck, ...], Verdict | None]:
        """Every rule but that of the whole move, which is there where it was judged; and why nothing is known of the
        minute, None where it is."""
        minute = self._minute(audience_state, symbol, book, at_ms // MINUTE_MS * MINUTE_MS)
        if minute.gap is Verdict.NOT_LISTED:
            return tuple(minute.judged.values()), minute.gap
        found: list[RuleCheck] = []
        for rule in RULES:
            known = minute.judged.get(rule)
            if known is not None:
                found.append(_farthest(known, minute))
            elif rule.window != WHOLE:
                found.append(self._not_judged(rule, minute))
        return tuple(found), minute.gap

    def volume(self, audience_state: AudienceState, symbol: str, book: SymbolBook, open_ms: int) -> RuleCheck:
        """Of that minute, the same."""
        minute = self._minute(audience_state, symbol, book, open_ms)
        return minute.judged.get(VOLUME_RULE) or self._volume(VOLUME_RULE, minute)

    def _minute(self, audience_state: AudienceState, symbol: str, book: SymbolBook | None, open_ms: int) -> _Minute:
        candle, is_closed = None, False
        if book is not None:
            candle = next((one for one in book.closed.since(open_ms)[:1] if one.open_ms == open_ms), None)
            is_closed = candle is not None
            if candle is None and book.kline is not None and book.open_ms == open_ms:
                candle = ClosedCandle.of(book.kline)
        gap = self._log.gap_of(symbol, open_ms)
        if gap is None and candle is None and (book is None or book.open_ms < open_ms):
            gap = Verdict.NOT_SEEN
        return _Minute(
            audience_state=audience_state,
            symbol=symbol,
            book=book,
            open_ms=open_ms,
            candle=candle,
            is_closed=is_closed,
            gap=gap,
            judged_ms=self._log.looked_back_ms(symbol, open_ms),
            judged=self._log.of_minute(symbol, open_ms, audience_state.audience.destination),
        )

    def _not_judged(self, rule: Rule, minute: _Minute) -> RuleCheck:
        """No threshold is known to have been reached."""
        sampling = KINDS[rule.kind].sampling
        if sampling is not None:
            return self._sampled(rule, sampling, minute)
        if rule.kind == "vol":
            return self._volume(rule, minute)
        return self._price(rule, minute)

    # --- prices

    def _price(self, rule: Rule, minute: _Minute) -> RuleCheck:
        extremes = _extremes(rule.window, minute)
        check = RuleCheck(rule=rule, verdict=Verdict.NOT_KEPT, is_late=minute.is_late)
        if extremes is not None:
            from_ms = minute.end_ms - _MINUTES[rule.window] * MINUTE_MS
            check = replace(check, value=max(extremes, key=abs), from_ms=from_ms, to_ms=minute.end_ms)
        if minute.gap is not None:
            return replace(check, verdict=minute.gap, is_late=False)
        if rule.window not in _MINUTES and minute.is_late:
            return replace(check, verdict=Verdict.NO_VALUE)  # of a price a minute ago history knows nothing

        def judge(settings: Settings) -> RuleCheck:
            if not threshold_of(rule.window, "PUMP", settings):
                return replace(check, verdict=Verdict.SWITCHED_OFF, is_late=False)
            if extremes is None:
                return check
            bounds = threshold_of(rule.window, "PUMP", settings), threshold_of(rule.window, "DUMP", settings)
            sides = list(zip(extremes, bounds, strict=True))
            beyond = [side for side in sides if reaches(*side)]
            value, threshold = max(beyond or sides, key=lambda side: abs(side[0]))
            bound = replace(check, value=value, threshold=threshold)
            return self._unheard(bound, minute, settings) if beyond else replace(bound, verdict=Verdict.BELOW_THRESHOLD)

        return self._in_force(check, minute, judge)

    def _unheard(self, check: RuleCheck, minute: _Minute, settings: Settings) -> RuleCheck:
        """The candle reached the threshold, and no judgement says so: something was told shortly before and there was
        nothing new to say, or the candle did so between two updates."""
        quiet_ms = max(settings.cooldown_sec * 1000, _LONGEST_QUIET_MS)
        since_ms = minute.open_ms - quiet_ms
        known_from_ms = self._log.known_from_ms
        if minute.is_late or known_from_ms is None or since_ms < known_from_ms:
            return check
        destination, is_up = minute.audience_state.audience.destination, (check.value or 0.0) > 0
        told = [
            (judged_ms, one)
            for judged_ms, one in self._log.between(minute.symbol, since_ms, minute.open_ms, destination)
            if one.rule.kind == "price" and one.verdict.is_raised and ((one.value or 0.0) > 0) is is_up
        ]
        if any(judged_ms == minute.open_ms for judged_ms, _ in told):
            return replace(check, verdict=Verdict.RAISED_THIS_CANDLE)
        cooldown_ms = settings.cooldown_sec * 1000
        ends_ms = [(one.to_ms or judged_ms) + cooldown_ms for judged_ms, one in told]
        if ends_ms and max(ends_ms) >= minute.end_ms:
            return replace(check, verdict=Verdict.COOLING_DOWN, until_ms=max(ends_ms))
        return check if ends_ms else replace(check, verdict=Verdict.BETWEEN_UPDATES)

    # --- what is sampled

    def _sampled(self, rule: Rule, sampling: Sampling, minute: _Minute) -> RuleCheck:
        check = RuleCheck(rule=rule, verdict=Verdict.NOT_KEPT)
        if sampling.source == "sweep":
            check = self._open_interest(check, minute)
        if minute.gap is Verdict.NOT_KEPT:
            return replace(check, verdict=Verdict.NOT_KEPT)
        known = check

        def judge(settings: Settings) -> RuleCheck:
            threshold = sampling.threshold_of(rule.window, settings)
            if not threshold:
                return replace(known, verdict=Verdict.SWITCHED_OFF)
            if known.value is None:
                return known
            bound = replace(known, threshold=threshold)
            is_below = not reaches(abs(known.value or 0.0), threshold)
            return replace(bound, verdict=Verdict.BELOW_THRESHOLD) if is_below else bound

        return self._in_force(check, minute, judge, is_own_minute=True)

    def _open_interest(self, check: RuleCheck, minute: _Minute) -> RuleCheck:
        """The largest change that ended in this minute, as far as the samples are kept."""
        window_ms = round(WINDOW_S[check.rule.window] * 1000)
        kept = self._oi_ring.samples(minute.symbol, from_ms=0)
        if not kept or kept[0][0] >= minute.open_ms:
            return check
        found = [
            (change, time_ms)
            for time_ms, _ in kept
            if minute.open_ms <= time_ms < minute.end_ms
            and (change := self._oi_ring.change_at(minute.symbol, at_ms=time_ms, window_ms=window_ms)) is not None
        ]
        if found:
            (value, span_s), to_ms = max(found, key=lambda one: abs(one[0][0]))
            return replace(check, value=value, from_ms=to_ms - round(span_s * 1000), to_ms=to_ms)
        is_complete = kept[0][0] <= minute.open_ms - window_ms * (1 + WINDOW_TOLERANCE)
        return replace(check, verdict=Verdict.NO_VALUE) if is_complete else check

    # --- volume

    def _volume(self, rule: Rule, minute: _Minute) -> RuleCheck:
        judged_ms = self._log.looked_back_ms(minute.symbol, minute.open_ms, is_volume=True)
        check = RuleCheck(rule=rule, verdict=Verdict.NOT_KEPT, is_late=judged_ms is not None)
        if minute.gap is None and minute.candle is not None and not minute.is_closed:
            return replace(check, verdict=Verdict.NO_VALUE)
        measured = None
        if minute.book is not None and minute.candle is not None:
            run, lookback = minute.book.closed, self._audiences.lookback
            before = [one.quote_usdt for one in run if one.open_ms < minute.open_ms][-lookback:]
            if len(before) == lookback or len(run) < run.capacity:
                measured = volume_burst.measure(Usual.of(before), minute.candle)
                check = replace(check, value=measured.ratio, from_ms=minute.open_ms, to_ms=minute.end_ms)
        if minute.gap is not None:
            return replace(check, verdict=minute.gap, is_late=False)

        def judge(settings: Settings) -> RuleCheck:
            if not settings.vol_burst_mult:
                return replace(check, verdict=Verdict.SWITCHED_OFF, is_late=False)
            if measured is None:
                return check
            verdict = volume_burst.verdict_of(measured, settings)
            bound = replace(check, threshold=settings.vol_burst_mult)
            # What was beyond it was judged and would be known.
            return bound if verdict in (Verdict.FIRE, Verdict.THIN_CANDLE) else replace(bound, verdict=verdict)

        return self._in_force(check, replace(minute, judged_ms=judged_ms), judge)

    # --- settings

    def _in_force(
        self,
        check: RuleCheck,
        minute: _Minute,
        judge: Callable[[Settings], RuleCheck],
        *,
        is_own_minute: bool = False,
    ) -> RuleCheck:
        """Against what was in force when it was judged, and only where that is known. is_own_minute: it was judged in
        its own minute, whatever else was missed of that."""
        from_ms, to_ms = minute.open_ms, minute.end_ms
        if minute.judged_ms is not None and not is_own_minute:
            from_ms, to_ms = minute.judged_ms, minute.judged_ms + 1
        in_force = minute.audience_state.in_force(from_ms, to_ms)
        if not in_force:
            return replace(check, verdict=Verdict.NOT_KEPT, threshold=None)
        usual = self._audiences.usual_at(minute.symbol, from_ms)
        own = [(adapted(one.settings.for_symbol(minute.symbol), usual), one) for one in in_force]
        found = [_kept_back(with_origin(judge(settings), settings), one, minute, to_ms) for settings, one in own]
        heard = [one for one in found if one.verdict not in _UNHEARD]  # a part of it that was not says nothing of those
        found = heard or found
        if len({one.verdict for one in found}) > 1:
            return replace(check, verdict=Verdict.SETTINGS_CHANGED, threshold=None)
        return min(found[::-1], key=lambda one: abs(one.threshold or 0.0))  # the newest, or the nearest to telling


def _kept_back(check: RuleCheck, audience: Audience, minute: _Minute, to_ms: int) -> RuleCheck:
    """What kept it back however large it was goes before its size."""
    kind, symbol, settings = check.rule.kind, minute.symbol, audience.settings
    if check.verdict is Verdict.SWITCHED_OFF:
        return check
    if kind not in audience.kinds:
        return replace(check, verdict=Verdict.NOT_ROUTED)
    until_s = max(map(settings.muted_until_s, (symbol, minute.audience_state.venue_mark)))
    if (to_ms - 1) / 1000 < until_s:
        return replace(check, verdict=Verdict.MUTED, until_ms=None if until_s == inf else int(until_s) * 1000)
    if not settings.is_watched(symbol):
        return replace(check, verdict=Verdict.NOT_WATCHED)
    return check


def _extremes(window: str, minute: _Minute) -> tuple[float, float] | None:
    """The farthest changes upwards and downwards, percent; None where that is not kept."""
    book, candle = minute.book, minute.candle
    if window not in _MINUTES or book is None or candle is None:
        return None
    first_ms = minute.end_ms - _MINUTES[window] * MINUTE_MS
    before = candle.open if first_ms == minute.open_ms else book.closed.open_at(first_ms)
    if before is None or before <= 0.0 or not 0.0 < candle.low <= candle.high:
        return None
    return change_pct(before, candle.high), change_pct(before, candle.low)


def _farthest(check: RuleCheck, minute: _Minute) -> RuleCheck:
    """What was not told is shown as far as the candle went: of what can be no news not every update is judged."""
    if check.rule.kind != "price" or check.verdict.is_raised or check.value is None:
        return check
    extremes = _extremes(check.rule.window, minute)
    if extremes is None:
        return check
    farthest = extremes[0] if check.value > 0 else extremes[1]
    if abs(farthest) <= abs(check.value):
        return check
    from_ms = minute.end_ms - _MINUTES[check.rule.window] * MINUTE_MS
    return replace(check, value=farthest, from_ms=from_ms, to_ms=minute.end_ms)
