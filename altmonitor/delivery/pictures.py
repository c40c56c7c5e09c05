"""From an alert, or a symbol somebody asks about, to the picture that goes with it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Protocol

from altmonitor.core.alert import Alert
from altmonitor.core.cache import Cache
from altmonitor.core.clock import Clock
from altmonitor.core.errors import ExchangeError
from altmonitor.delivery.charting import Charting
from altmonitor.market.candles import MINUTE_MS, Kline
from altmonitor.render.charts.alert_chart import caption_of, caption_of_symbol, chart_of_alert, chart_of_symbol
from altmonitor.render.charts.spec import ChartSpec, shown_span

log = logging.getLogger(__name__)

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
class Picture:
    """key: of the alert it belongs to, so that it is sent as a reply to that alert's message and to no other;
    `chart:SYMBOL:minute` when it was asked for by name. caption_html: at most 1,024 characters after parsing.
    from_ms … to_ms: what it shows, unix ms."""

    key: str
    png: bytes
    caption_html: str
    from_ms: int
    to_ms: int


class CandleSource(Protocol):
    async def __call__(self, symbol: str, *, start_ms: int, end_ms: int, limit: int) -> Sequence[Kline]:
        """Candles with open time in [start_ms, end_ms], oldest → newest. Raises any `errors.ExchangeError`."""


class OpenInterestHistory(Protocol):
    def __call__(self, symbol: str, *, from_ms: int) -> Sequence[tuple[int, float]]:
        """(unix ms, contracts) of each sample known since then, oldest → newest. Asks nobody."""


class Pictures:
    """One drawing per alert and zone, however many chats want it. tz: zone of the time axis and of the caption.
    within_s: so long it may take; what comes later has no reader."""

    def __init__(
        self,
        *,
        candles: CandleSource,
        open_interest: OpenInterestHistory,
        charting: Charting,
        clock: Clock,
        within_s: float = WITHIN_S,
    ) -> None:
        self._within_s = within_s
        self._candles = candles
        self._open_interest = open_interest
        self._charting = charting
        self._clock = clock
        self._made: Cache[str, Picture] = Cache(clock=clock, ttl_s=_KEPT_S, capacity=_KEPT)

    async def of_alert(self, alert: Alert, *, tz: tzinfo) -> Picture | None:
        """None: none in time (the reason is counted or logged where it arose); the text needs no picture."""
        until_ms = max(alert.event_ms, min(self._clock.now_ms(), alert.event_ms + AFTER_ALERT_MS))

        async def make() -> Picture:
            candles, samples = await self._market(alert.symbol, until_ms, CANDLES)
            spec = chart_of_alert(alert, candles, tz=tz, open_interest=samples)
            return await self._picture(alert.key, spec, caption_of(alert, tz=tz))

        return await self._once(f"{alert.key} {tz}", make)

    async def of_symbol(self, symbol: str, *, tz: tzinfo, alerts: Sequence[Alert] = ()) -> Picture | None:
        """The last hour and a half, with the alerts of that time marked. None as in `of_alert`."""
        now_ms = self._clock.now_ms()
        key = f"chart:{symbol}:{now_ms // MINUTE_MS}"

        async def make() -> Picture:
            candles, samples = await self._market(symbol, now_ms, CANDLES_ASKED)
            spec = chart_of_symbol(symbol, candles, tz=tz, now_ms=now_ms, open_interest=samples, alerts=alerts)
            return await self._picture(key, spec, caption_of_symbol(symbol, tz=tz, now_ms=now_ms))

        return await self._once(f"{key} {tz}", make)

    async def _once(self, key: str, make: Callable[[], Awaitable[Picture]]) -> Picture | None:
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
        self, symbol: str, until_ms: int, count: int
    ) -> tuple[Sequence[Kline], Sequence[tuple[int, float]]]:
        last_ms = until_ms // MINUTE_MS * MINUTE_MS
        from_ms = last_ms - (count - 1) * MINUTE_MS
        candles = await self._candles(symbol, start_ms=from_ms, end_ms=last_ms, limit=count)
        return candles, self._open_interest(symbol, from_ms=from_ms)

    async def _picture(self, key: str, spec: ChartSpec, caption_html: str) -> Picture:
        png = await self._charting.png(spec)
        if png is None:
            raise _NoPictureError
        from_ms, to_ms = shown_span(spec)
        return Picture(key=key, png=png, caption_html=caption_html, from_ms=from_ms, to_ms=to_ms)


class _NoPictureError(Exception):
    """Not kept as an answer: the next who asks may have more luck."""
