"""The chart that follows an alert: made off the way of the texts, sent only into a chat that is idle."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import tzinfo

from altmonitor.core.alert import Alert
from altmonitor.core.cache import Cache
from altmonitor.core.clock import Clock
from altmonitor.core.errors import ExchangeError
from altmonitor.core.types import Destination, Venue, of_venue
from altmonitor.market.candles import MINUTE_MS, Kline
from altmonitor.render.charts.alert_chart import caption_of, caption_of_symbol, chart_of_alert, chart_of_symbol
from altmonitor.render.charts.chart import chart_png
from altmonitor.render.charts.layout import ChartSpec, shown_span

# ---
# Charts are drawn here, off the event loop, in one thread of their own.


log = logging.getLogger(__name__)

CHARTS_WAITING_MAX = 8
"""Charts handed in and not drawn yet. At some 6 ms each the last of them waits a twentieth of a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Since the start. dropped: the queue was full, or closed. failed: no candle that can be drawn, or a fault."""

    drawn: int = 0
    dropped: int = 0
    failed: int = 0


class Charting:
    """Not the loop's default executor: name look-ups wait there, and a stalled one would hold up every chart."""

    def __init__(
        self, *, draw: Callable[[ChartSpec], bytes] = chart_png, waiting_max: int = CHARTS_WAITING_MAX
    ) -> None:
        self._draw = draw
        self._waiting_max = waiting_max
        self._waiting = 0
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="chart")
        self._is_closed = False
        self.counts = Drawn()

    async def png(self, spec: ChartSpec) -> bytes | None:
        """None: dropped because too many wait, or not drawable; counted. A cancelled one that waits is not drawn."""
        if self._is_closed or self._waiting >= self._waiting_max:
            self.counts = replace(self.counts, dropped=self.counts.dropped + 1)
            return None
        drawing = asyncio.wrap_future(self._thread.submit(self._draw, spec))
        self._waiting += 1
        drawing.add_done_callback(self._done)
        try:
            picture = await drawing
        except Exception as problem:  # a chart is decoration: the message it goes with is already in the chat
            self.counts = replace(self.counts, failed=self.counts.failed + 1)
            log.warning("no chart of %s: %s", spec.symbol, problem, exc_info=not isinstance(problem, ValueError))
            return None
        self.counts = replace(self.counts, drawn=self.counts.drawn + 1)
        return picture

    def close(self) -> None:
        """Nothing is drawn any more; one that is being drawn ends by itself. May be called twice."""
        self._is_closed = True
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _done(self, drawing: asyncio.Future[bytes]) -> None:
        self._waiting -= 1


# ---
# From an alert, or a symbol somebody asks about, to the picture that goes with it.


CANDLES = 45
"""A look-up of fewer than 100 has the smallest price in the exchange's budget."""
CANDLES_ASKED = 99
WITHIN_S = 2.0
"""From the request to the picture; later it is not worth a second message."""
AFTER_ALERT_MS = 10 * MINUTE_MS
"""What happened later than this after an alert is not on its chart."""
_KEPT = 32
_KEPT_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartPictureFile:
    """key: of the alert it belongs to, so that it is sent as a reply to that alert's message and to no other;
    `chart:SYMBOL:minute` when it was asked for by name. caption_html: at most 1,024 characters after parsing.
    from_ms … to_ms: what it shows, unix ms."""

    key: str
    png: bytes
    caption_html: str
    from_ms: int
    to_ms: int


Candles = Callable[[Venue, str, int, int, int], Awaitable[Sequence[Kline]]]
"""(venue, symbol, from, until, at most) → candles with open time in [from, until], unix ms, oldest → newest. Raises any
`errors.ExchangeError`."""

Samples = Callable[[Venue, str, int], Sequence[tuple[int, float]]]
"""(venue, symbol, since, unix ms) → (unix ms, contracts) of each open-interest sample known since then. Asks nobody."""


class Pictures:
    """One drawing per alert and zone, however many chats want it. tz: zone of the time axis and of the caption.
    within_s: so long it may take; what comes later has no reader."""

    def __init__(
        self,
        *,
        candles: Candles,
        open_interest: Samples,
        charting: Charting,
        clock: Clock,
        within_s: float = WITHIN_S,
    ) -> None:
        self._within_s = within_s
        self._candles = candles
        self._open_interest = open_interest
        self._charting = charting
        self._clock = clock
        self._made: Cache[str, ChartPictureFile] = Cache(clock=clock, ttl_s=_KEPT_S, capacity=_KEPT)

    async def of_alert(self, alert: Alert, *, tz: tzinfo) -> ChartPictureFile | None:
        """None: none in time (the reason is counted or logged where it arose); the text needs no picture."""
        until_ms = max(alert.event_ms, min(self._clock.now_ms(), alert.event_ms + AFTER_ALERT_MS))

        async def make() -> ChartPictureFile:
            candles, samples = await self._market(alert.venue, alert.symbol, until_ms, CANDLES)
            spec = chart_of_alert(alert, candles, tz=tz, open_interest=samples)
            return await self._picture(alert.key, spec, caption_of(alert, tz=tz))

        return await self._once(f"{alert.key} {tz}", make)

    async def of_symbol(
        self, symbol: str, *, venue: Venue, tz: tzinfo, alerts: Sequence[Alert] = ()
    ) -> ChartPictureFile | None:
        """The last hour and a half, with the alerts of that time marked. None as in `of_alert`."""
        now_ms = self._clock.now_ms()
        key = of_venue(venue, f"chart:{symbol}:{now_ms // MINUTE_MS}")

        async def make() -> ChartPictureFile:
            candles, samples = await self._market(venue, symbol, now_ms, CANDLES_ASKED)
            spec = chart_of_symbol(symbol, candles, tz=tz, now_ms=now_ms, open_interest=samples, alerts=alerts)
            return await self._picture(key, spec, caption_of_symbol(symbol, tz=tz, now_ms=now_ms))

        return await self._once(f"{key} {tz}", make)

    async def _once(self, key: str, make: Callable[[], Awaitable[ChartPictureFile]]) -> ChartPictureFile | None:
        try:
            async with self._clock.timeout(self._within_s):
                return await self._made.get(key, make)
        except _NoPictureError:
            return None
        except ExchangeError as problem:
            log.info("no chart, the candles could not be had: %s", problem)
        except TimeoutError:
            log.info("no chart within %.0f s", self._within_s)
        return None

    async def _market(
        self, venue: Venue, symbol: str, until_ms: int, count: int
    ) -> tuple[Sequence[Kline], Sequence[tuple[int, float]]]:
        last_ms = until_ms // MINUTE_MS * MINUTE_MS
        from_ms = last_ms - (count - 1) * MINUTE_MS
        candles = await self._candles(venue, symbol, from_ms, last_ms, count)
        return candles, self._open_interest(venue, symbol, from_ms)

    async def _picture(self, key: str, spec: ChartSpec, caption_html: str) -> ChartPictureFile:
        png = await self._charting.png(spec)
        if png is None:
            raise _NoPictureError
        from_ms, to_ms = shown_span(spec)
        return ChartPictureFile(key=key, png=png, caption_html=caption_html, from_ms=from_ms, to_ms=to_ms)


class _NoPictureError(Exception):
    """Not kept as an answer: the next who asks may have more luck."""


# ---


WAITING_MAX = 8
"""In a burst the texts matter; charts beyond this are not even begun."""


def needs_picture(alert: Alert) -> bool:
    """Not what only joined a move, and not what is old."""
    return not alert.details.is_silent and not alert.late


@dataclass(frozen=True, slots=True, kw_only=True)
class _SentAlert:
    destination: Destination
    alert: Alert
    message_id: int


class FollowingPictures:
    """draw: the picture of an alert for a chat, None when there is none. show: in that chat, as a reply to the message
    with this id. `sent` is what `DeliveryEvents.sent` calls."""

    def __init__(
        self,
        *,
        draw: Callable[[Alert, Destination], Awaitable[ChartPictureFile | None]],
        show: Callable[[Destination, ChartPictureFile, int], None],
    ) -> None:
        self._draw = draw
        self._show = show
        self._sent: asyncio.Queue[_SentAlert] = asyncio.Queue(maxsize=WAITING_MAX)

    def sent(self, destination: Destination, alert: Alert, message_id: int) -> None:
        if needs_picture(alert) and not self._sent.full():
            self._sent.put_nowait(_SentAlert(destination=destination, alert=alert, message_id=message_id))

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            sent = await self._sent.get()
            picture = await self._draw(sent.alert, sent.destination)
            if picture is not None:
                self._show(sent.destination, picture, sent.message_id)
