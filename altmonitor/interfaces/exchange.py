"""What the monitor needs from the outside, as small Protocols. exchanges/, storage/ and sim/ stand behind them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from altmonitor.core.causes import Cause
from altmonitor.core.status import FeedStatus, GuardStatus
from altmonitor.market.candles import Candle, KlineUpdate
from altmonitor.market.contracts import Contract, ContractNews
from altmonitor.market.quotes import DayTicker, Funding, LongShortRatio, OpenInterest


class Priority(IntEnum):
    """Who goes first when the exchange's request budget is short (lower value first)."""

    ENRICH = 0
    UNIVERSE = 1
    BACKFILL = 2
    SWEEP = 3
    TRACKING = 4


class MarketContext(Protocol):
    """What is known of a symbol beside its candles; None when unknown or too old."""

    def day(self, symbol: str) -> DayTicker | None: ...
    def funding(self, symbol: str) -> Funding | None: ...
    def funding_hours(self, symbol: str) -> float: ...


class MarketRest(Protocol):
    """Questions to the exchange. Every method may raise `errors.ExchangeError` and nothing else.

    `start` before the first question, `stop` after the last. start raises ConfigError for a proxy that cannot be used.
    """

    @property
    def skipped(self) -> Mapping[str, int]:
        """Rows that were left out because they cannot be, by what they are."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def contracts(self) -> list[Contract]: ...
    async def server_time_ms(self) -> int: ...
    async def exchange_now_ms(self) -> int:
        """The exchange's clock; asked for when it is not known, or when this machine slept or its clock was set."""

    async def open_interest(self, symbol: str, *, priority: Priority) -> OpenInterest: ...
    async def klines(self, symbol: str, *, start_ms: int, end_ms: int, limit: int, priority: Priority) -> list[Candle]:
        """Closed and open candles with open time in [start_ms, end_ms], oldest → newest, length ≤ limit."""

    async def day_tickers(self) -> list[DayTicker]: ...
    async def fundings(self) -> list[Funding]: ...
    async def funding_hours(self) -> dict[str, float]:
        """Symbol → interval length in hours for those that differ from the usual."""

    async def long_short_ratio(self, symbol: str, *, period: str, priority: Priority) -> LongShortRatio | None:
        """None: the exchange has no ratio for this symbol."""

    def guard_status(self) -> GuardStatus: ...


class OpenInterestTable(Protocol):
    """Where a venue tells open interest of all its symbols in one answer."""

    async def open_interests(self) -> list[OpenInterest]:
        """Raises: `errors.ExchangeError`."""


class FeedSink(Protocol):
    """What the feed calls, synchronously, once per decoded frame. Must not raise and must not block."""

    def on_kline(self, update: KlineUpdate) -> None: ...
    def on_contract(self, news: ContractNews) -> None: ...
    def on_feed_event(self, event: FeedEvent) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEvent:
    """A transition of the feed, each told once.

    kind: `live` (first data after a start or a blind time), `blind` (no data; `reasons` say why, one for each cause
        among the connections), `rotated` (planned change of connection, nothing missed), `symbols_silent` /
        `symbols_back` (a few symbols went quiet against their own rhythm, or returned).
    at_ms: our clock. blind_since_ms: for `blind` and `live`, when the last data frame came (None at first start).
    unsettled_since_ms: our clock; for the first `live` of a run: from here on what an earlier run saw may not have been
        looked through or stored, which may be before `blind_since_ms`.
    seen_until_ms, seen_again_ms: the blind span by the exchange's clock, as its data says; None where there was none.
    is_since_known: False when `blind_since_ms` is no more than the earliest moment that is looked through.
    """

    kind: str
    at_ms: int
    reasons: tuple[Cause, ...] = ()
    blind_since_ms: int | None = None
    unsettled_since_ms: int | None = None
    is_since_known: bool = True
    seen_until_ms: int | None = None
    seen_again_ms: int | None = None
    attempts: int = 0
    symbols: tuple[str, ...] = ()


class Feed(Protocol):
    """One or more sockets that carry every watched symbol's 1-minute kline."""

    async def run(self) -> None:
        """Until cancelled. Reconnects by itself; raises only on a programming error."""

    def set_symbols(self, symbols: Collection[str]) -> None:
        """The whole universe; differences are subscribed and unsubscribed on the open sockets."""

    def status(self) -> FeedStatus: ...
    def frame_age_s(self) -> float | None:
        """Of the newest data, seconds; None before any. `status` costs much more."""

    def is_blind(self) -> bool: ...

    @property
    def last_event_ms(self) -> int | None:
        """Exchange time of the newest data, unix ms; None before any."""
