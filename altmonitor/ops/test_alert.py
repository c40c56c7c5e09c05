"""One alert through the path every alert takes: committed to an outbox, paced, rendered, sent, marked with its id."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from altmonitor.core.alert import Alert, Details
from altmonitor.core.clock import Clock
from altmonitor.core.errors import ChatUnreachable, DeliveryError
from altmonitor.core.supervisor import beside
from altmonitor.core.types import Destination
from altmonitor.delivery.deps import DeliveryDeps, DeliveryEvents
from altmonitor.delivery.destination_style import MessageRenderer
from altmonitor.delivery.dispatcher import Dispatcher
from altmonitor.interfaces.delivery import Channel
from altmonitor.settings.zones import zone_of
from altmonitor.storage.store import SqliteStore, StoreOptions

SYMBOL = "TESTUSDT"
WITHIN_S = 30.0
_LOOK_EVERY_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """lang: `en`, `zh`. zone: IANA name. banner: one line in front of the alert that says it is a test; plain text."""

    lang: str
    zone: str
    banner: str


async def send_test_alert(channel: Channel, destination: Destination, *, look: Look, clock: Clock) -> int:
    """Returns the message id. Raises DeliveryError; StorageError when there is no room for a temporary file."""
    refused: list[DeliveryError] = []
    with tempfile.TemporaryDirectory(prefix="altmonitor-setup-") as folder:
        options = StoreOptions(destinations=(destination,))
        async with SqliteStore(Path(folder) / "test.db", clock=clock, options=options) as store:
            alert = made_up_alert(clock.now_ms())
            watched = cast(Channel, _Watched(channel, refused))
            wiring = DeliveryDeps(
                outbox=store,
                channel=watched,
                renderer=_Marked(look),
                clock=clock,
                events=DeliveryEvents(fatal=refused.append),
            )
            dispatcher = Dispatcher(wiring, store.destinations)
            store.put(alert)
            async with beside(dispatcher.run(), name="test-alert") as running:
                try:
                    async with clock.timeout(WITHIN_S):
                        while (message_id := await store.message_id_of(store.destinations[0], alert.key)) is None:
                            if running.done():
                                running.result()
                            if refused and not isinstance(refused[-1], ChatUnreachable):
                                raise refused[-1]
                            await clock.sleep(_LOOK_EVERY_S)
                        return message_id
                except TimeoutError:
                    why = refused[-1] if refused else ChatUnreachable("no answer in time", outcome_unknown=True)
                    raise why from None


def made_up_alert(now_ms: int) -> Alert:
    """A pump of a contract that does not exist."""
    return Alert(
        key=f"price:{SYMBOL}:PUMP:1m:{now_ms}",
        ts=now_ms / 1000,
        event_ms=now_ms,
        candle_ms=now_ms - now_ms % 60_000,
        symbol=SYMBOL,
        kind="price",
        direction="PUMP",
        price=103.21,
        change_pct=3.21,
        amplitude=3.4,
        metric=3.21,
        note="1m",
        details=Details(threshold=3.0, window_s=21.0),
    )


class _Watched:
    """The channel, with what sending raises kept; pacing and retries stay the dispatcher's business."""

    def __init__(self, channel: Channel, refused: list[DeliveryError]) -> None:
        self._channel = channel
        self._refused = refused

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    async def send(self, *where_and_what: Any, **more: Any) -> int:
        try:
            return await self._channel.send(*where_and_what, **more)
        except DeliveryError as problem:
            self._refused.append(problem)
            raise


class _Marked(MessageRenderer):
    """The usual text under a line that says what it is."""

    def __init__(self, look: Look) -> None:
        super().__init__(look.lang, zone_of(look.zone))
        self._banner = look.banner

    def alert(self, *what: Any, **how: Any) -> str:
        return f"🧪 <b>{self._banner}</b>\n{super().alert(*what, **how)}"
