"""How rows of the outbox end that were not told: refused, too old, not wanted any more."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from altmonitor.core.errors import DeliveryError
from altmonitor.delivery.context import Wiring
from altmonitor.delivery.delivery_messages import AlertMessage
from altmonitor.delivery.digest import EXPIRED_AFTER_S, age_s
from altmonitor.delivery.sender import Outlet
from altmonitor.interfaces.delivery import Queued

log = logging.getLogger(__name__)

TOO_OLD = "older than a day when the chat could be reached"
NOT_WANTED = "no alerts are wanted there any more"


class Endings:
    """Of one chat. Each waits until the outbox has written it."""

    def __init__(self, wiring: Wiring, outlet: Outlet) -> None:
        self._wiring = wiring
        self._outlet = outlet

    async def note(self, message: AlertMessage, problem: DeliveryError, *, outcome_unknown: bool) -> None:
        """It stays queued."""
        destination = self._outlet.at(message.topic_id)
        await self._wiring.insist(
            lambda: self._wiring.outbox.note_error(
                destination, message.alert_ids, error=str(problem), outcome_unknown=outcome_unknown
            )
        )

    async def put_off(self, message: AlertMessage) -> None:
        """It stays queued; nothing was tried and nothing went wrong."""
        destination = self._outlet.at(message.topic_id)
        await self._wiring.insist(lambda: self._wiring.outbox.note_error(destination, message.alert_ids, error=""))

    async def failed(self, topic_id: int | None, alert_ids: Sequence[int], error: str) -> None:
        destination = self._outlet.at(topic_id)
        await self._wiring.insist(lambda: self._wiring.outbox.mark_failed(destination, alert_ids, error=error))

    async def not_wanted(self, topic_id: int | None, rows: Sequence[Queued]) -> None:
        await self._expired(topic_id, rows, NOT_WANTED)
        log.info("%d alerts for %s are not told: %s", len(rows), self._outlet.at(topic_id), NOT_WANTED)

    async def without_expired(
        self, topic_id: int | None, rows: Sequence[Queued], now_ms: int, held_until_ms: Callable[[Queued], int | None]
    ) -> Sequence[Queued]:
        """Quiet hours, up to a day long, take nothing from the time a message has to arrive."""

        def is_expired(row: Queued) -> bool:
            if age_s(row, now_ms) <= EXPIRED_AFTER_S:
                return False
            until_ms = held_until_ms(row)
            return until_ms is None or now_ms - until_ms > EXPIRED_AFTER_S * 1000

        expired = [row for row in rows if is_expired(row)]
        if not expired:
            return rows
        await self._expired(topic_id, expired, TOO_OLD)
        destination = self._outlet.at(topic_id)
        log.warning("%d alerts for %s were older than a day and are not told any more", len(expired), destination)
        self._wiring.events.expired(destination, len(expired))
        return [row for row in rows if row not in expired]

    async def _expired(self, topic_id: int | None, rows: Sequence[Queued], error: str) -> None:
        destination, ids = self._outlet.at(topic_id), [row.alert.id for row in rows if row.alert.id is not None]
        await self._wiring.insist(lambda: self._wiring.outbox.mark_expired(destination, ids, error=error))
