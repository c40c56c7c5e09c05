"""Closed candles before every audience."""

from __future__ import annotations

from dataclasses import replace

from altmonitor.detectors import volume as volume_burst
from altmonitor.detectors.verdict import RuleCheck, Verdict
from altmonitor.detectors.volume import VolumeFinding
from altmonitor.engine import alert_factory as compose
from altmonitor.engine.audience_state import Hearing
from altmonitor.engine.audiences import Decision, Panel
from altmonitor.engine.evaluate import with_floor
from altmonitor.engine.gathering import Gathering
from altmonitor.market.book import SymbolBook
from altmonitor.market.candles import MINUTE_MS, Kline
from altmonitor.settings.settings import Settings


class VolumeJudge:
    def __init__(self, panel: Panel) -> None:
        self._panel = panel

    def look(
        self, book: SymbolBook, kline: Kline, measured: VolumeFinding, event_ms: int, *, is_late: bool = False
    ) -> None:
        """measured: of this candle, which is closed."""
        panel, symbol = self._panel, book.symbol
        gathered: Gathering | None = None
        for hearing in panel.hearings:
            settings = hearing.settings_of(symbol)
            verdict = volume_burst.verdict_of(measured, settings)
            if verdict is Verdict.FIRE:
                decision = self._decide(hearing, symbol, measured, event_ms)
                verdict = decision[0]
                if verdict is Verdict.FIRE:
                    gathered = gathered or panel.gathering()
                    around = panel.surroundings(symbol, event_ms, is_late=is_late)
                    panel.tell(gathered, hearing, compose.volume_alert(symbol, kline, measured, settings, around), book)
                self._trace(hearing, symbol, kline, measured, settings, decision)
            elif verdict is Verdict.THIN_CANDLE:
                self._trace(hearing, symbol, kline, measured, settings, (verdict, None))
            panel.verdicts["vol", verdict] += 1
        if gathered is not None:
            panel.put(gathered)

    def _decide(self, hearing: Hearing, symbol: str, measured: VolumeFinding, event_ms: int) -> Decision:
        return (
            self._panel.gate(hearing, "vol", symbol, event_ms)
            or hearing.volume_cooldown(symbol, measured.direction, event_ms)
            or (Verdict.FIRE, None)
        )

    def _trace(
        self,
        hearing: Hearing,
        symbol: str,
        kline: Kline,
        measured: VolumeFinding,
        settings: Settings,
        decision: Decision,
    ) -> None:
        """Under the minute of the candle."""
        check = RuleCheck(
            rule="vol",
            verdict=decision[0],
            value=measured.ratio,
            threshold=settings.vol_burst_mult,
            from_ms=kline.open_ms,
            to_ms=kline.open_ms + MINUTE_MS,
            until_ms=decision[1],
        )
        if decision[0] is Verdict.THIN_CANDLE:
            check = replace(check, floor_usd=settings.vol_burst_min_usdt, measured_usd=measured.quote_usdt)
        self._panel.note(hearing, symbol, kline.open_ms, with_floor(check, settings, self._panel, symbol))
