"""Where alerts are put, read again and added to. storage/ stands behind it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from altmonitor.core.alert import Alert, StoredSize
from altmonitor.core.types import Destination


class AlertSink(Protocol):
    """Where the engine puts what it decided to tell. Synchronous, bounded, never raises, keeps the order."""

    def put(self, alert: Alert, *, to: Sequence[Destination]) -> None:
        """to: the destinations that are told, and no others."""


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
        not at its default; of one that is completed also direction, price, change_pct, amplitude and metric, which its
        candle had only so far. What is not known here stays as it is, so that two who learn different things do not
        take them from one another. Raises StorageError."""
