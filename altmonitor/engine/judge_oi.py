"""Open interest before every audience."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from altmonitor.detectors.open_interest import OiFinding, OiReading, threshold_of
from altmonitor.detectors.verdict import Rule, RuleCheck, Verdict
from altmonitor.engine import alert_factory as compose
from altmonitor.engine.audience_state import Hearing
from altmonitor.engine.audiences import Decision, Panel
from altmonitor.engine.evaluate import with_floor
from altmonitor.engine.gathering import Gathering
from altmonitor.market.book import SymbolBook
from altmonitor.settings.settings import Settings

RULE_OF: Mapping[str, Rule] = {"1m": "oi_1m", "5m": "oi_5m"}


class OpenInterestJudge:
    def __init__(self, panel: Panel, books: Mapping[str, SymbolBook]) -> None:
        self._panel = panel
        self._books = books

    def look(self, readings: Iterable[OiReading]) -> None:
        """Symbol by symbol, of which a sample just came."""
        for reading in readings:
            gathered = self._panel.gathering()
            for hearing in self._panel.hearings:
                settings = hearing.settings_of(reading.symbol)
                finding = hearing.oi.look(reading, settings)
                if finding is not None:
                    self._on_finding(gathered, hearing, finding, settings)
            self._panel.put(gathered)

    def _on_finding(self, gathered: Gathering, hearing: Hearing, finding: OiFinding, settings: Settings) -> None:
        panel, symbol, book = self._panel, finding.symbol, self._books.get(finding.symbol)
        price = panel.price_of(symbol, book)
        decision: Decision = finding.verdict, finding.until_ms
        if finding.verdict.is_told:
            decision = panel.gate(hearing, "oi", symbol, finding.sample_ms) or self.floor(
                finding.contracts, price, settings
            )
        if decision[0].is_told:
            around = panel.surroundings(symbol, finding.sample_ms)
            panel.tell(gathered, hearing, compose.oi_alert(finding, book, price, settings, around), book)
        panel.verdicts["oi", decision[0]] += 1
        self._trace(hearing, finding, settings, decision, price)

    @staticmethod
    def floor(contracts: float, price: float | None, settings: Settings) -> Decision:
        if price is not None and contracts * price < settings.oi_min_usd:
            return Verdict.THIN_OPEN_INTEREST, None
        return Verdict.FIRE, None

    def _trace(
        self, hearing: Hearing, finding: OiFinding, settings: Settings, decision: Decision, price: float | None
    ) -> None:
        rule, verdict = RULE_OF[finding.window], decision[0]
        place, size = hearing.audience.destination, abs(finding.change_pct)
        if not self._panel.trace.wants(
            finding.symbol, finding.sample_ms, place, rule, is_told=verdict.is_told, size=size
        ):
            return
        check = RuleCheck(
            rule=rule,
            verdict=verdict,
            value=finding.change_pct,
            threshold=threshold_of(finding.window, settings),
            from_ms=finding.sample_ms - int(finding.span_s * 1000),
            to_ms=finding.sample_ms,
            until_ms=decision[1],
        )
        if verdict is Verdict.THIN_OPEN_INTEREST and price is not None:
            check = replace(check, floor_usd=settings.oi_min_usd, measured_usd=finding.contracts * price)
        self._panel.note(
            hearing, finding.symbol, finding.sample_ms, with_floor(check, settings, self._panel, finding.symbol)
        )
