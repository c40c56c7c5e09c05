"""What can be known about who is positioned, and who is asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from altmonitor.positioning.divergence import Divergence
from altmonitor.positioning.history import Change, NotEnoughHistory
from altmonitor.positioning.picture import Picture
from altmonitor.positioning.scan import ExtremeScan
from altmonitor.positioning.trend import ProfitTrend


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingPart:
    """part: `smartMoney`, `topTrader`, `openInterest` or `funding`. cause: `blocked` (not asked before until_ms),
    `unreachable`, `no data` (for this symbol), `not tracked`."""

    part: str
    cause: str
    until_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoFacts:
    """day_*: of the last 24 h, percent and USDT; None when not known. missing: why a part of the picture is None."""

    picture: Picture
    day_change_pct: float | None = None
    day_quote_usdt: float | None = None
    missing: tuple[MissingPart, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DivergenceFacts:
    """found: None when crowd and top traders have no bucket in common."""

    symbol: str
    period: str
    found: Divergence | None


class PositionQueries(Protocol):
    """Questions to the exchange, its website and what a tracker stored.

    May raise ExchangeError; the last three StorageError.
    """

    async def who(self, symbol: str) -> WhoFacts: ...
    async def divergence(self, symbol: str, *, period: str) -> DivergenceFacts: ...
    async def change(self, symbol: str, *, minutes: int) -> Change | NotEnoughHistory: ...
    async def trend(self, symbol: str, *, minutes: int) -> ProfitTrend | NotEnoughHistory: ...
    async def scan(self, *, limit: int) -> ExtremeScan: ...
