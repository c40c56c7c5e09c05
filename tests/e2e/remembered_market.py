"""A seeded market whose past is computed once for all tests of a process.

Every start reads a day of candles of each contract. Before the first event of a script that past is the same in every
test, and computing it took half of a short test's time.
"""

from __future__ import annotations

from collections.abc import Sequence

from altmonitor.market.candles import MINUTE_MS
from altmonitor.sim.market import SeededMarket
from altmonitor.sim.script import Event
from altmonitor.sim.wire import KlineRow

BLOCK_MS = 250 * MINUTE_MS

_known: dict[object, dict[tuple[str, int], list[KlineRow]]] = {}


class RememberedMarket(SeededMarket):
    def __init__(
        self, *, seed: int, start_ms: int, symbols: int, frames_per_s: float, script: Sequence[Event] = ()
    ) -> None:
        super().__init__(seed=seed, start_ms=start_ms, symbols=symbols, frames_per_s=frames_per_s, script=script)

    def add(self, *events: Event) -> None:
        super().add(*events)
        same = (self._seed, self.start_ms, self._frames_per_s, self.contracts())
        self._blocks_of_past = _known.setdefault(same, {})
        self._past_to_ms = min([self.start_ms, *(event.at_ms for event in self._events)]) - MINUTE_MS

    def kline_rows(self, symbol: str, *, start_ms: int, end_ms: int, at_ms: int) -> list[KlineRow]:
        found: list[KlineRow] = []
        past_to_ms = min(self._past_to_ms, end_ms, at_ms) // BLOCK_MS * BLOCK_MS
        for block_ms in range(start_ms // BLOCK_MS * BLOCK_MS, past_to_ms, BLOCK_MS):
            found += [row for row in self._block_of_past(symbol, block_ms) if start_ms <= int(row[0])]
        return found + super().kline_rows(symbol, start_ms=max(start_ms, past_to_ms), end_ms=end_ms, at_ms=at_ms)

    def _block_of_past(self, symbol: str, block_ms: int) -> list[KlineRow]:
        if (symbol, block_ms) not in self._blocks_of_past:
            self._blocks_of_past[symbol, block_ms] = super().kline_rows(
                symbol, start_ms=block_ms, end_ms=block_ms + BLOCK_MS - MINUTE_MS, at_ms=1 << 60
            )
        return self._blocks_of_past[symbol, block_ms]
