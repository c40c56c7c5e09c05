"""The port `Market`: what a simulated exchange sells, whoever makes it up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from altmonitor.sim.contracts import SimContract
from altmonitor.sim.wire import Frame, KlineRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """Rolling 24 h of one contract. Volumes are of the right size, not the sum of its candles."""

    symbol: str
    open: float
    high: float
    low: float
    last: float
    quote: float
    price_decimals: int


class Market(Protocol):
    """The exchange clock's time is handed in everywhere; nothing here waits or asks what time it is."""

    @property
    def start_ms(self) -> int: ...

    def contracts(self) -> Sequence[SimContract]: ...
    def contract(self, symbol: str) -> SimContract | None: ...

    def frames(self, after_ms: int, until_ms: int) -> list[Frame]:
        """Everything pushed in (after_ms, until_ms], oldest → newest. One window holds one push per symbol at most,
        its newest, and every closing frame."""

    def kline_rows(self, symbol: str, *, start_ms: int, end_ms: int, at_ms: int) -> list[KlineRow]:
        """1-minute candles with open time in [start_ms, end_ms] as known at `at_ms`, oldest → newest."""

    def days(self, symbols: Sequence[str], at_ms: int) -> list[Day]: ...
    def prices(self, symbols: Sequence[str], at_ms: int) -> list[float]: ...
    def open_interest(self, symbol: str, at_ms: int) -> float:
        """Contracts (base coins)."""

    def moods(self, symbols: Sequence[str], topic: int, step: int) -> list[float]:
        """Slow numbers in -1…1 for what the market does not model (funding, ratios), one per symbol."""
