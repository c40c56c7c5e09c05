"""The tracker's news to its operator: into the log, and into the chat when there is a bot."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from altmonitor.core.clock import Clock
from altmonitor.core.errors import ChatUnreachable, DeliveryError, RetryLater
from altmonitor.core.types import Destination
from altmonitor.interfaces.delivery import Channel
from altmonitor.render.plain import one_line
from altmonitor.render.style import Style
from altmonitor.render.tracking import tracking_text
from altmonitor.tracker.tracker_news import PositionMoved, TrackerNews

log = logging.getLogger(__name__)

SPACING_S: Final = 0.35
MOST_WAITING: Final = 200
ATTEMPTS: Final = 5
FIRST_PAUSE_S: Final = 2.0


class Herald:
    """channel, destination: None without a bot; then there is only the log.

    told: called with a position alert that has reached the chat. One that is refused or given up is found again in the
    next row.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        style: Style,
        channel: Channel | None = None,
        destination: Destination | None = None,
    ) -> None:
        self._clock = clock
        self._style = style
        self._channel = channel
        self._destination = destination
        self._waiting: deque[TrackerNews] = deque(maxlen=MOST_WAITING)
        self._under_way: TrackerNews | None = None
        self._news = asyncio.Event()
        self.has_chat = channel is not None
        self.told: Callable[[PositionMoved], Awaitable[None]] | None = None

    def tell(self, news: TrackerNews) -> None:
        text = tracking_text(news, self._style, now_ms=self._clock.now_ms())
        if isinstance(news, PositionMoved):
            if any(_is_same(news, other) for other in (self._under_way, *self._waiting)):
                return
            log.info("%s", one_line(text))
        else:
            log.warning("%s", one_line(text))
        if self._channel is not None:
            self._waiting.append(news)
            self._news.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._news.wait()
            while self._waiting:
                self._under_way = self._waiting.popleft()
                await self._send(self._under_way)
                self._under_way = None
                await self._clock.sleep(SPACING_S)
            self._news.clear()

    async def finish(self) -> None:
        """What still waits, one attempt each; for the end, after `run` was cancelled."""
        if self._under_way is not None:
            self._waiting.appendleft(self._under_way)
        while self._waiting:
            await self._send(self._waiting.popleft(), attempts=1)

    async def _send(self, news: TrackerNews, *, attempts: int = ATTEMPTS) -> None:
        if self._channel is None or self._destination is None:
            return
        text = tracking_text(news, self._style, now_ms=self._clock.now_ms())
        for attempt in range(1, attempts + 1):
            try:
                await self._channel.send(self._destination, text)
            except RetryLater as problem:
                pause_s = problem.retry_after_s
            except ChatUnreachable:
                pause_s = FIRST_PAUSE_S * 2**attempt
            except DeliveryError as problem:
                log.warning("not told in the chat: %s", problem)
                return
            else:
                if isinstance(news, PositionMoved) and self.told is not None:
                    await self.told(news)
                return
            if attempt < attempts:
                await self._clock.sleep(pause_s)
        log.warning("not told in the chat: no answer after %d attempts", attempts)


class HouseHerald(Herald):
    """Inside the monitor: news go to every chat through the monitor's own delivery, which also tells of positions.

    say: (language and zone → text) to every chat that is told operator news.
    """

    def __init__(self, *, clock: Clock, style: Style, say: Callable[[Callable[[Style], str]], None]) -> None:
        super().__init__(clock=clock, style=style)
        self._say = say

    def tell(self, news: TrackerNews) -> None:
        super().tell(news)
        if not isinstance(news, PositionMoved):
            now_ms = self._clock.now_ms()
            self._say(lambda style: tracking_text(news, style, now_ms=now_ms))


def _is_same(one: PositionMoved, other: TrackerNews | None) -> bool:
    return isinstance(other, PositionMoved) and (one.alert.symbol, one.alert.fingerprint) == (
        other.alert.symbol,
        other.alert.fingerprint,
    )
