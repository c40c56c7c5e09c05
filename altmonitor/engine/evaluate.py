"""Price moves before every audience."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from altmonitor.detectors.open_interest import STALE_SWEEPS
from altmonitor.detectors.price import PriceFinding
from altmonitor.detectors.price_reading import Move, Reading, threshold_of
from altmonitor.detectors.verdict import Rule, RuleCheck, Verdict
from altmonitor.engine import alert_factory as compose
from altmonitor.engine.audience_state import Hearing
from altmonitor.engine.audiences import Decision, Panel
from altmonitor.engine.context import Surroundings
from altmonitor.engine.gathering import Gathering
from altmonitor.market.book import SymbolBook
from altmonitor.market.candles import MINUTE_MS, Kline
from altmonitor.market.open_interest import OpenInterestRing
from altmonitor.settings.settings import Settings

RULE_OF: Mapping[str, Rule] = {"1m": "price_1m", "60s": "price_60s", "5m": "price_5m", "15m": "price_15m"}


class PriceJudge:
    def __init__(self, panel: Panel, oi_ring: OpenInterestRing) -> None:
        self._panel = panel
        self._oi_ring = oi_ring

    def look(self, book: SymbolBook, kline: Kline, reading: Reading, *, is_late: bool = False) -> None:
        """kline: whose price it is; in hindsight another one than the book's."""
        panel, symbol = self._panel, book.symbol
        gathered: Gathering | None = None  # most frames beyond a bound tell nothing
        around: Surroundings | None = None
        for hearing in panel.hearings:
            settings = hearing.settings_of(symbol)
            for move in reading.reached(settings):
                finding, decision = self._decide(hearing, symbol, move, settings)
                if finding is not None and finding.verdict.is_told:
                    gathered = gathered or panel.gathering()
                    around = around or self._surroundings(symbol, move.event_ms, is_late=is_late)
                    panel.tell(gathered, hearing, compose.price_alert(symbol, kline, finding, settings, around), book)
                panel.verdicts["price", decision[0]] += 1
                self._trace(hearing, symbol, move, settings, decision)
        if gathered is not None:
            panel.put(gathered)

    def _decide(
        self, hearing: Hearing, symbol: str, move: Move, settings: Settings
    ) -> tuple[PriceFinding | None, Decision]:
        closed = self._panel.gate(hearing, "price", symbol, move.event_ms)
        if closed is not None:
            return None, closed
        finding = hearing.price.judge(symbol, move, settings)
        return finding, (finding.verdict, finding.until_ms)

    def oi_change_1m(self, symbol: str, event_ms: int) -> float | None:
        """1-minute open-interest change at an event, percent.

        None without an honest value. A sample from before the event's candle would describe the minute before the
        move and is not used.
        """
        stale_ms = int(self._oi_ring.period_ms * STALE_SWEEPS)
        candle_ms = event_ms - event_ms % MINUTE_MS
        return self._oi_ring.change_since_pct(symbol, window_ms=MINUTE_MS, after_ms=max(candle_ms, event_ms - stale_ms))

    def _surroundings(self, symbol: str, event_ms: int, *, is_late: bool) -> Surroundings:
        around = self._panel.surroundings(symbol, event_ms, is_late=is_late)
        return around if is_late else replace(around, oi_change=self.oi_change_1m(symbol, event_ms))

    def _trace(self, hearing: Hearing, symbol: str, move: Move, settings: Settings, decision: Decision) -> None:
        rule, place = RULE_OF[move.window], hearing.audience.destination
        verdict, until_ms = decision
        if self._panel.trace.wants(
            symbol, move.event_ms, place, rule, is_told=verdict.is_told, size=abs(move.change_pct)
        ):
            check = RuleCheck(
                rule=rule,
                verdict=verdict,
                value=move.change_pct,
                threshold=threshold_of(move.window, move.direction, settings),
                from_ms=move.event_ms - int(move.span_s * 1000),
                to_ms=move.event_ms,
                until_ms=until_ms,
            )
            self._panel.note(hearing, symbol, move.event_ms, with_floor(check, settings, self._panel, symbol))


def with_floor(check: RuleCheck, settings: Settings, panel: Panel, symbol: str) -> RuleCheck:
    """How thin it was, where that is the reason."""
    if check.verdict is not Verdict.THIN_DAY:
        return check
    return replace(check, floor_usd=settings.min_24h_usdt, measured_usd=panel.day_usdt(symbol))
