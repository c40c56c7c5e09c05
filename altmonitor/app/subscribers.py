"""Programs that follow the alerts beside the chats: listeners of `GET /api/stream` and the receivers of webhooks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection

from altmonitor.config import Config
from altmonitor.core.alert import Alert
from altmonitor.core.clock import Clock
from altmonitor.delivery.alert_cursor import CursorDeps
from altmonitor.delivery.webhooks import WebhookDeps, Webhooks
from altmonitor.storage.database_store import DatabaseStore
from altmonitor.web.streams import EventStream, stored_stream_name


class AlertSubscribers:
    """webhooks: None: nobody is sent any."""

    def __init__(self, config: Config, *, store: DatabaseStore, clock: Clock) -> None:
        self._store = store
        self.stream = EventStream(clock, store if config.history_enabled else None)
        self.webhooks = _webhooks(config, store, clock) if config.webhook_urls else None

    async def name_stream(self) -> None:
        """Once the database may be written. Raises StorageError."""
        self.stream.name = await stored_stream_name(self._store)

    def committed(self, alert: Alert) -> None:
        """It is stored."""
        self.stream.publish(alert)
        if self.webhooks is not None:
            self.webhooks.wake()

    def refresh(self, alert_key: str) -> None:
        """More is known about the alert with this key."""
        self.stream.refresh(alert_key)
        self.measured([alert_key])

    def measured(self, keys: Collection[str]) -> None:
        """What followed these alerts is known; the stream does not tell it."""
        if self.webhooks is not None:
            self.webhooks.learned(keys)

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Name → loop."""
        found: dict[str, Callable[[], Awaitable[None]]] = {"event stream": self.stream.run}
        if self.webhooks is not None:
            found["webhooks"] = self.webhooks.run
        return found


def _webhooks(config: Config, store: DatabaseStore, clock: Clock) -> Webhooks:
    return Webhooks(
        WebhookDeps(
            urls=config.webhook_urls,
            secret=config.webhook_secret,
            allow_private=config.webhook_allow_private,
            cursor=CursorDeps(
                alerts=store,
                alerts_of=store.alerts_of,
                outcomes_of=store.outcomes.of_alerts,
                memory=store,
                clock=clock,
            ),
        )
    )
