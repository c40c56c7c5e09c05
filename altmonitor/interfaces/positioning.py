"""What is asked about who is positioned, as small Protocols. exchanges/ and tests stand behind them.

Three causes stay apart everywhere: `ExchangeBlocked` (do not ask again before a moment), the other `ExchangeError`s
(no usable answer), and None or an empty list: the venue has no such numbers for this symbol.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from altmonitor.core.status import GuardStatus
from altmonitor.interfaces.exchange import Priority
from altmonitor.market.quotes import DayTicker, Funding
from altmonitor.positioning.divergence import Histories
from altmonitor.positioning.open_interest import OiBar
from altmonitor.positioning.ratios import TopTraders
from altmonitor.positioning.smart_money import Overview


class SmartMoney(Protocol):
    async def overview(self, symbol: str, *, priority: Priority, is_fresh: bool = False) -> Overview | None:
        """is_fresh: captured after this call, or nothing. Otherwise an answer of the last 10 minutes will do, and an
        older one rather than none while the venue does not answer: `captured_ms` tells.

        Raises: ExchangeError.
        """

    def guard_status(self) -> GuardStatus: ...


class Cohorts(Protocol):
    """One venue's ratios of longs to shorts. venue: `binance`, `okx`, `bybit`."""

    venue: str

    async def cohorts(self, symbol: str, *, period: str, limit: int, priority: Priority) -> Histories:
        """symbol: the USDT perpetual as Binance spells it. limit: newest buckets, 1…500 (a venue may keep fewer).

        Raises: ExchangeError; ValueError for a period or limit the venue does not have.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class TakerBucket:
    """What takers traded in `minutes` minutes from open_ms on, in USD (coins at their price): all of it, and what they
    bought. The newest of them may still be running."""

    open_ms: int
    minutes: int
    quote_usdt: float
    taker_quote_usdt: float


@runtime_checkable
class TakerFlows(Protocol):
    """A venue that tells who took the price."""

    async def taker_day(self, symbol: str, *, priority: Priority) -> Sequence[TakerBucket]:
        """Of the last 24 hours, oldest → newest; none where the venue does not list the contract. Raises:
        ExchangeError."""


@runtime_checkable
class PastOpenInterest(Protocol):
    """A venue that tells what was open in the past."""

    async def open_interest_history(
        self, symbol: str, *, period: str, limit: int, priority: Priority
    ) -> Sequence[OiBar]:
        """The newest, at most `limit`, oldest → newest. Raises: ExchangeError; ValueError for a period or limit that
        the venue does not have."""


class Positioning(Cohorts, Protocol):
    """All that a venue tells about who is positioned, one symbol at a time. Every method may raise ExchangeError."""

    async def top_traders(
        self, symbol: str, *, period: str, priority: Priority, is_fresh: bool = False
    ) -> TopTraders | None:
        """All three parts or nothing. Raises: ValueError for a period that is none."""

    async def open_interest_bars(self, symbol: str, *, priority: Priority, is_fresh: bool = False) -> Sequence[OiBar]:
        """5-minute bars of the last 4 hours, oldest → newest."""

    async def day_ticker(self, symbol: str, *, priority: Priority) -> DayTicker: ...
    async def funding(self, symbol: str, *, priority: Priority) -> Funding: ...
    async def funding_hours_of(self, symbol: str) -> float | None:
        """Hours between settlements; None where they are the usual ones of the venue."""
