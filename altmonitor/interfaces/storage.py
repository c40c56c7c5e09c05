"""What is kept over a restart, as those see it who read or change it; storage/ stands behind it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypedDict, Unpack

from altmonitor.core.alert import AlertPlace, AlertStats, Kind, StoredAlert
from altmonitor.core.types import Destination, Venue
from altmonitor.settings.changes import ChangeMade, RecordedChange
from altmonitor.settings.state import State


class StateStore(Protocol):
    """Where the state is kept over a restart."""

    def turn(self) -> AbstractAsyncContextManager[None]:
        """Held from reading the settings until the change is saved and swapped; one holder at a time."""

    async def save(self, state: State, *, who: str) -> None:
        """All of it or nothing, on disk when it returns; who: for the record. Raises StorageError: nothing changed."""


class AlertFilter(TypedDict, total=False):
    """Which stored alerts are wanted; what is absent or None leaves nothing out.

    since_s: only alerts detected (`ts`) at or after this unix second. minute_ms: beginning of the only minute whose
    alerts are wanted, as `Alert.minute_ms`. event_between_ms: only those whose `event_ms` is at or after the first and
    before the second. before: only what stands behind that place, for the next page. destinations: see `AlertQueries`.
    """

    symbol: str | None
    kind: Kind | None
    venue: Venue | None
    since_s: float | None
    minute_ms: int | None
    event_between_ms: tuple[int, int] | None
    before: AlertPlace | None
    destinations: Collection[Destination] | None


class AlertQueries(Protocol):
    """Questions to the stored alerts. One event of the market is one alert, however many chats were told it.

    destinations: only what was put for one of these, with what became of it there; None: all, with the least finished
        state anywhere. Both may raise StorageError.
    """

    async def recent(self, *, limit: int, **wanted: Unpack[AlertFilter]) -> Sequence[StoredAlert]:
        """Newest first, length ≤ limit."""

    async def stats(
        self,
        *,
        since_s: float,
        top: int,
        destinations: Collection[Destination] | None = None,
        venue: Venue | None = None,
    ) -> AlertStats:
        """Over alerts detected (`ts`) at or after this unix second; of one exchange, None: of all."""


class ChangeLog(Protocol):
    """Changes in the order they were made. All may raise StorageError."""

    async def record(self, change: ChangeMade) -> int:
        """Returns its id. With `undoes`, that change counts as undone from here on, in the same transaction."""

    async def recent(self, destinations: Collection[Destination] | None, *, limit: int) -> Sequence[RecordedChange]:
        """Newest first, length ≤ limit; of these places, None: of all."""

    async def moved(self, old: Destination, new: Destination) -> None:
        """A group has a new id: its changes are found under that."""


class MetaStore(Protocol):
    """Small values that survive a restart."""

    async def meta_get(self, key: str) -> str | None: ...
    async def meta_set(self, key: str, value: str) -> None:
        """Both raise StorageError."""
