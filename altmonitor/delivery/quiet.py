"""What quiet hours hold back, and until when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from altmonitor.delivery.voice import Voice
from altmonitor.interfaces.delivery import Queued

LOOK_AGAIN_S = 60.0
"""The end of quiet hours is a time on the wall: a machine's clock can be set while they hold."""


class Held:
    """Rows of one chat by topic and alert id. After a restart the moment a row was queued says the same."""

    def __init__(self) -> None:
        self._until_ms: dict[tuple[int | None, int], int] = {}

    def hold(self, topic_id: int | None, rows: Iterable[Queued], until_ms: int) -> None:
        """Also what came before the quiet hours and had not been told when they began."""
        for row in rows:
            self._until_ms[topic_id, row.alert.id or 0] = until_ms

    def until_ms(self, topic_id: int | None, row: Queued, voice: Voice, now_ms: int) -> int | None:
        """When this row was or will be let go; None: it was never held. Quiet hours that a command ended let go now."""
        until_ms = self._until_ms.get((topic_id, row.alert.id or 0))
        if until_ms is None:
            until_ms = voice.quiet_until(row.queued_ms)
        return None if until_ms is None else min(until_ms, now_ms)

    def forget(self, topic_id: int | None, rows: Sequence[Queued]) -> None:
        for row in rows:
            self._until_ms.pop((topic_id, row.alert.id or 0), None)
