"""What the monitor needs from the outside, as small Protocols. exchanges/, storage/ and sim/ stand behind them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, Protocol

from altmonitor.core.alert import Alert, Direction, Kind
from altmonitor.core.status import FeedStatus, GuardStatus
from altmonitor.core.types import Destination
from altmonitor.market.candles import Candle, KlineUpdate
from altmonitor.market.contracts import Contract, ContractNews
from altmonitor.positioning.divergence import Histories
from altmonitor.positioning.open_interest import OiBar
from altmonitor.positioning.ratios import TopTraders
from altmonitor.positioning.smart_money import Overview


class Priority(IntEnum):
    """Who goes first when the exchange's request budget is short (lower value first)."""

    ENRICH = 0
    UNIVERSE = 1
    BACKFILL = 2
    SWEEP = 3
    TRACKING = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInterest:
    """`contracts`: base coins. `time_ms`: the exchange's own stamp, unix ms."""

    symbol: str
    contracts: float
    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DayTicker:
    """Rolling 24 h. `change_pct` percent, `quote_usdt` traded USDT. high, low: None when the answer had none."""

    symbol: str
    last_price: float
    change_pct: float
    quote_usdt: float
    high: float | None = None
    low: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Funding:
    """`rate`: fraction for the running interval (0.0001 = 0.01 %). `next_ms`: unix ms of settlement."""

    symbol: str
    rate: float
    mark_price: float
    next_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LongShortRatio:
    """Accounts long / accounts short over all accounts. `time_ms`: end of the bucket."""

    symbol: str
    ratio: float
    time_ms: int


class MarketContext(Protocol):
    """What is known of a symbol beside its candles; None when unknown or too old."""

    def day(self, symbol: str) -> DayTicker | None: ...
    def funding(self, symbol: str) -> Funding | None: ...
    def funding_hours(self, symbol: str) -> float: ...


class MarketRest(Protocol):
    """Questions to the exchange. Every method may raise `errors.ExchangeError` and nothing else."""

    async def contracts(self) -> list[Contract]: ...
    async def server_time_ms(self) -> int: ...
    async def open_interest(self, symbol: str, *, priority: Priority) -> OpenInterest: ...
    async def klines(self, symbol: str, *, start_ms: int, end_ms: int, limit: int, priority: Priority) -> list[Candle]:
        """Closed and open candles with open time in [start_ms, end_ms], oldest → newest, length ≤ limit."""

    async def day_tickers(self) -> list[DayTicker]: ...
    async def fundings(self) -> list[Funding]: ...
    async def funding_hours(self) -> dict[str, float]:
        """Symbol → interval length in hours for those that differ from 8."""

    async def long_short_ratio(self, symbol: str, *, period: str, priority: Priority) -> LongShortRatio | None:
        """None: the exchange has no ratio for this symbol."""

    def guard_status(self) -> GuardStatus: ...


class FeedSink(Protocol):
    """What the feed calls, synchronously, once per decoded frame. Must not raise and must not block."""

    def on_kline(self, update: KlineUpdate) -> None: ...
    def on_contract(self, news: ContractNews) -> None: ...
    def on_feed_event(self, event: FeedEvent) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEvent:
    """A transition of the feed, each told once.

    kind: `live` (first data after a start or a blind time), `blind` (no data; `reason` says why), `rotated`
        (planned change of connection, nothing missed), `symbols_silent` / `symbols_back` (a few symbols went quiet
        against their own rhythm, or returned).
    at_ms: our clock. blind_since_ms: for `blind` and `live`, when the last data frame came (None at first start).
    """

    kind: str
    at_ms: int
    reason: str = ""
    blind_since_ms: int | None = None
    attempts: int = 0
    symbols: tuple[str, ...] = ()


class Feed(Protocol):
    """One or more sockets that carry every watched symbol's 1-minute kline."""

    async def run(self) -> None:
        """Until cancelled. Reconnects by itself; raises only on a programming error."""

    def set_symbols(self, symbols: Collection[str]) -> None:
        """The whole universe; differences are subscribed and unsubscribed on the open sockets."""

    def status(self) -> FeedStatus: ...


class AlertSink(Protocol):
    """Where the engine puts what it decided to tell. Synchronous, bounded, never raises, keeps the order."""

    def put(self, alert: Alert, *, to: Sequence[Destination]) -> None:
        """to: the destinations that are told, and no others."""


class StoredSize(NamedTuple):
    """size: what was compared with the threshold, without its sign."""

    destination: Destination
    symbol: str
    kind: Kind
    direction: Direction
    note: str
    size: float
    event_ms: int


class AlertHistory(Protocol):
    """What the engine reads at the start to restore cooldowns and episodes."""

    async def alerts_since(self, event_ms: int) -> Sequence[Alert]:
        """Alerts with event_ms ≥ the argument, oldest → newest."""

    async def stored_since(self, event_ms: int) -> Sequence[tuple[Alert, tuple[Destination, ...]]]:
        """The same, each with the destinations it was meant for, whether it has reached them yet or not."""

    async def stored_sizes(self, *, since_ms: int, recent_ms: int) -> Sequence[StoredSize]:
        """Of every alert since `since_ms` (event time) that was not followed by one as large of its symbol, kind,
        direction and note, and of every one since `recent_ms`; once per destination, oldest → newest."""

    async def stored_first_ms(self) -> Mapping[Destination, int]:
        """Event time of the oldest stored alert of each destination, unix ms."""

    async def alerts_of(self, keys: Collection[str]) -> Mapping[str, Alert]:
        """Stored alerts by key; unknown keys are absent."""


class AlertUpdates(Protocol):
    """Where goes what is learned after the alert was stored."""

    async def update_alert(self, alert: Alert) -> None:
        """Adds to the row with this key what is known here: lsr, oi_change with its quadrant, and every detail that is
        not at its default. What is not known here stays as it is, so that two who learn different things do not take
        them from one another. Raises StorageError."""


class MetaStore(Protocol):
    """Small values that survive a restart."""

    async def meta_get(self, key: str) -> str | None: ...
    async def meta_set(self, key: str, value: str) -> None:
        """Both raise StorageError."""


# ---
# What is asked about who is positioned, as small Protocols. exchanges/ and tests stand behind them.
#
# Three causes stay apart everywhere: `ExchangeBlocked` (do not ask again before a moment), the other `ExchangeError`s
# (no usable answer), and None or an empty list: the venue has no such numbers for this symbol.


class SmartMoney(Protocol):
    async def overview(self, symbol: str, *, priority: Priority, is_fresh: bool = False) -> Overview | None:
        """is_fresh: captured after this call, or nothing. Otherwise an answer of the last 10 minutes will do, and an
        older one rather than none while the venue does not answer: `captured_ms` tells.

        Raises: ExchangeError.
        """

    def guard_status(self) -> GuardStatus: ...


class TopTraderRatios(Protocol):
    async def top_traders(
        self, symbol: str, *, period: str, priority: Priority, is_fresh: bool = False
    ) -> TopTraders | None:
        """All three parts or nothing. Raises: ExchangeError; ValueError for a period that is none."""


class OpenInterestBars(Protocol):
    async def open_interest_bars(self, symbol: str, *, priority: Priority, is_fresh: bool = False) -> Sequence[OiBar]:
        """5-minute bars of the last 4 hours, oldest → newest. Raises: ExchangeError."""


class Cohorts(Protocol):
    """One venue's ratios of longs to shorts. venue: `binance`, `okx`, `bybit`."""

    venue: str

    async def cohorts(self, symbol: str, *, period: str, limit: int, priority: Priority) -> Histories:
        """symbol: the USDT perpetual as Binance spells it. limit: newest buckets, 1…500 (a venue may keep fewer).

        Raises: ExchangeError; ValueError for a period or limit the venue does not have.
        """


class PriceAndFunding(Protocol):
    """One symbol's, for programs that do not keep all of them."""

    async def day_ticker(self, symbol: str, *, priority: Priority) -> DayTicker: ...
    async def funding(self, symbol: str, *, priority: Priority) -> Funding: ...
    async def funding_hours_of(self, symbol: str) -> float | None:
        """Hours between settlements; None where they are the usual 8."""
