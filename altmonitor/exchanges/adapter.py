"""One venue as the monitor meets it, whichever it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from altmonitor.config import Config
from altmonitor.core.clock import Clock
from altmonitor.core.status import GuardStatus
from altmonitor.exchanges.exchange_clock import ExchangeClock
from altmonitor.exchanges.ws.feed import FeedOptions
from altmonitor.interfaces.exchange import Feed, FeedSink, MarketRest
from altmonitor.interfaces.positioning import Positioning


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterDeps:
    """on_guard: told when the venue refuses us and when it no longer does. answer_s: how long an answer may take."""

    config: Config
    clock: Clock
    on_guard: Callable[[GuardStatus], None]
    answer_s: float
    feed: FeedOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """In what a venue counts. funding_hours: between two settlements where it names no other for a symbol."""

    funding_hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeAdapter:
    """rest and positioning share one connection and one gate. feed: built once, around whoever listens.

    clock: the venue's own, set by what `rest` is told.
    """

    rest: MarketRest
    clock: ExchangeClock
    positioning: Positioning
    feed: Callable[[FeedSink], Feed]
    units: Units
