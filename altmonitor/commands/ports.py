"""What control needs from the outside, as small Protocols. storage/ and monitor/ stand behind them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol

from altmonitor.core.alert import AlertStats, Kind, StoredAlert
from altmonitor.core.types import Destination
from altmonitor.settings.audience import Audience
from altmonitor.settings.changes import ChangeMade, RecordedChange
from altmonitor.settings.presets import BudgetProposal, NotEnoughHistory
from altmonitor.settings.state import State

if TYPE_CHECKING:  # facts.py stands on the told alerts below
    from altmonitor.commands.replies_market import (
        ChartPicture,
        FundingFacts,
        OpenInterestFacts,
        PriceFacts,
        Top,
        TopWindow,
    )
    from altmonitor.detectors.verdict import Explanation


class StateStore(Protocol):
    """Where the state is kept over a restart."""

    def turn(self) -> AbstractAsyncContextManager[None]:
        """Held from reading the settings until the change is saved and swapped; one holder at a time."""

    async def save(self, state: State, *, who: str) -> None:
        """All of it or nothing, on disk when it returns; who: for the record. Raises StorageError: nothing changed."""


class AlertQueries(Protocol):
    """Questions to the stored alerts. Both may raise StorageError."""

    async def recent(
        self, *, limit: int, symbol: str | None = None, kind: Kind | None = None, since_s: float | None = None
    ) -> Sequence[StoredAlert]:
        """Newest first, length ≤ limit. since_s: only alerts detected (`ts`) at or after this unix second."""

    async def stats(self, *, since_s: float, top: int) -> AlertStats:
        """Over alerts detected (`ts`) at or after this unix second."""


class ChangeLog(Protocol):
    """Changes in the order they were made. All may raise StorageError."""

    async def record(self, change: ChangeMade) -> int:
        """Returns its id. With `undoes`, that change counts as undone from here on, in the same transaction."""

    async def recent(self, destinations: Collection[Destination] | None, *, limit: int) -> Sequence[RecordedChange]:
        """Newest first, length ≤ limit; of these places, None: of all."""

    async def last_undoable(self, destinations: Collection[Destination]) -> RecordedChange | None:
        """The newest that was neither undone nor is itself the undoing of another."""

    async def moved(self, old: Destination, new: Destination) -> None:
        """A group has a new id: its changes are found under that."""


class MarketQueries(Protocol):
    """Questions to what the running program knows. None: nothing is known of that symbol (yet).

    May raise StorageError and ExchangeError.
    """

    async def top(self, window: TopWindow, *, count: int) -> Top: ...
    async def price(self, symbol: str) -> PriceFacts | None: ...
    async def open_interest(self, symbol: str) -> OpenInterestFacts | None: ...
    async def funding(self, symbol: str) -> FundingFacts | None: ...
    async def chart(self, symbol: str, *, destination: Destination) -> ChartPicture | None:
        """place: whose zone the times are in."""

    async def why(self, symbol: str, *, at_ms: int | None, destination: Destination) -> Explanation:
        """at_ms: some time in the minute asked for, event time; None: now. place: of an audience."""


class BudgetQueries(Protocol):
    async def propose(self, per_day: int, *, audience: Audience) -> BudgetProposal | NotEnoughHistory:
        """Thresholds with which the loaded history holds about `per_day` alerts a day for this audience. per_day 0 only
        counts: thresholds stay, with their expected number. May raise StorageError."""


class SampleSender(Protocol):
    async def send(self, destination: Destination) -> Sequence[Kind]:
        """Puts one sample alert of every kind routed to that destination on the real way; which ones. May raise
        StorageError."""
