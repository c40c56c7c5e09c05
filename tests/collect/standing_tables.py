"""Tables of one venue that were read a while ago and never change, in the place of `MarketSnapshots`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from altmonitor.collect.tickers import SnapshotAges
from altmonitor.market.quotes import Funding
from altmonitor.positioning.funding import VenueFunding


class StandingTables:
    def __init__(
        self,
        rates: Mapping[str, float],
        *,
        hours: float = 8.0,
        age_s: float = 12.0,
        predicted: Mapping[str, Sequence[VenueFunding]] | None = None,
    ) -> None:
        self.rows = {
            symbol: Funding(symbol=symbol, rate=rate, mark_price=1.0, next_ms=1_790_028_800_000)
            for symbol, rate in rates.items()
        }
        self._hours = hours
        self._age_s = age_s
        self.predicted = {} if predicted is None else predicted

    def fundings(self) -> Mapping[str, Funding]:
        return self.rows

    def funding_hours(self, symbol: str) -> float:
        return self._hours

    def predicted_fundings(self) -> Mapping[str, Sequence[VenueFunding]]:
        return self.predicted

    def ages(self) -> SnapshotAges:
        return SnapshotAges(day_s=self._age_s, funding_s=self._age_s)
