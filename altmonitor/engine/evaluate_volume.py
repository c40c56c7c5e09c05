"""The volume of candles before every audience: while they run and when they close."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import inf

import msgspec

from altmonitor.core.alert import Alert, Direction
from altmonitor.detectors import volume as volume_burst
from altmonitor.detectors.adaptive import with_origin
from altmonitor.detectors.verdict import Rule, RuleCheck, Verdict
from altmonitor.detectors.volume import VolumeFinding
from altmonitor.engine import alert_factory as compose
from altmonitor.engine.audience_state import AudienceState
from altmonitor.engine.audiences import AlertGroup, Audiences, Decision
from altmonitor.engine.decision_log import DecisionLog
from altmonitor.engine.evaluate import with_floor
from altmonitor.market.book import SymbolBook
from altmonitor.market.candles import MINUTE_MS, Kline
from altmonitor.settings.settings import Settings


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
