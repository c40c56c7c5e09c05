"""The chart that follows an alert: made off the way of the texts, sent only into a chat that is idle."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from typing import Protocol

from altmonitor.core.alert import Alert
from altmonitor.core.types import Destination
from altmonitor.delivery.pictures import Picture

WAITING_MAX = 8
"""In a burst the texts matter; charts beyond this are not even begun."""


class PictureSource(Protocol):
    async def of_alert(self, alert: Alert, *, tz: tzinfo) -> Picture | None: ...


class PictureSink(Protocol):
    def picture(
        self, destination: Destination, png: bytes, *, caption_html: str, reply_to: int | None, is_asked: bool
    ) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    destination: Destination
    alert: Alert
    message_id: int


class FollowingPictures:
    """zone_of: the zone of a chat's times. `told` is what `wiring.Events.told` calls."""

    def __init__(self, source: PictureSource, *, sink: PictureSink, zone_of: Callable[[Destination], tzinfo]) -> None:
        self._source = source
        self._sink = sink
        self._zone_of = zone_of
        self._told: asyncio.Queue[_Told] = asyncio.Queue(maxsize=WAITING_MAX)

    def told(self, destination: Destination, alert: Alert, message_id: int) -> None:
        """What only joined a move, and what is old, needs no picture."""
        if not alert.details.is_silent and not alert.late and not self._told.full():
            self._told.put_nowait(_Told(destination=destination, alert=alert, message_id=message_id))

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            told = await self._told.get()
            picture = await self._source.of_alert(told.alert, tz=self._zone_of(told.destination))
            if picture is not None:
                self._sink.picture(
                    told.destination,
                    picture.png,
                    caption_html=picture.caption_html,
                    reply_to=told.message_id,
                    is_asked=False,
                )
