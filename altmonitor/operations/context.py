"""What operations may reach: the running monitor where there is one, and what is stored."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeVar

from altmonitor.collect.funding_board import FundingBoard
from altmonitor.commands.replies import Reply
from altmonitor.config import Config
from altmonitor.core.clock import Clock
from altmonitor.core.health import Health
from altmonitor.core.outcome import OutcomeSummary
from altmonitor.core.types import Venue
from altmonitor.detectors.verdict import Explanation
from altmonitor.interfaces.exchange import MarketRest
from altmonitor.interfaces.positioning import Cohorts
from altmonitor.interfaces.queries import MarketQueries, PositionQueries
from altmonitor.interfaces.storage import AlertQueries
from altmonitor.interfaces.traders import ProviderName, TraderProvider
from altmonitor.interfaces.wallets import WalletQueries
from altmonitor.operations.board import MarketBoard
from altmonitor.operations.errors import BadArgument, NoMonitor, NotFound
from altmonitor.settings.audience import Audience
from altmonitor.settings.presets import NotEnoughHistory, Trial
from altmonitor.settings.settings import Numbers
from altmonitor.settings.state import SettingsStore
from altmonitor.storage.score_store import ScoreStore
from altmonitor.storage.snapshot_queries import SnapshotQueries


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueView:
    """One exchange's market. board: all contracts at once. market: one contract, from its live book. rest: candles of
    the past, through its guard; None where nobody may be asked.

    explain: (symbol, time in the minute asked for as unix ms or None for now) → why or why not, for the main chat.
    """

    board: MarketBoard
    market: MarketQueries
    explain: Callable[[str, int | None], Awaitable[Explanation]]
    rest: MarketRest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorView:
    """A running monitor. venues: by exchange watched, the main one first. fundings: of every venue.

    try_settings: (audience in force, as it would be, seconds back or None for all) → what either would have told.
    """

    health: Callable[[], Health]
    venues: Mapping[Venue, VenueView]
    fundings: FundingBoard
    try_settings: Callable[[Audience, Audience, int | None], Awaitable[Trial | NotEnoughHistory]]

    @property
    def main(self) -> VenueView:
        return next(iter(self.venues.values()))

    @property
    def boards(self) -> Mapping[Venue, MarketBoard]:
        return {venue: view.board for venue, view in self.venues.items()}

    def at(self, venue: Venue | None) -> VenueView:
        """None: the main one. Raises: BadArgument for one that is not watched."""
        if venue is None:
            return self.main
        if venue not in self.venues:
            watched = ", ".join(self.venues)
            raise BadArgument(f"{venue} is not watched here; watched: {watched} (VENUES)")
        return self.venues[venue]


KEPT_S: Final = 20.0
"""What a score was made of is kept so long: a venue's buckets change every five minutes."""
KEPT_MOST: Final = 500


class Gathered(Protocol):
    @property
    def now_ms(self) -> int: ...


G = TypeVar("G", bound=Gathered)


class ScoreCache:
    """What scores were made of, by contract: who asks about many contracts asks the same one again. Whoever
    asks while it is being gathered waits for that.

    last: the answers given last, by what was asked.
    """

    def __init__(self) -> None:
        self._known: dict[str, Gathered] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self.last: dict[tuple[str, ...], Mapping[str, Any]] = {}

    async def of(self, symbol: str, *, gather: Callable[[], Awaitable[G]], now_ms: Callable[[], int]) -> G:
        if len(self._known) > KEPT_MOST:
            self._known.clear()
            self.last.clear()
            self._turns = {name: turn for name, turn in self._turns.items() if turn.locked()}
        async with self._turns.setdefault(symbol, asyncio.Lock()):
            known = self._known.get(symbol)
            if known is None or not 0 <= now_ms() - known.now_ms < KEPT_S * 1000:
                known = self._known[symbol] = await gather()
            return known  # type: ignore[return-value]  # one type is put in


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationContext:
    """monitor: None where only stored data is read (`altmonitor api` alone). alerts: None when no history is kept.

    settings: those in force; read from state.json where no monitor runs here. change_settings: (numbers by key of
        SETTINGS, the change in words for the record) → the chat's reply; None: nothing may be changed.
    run_command: what would be typed in the main chat → its reply; None: nothing may be changed.
    rest: candles of the past, through the guard. positions, cohorts (by venue): who is positioned, through the guard.
    traders: whom to ask about followed traders, by provider. wallets: those of a venue that shows them, as watched.
    scores: what was scored and what became of it; None where nothing of it is kept.
    score_cache: what scores were made of a moment ago.
    outcomes: what followed the alerts that were told; None when no history is kept.
    snapshots: what the tracker stored; entering raises NoSnapshotsYet before anything was.
    """

    config: Config
    clock: Clock
    settings: Callable[[], Awaitable[SettingsStore]]
    snapshots: Callable[[], AbstractAsyncContextManager[SnapshotQueries]]
    monitor: MonitorView | None = None
    alerts: AlertQueries | None = None
    outcomes: Callable[[], Awaitable[OutcomeSummary]] | None = None
    change_settings: Callable[[Numbers, str], Awaitable[Reply | None]] | None = None
    run_command: Callable[[str], Awaitable[Reply | None]] | None = None
    rest: MarketRest | None = None
    positions: PositionQueries | None = None
    cohorts: Mapping[str, Cohorts] = field(default_factory=lambda: MappingProxyType({}))
    traders: Mapping[ProviderName, TraderProvider] = field(default_factory=lambda: MappingProxyType({}))
    wallets: WalletQueries | None = None
    scores: ScoreStore | None = None
    score_cache: ScoreCache = field(default_factory=ScoreCache)

    def running(self) -> MonitorView:
        """Raises: NoMonitor where none runs in this process."""
        if self.monitor is None:
            raise NoMonitor("no monitor runs in this process: ask the API of `altmonitor run`")
        return self.monitor

    def history(self) -> AlertQueries:
        """Raises: NotFound where no alerts are kept."""
        if self.alerts is None:
            raise NotFound("no history is kept: HISTORY_ENABLED is false")
        return self.alerts
