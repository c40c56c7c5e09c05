"""The monitor's own feed, run until the first candle."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from altmonitor.config import Config
from altmonitor.core.clock import Clock
from altmonitor.exchanges.ws.feed import FeedOptions, KlineFeed
from altmonitor.interfaces.exchange import FeedEvent
from altmonitor.market.candles import KlineUpdate
from altmonitor.market.contracts import ContractNews

WITHIN_S = 10.0
_FEED_LOGGER = "altmonitor.exchanges"


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstCandle:
    """symbol: '' when none came. after_s: how long it took, or how long was waited. acknowledged: subscriptions the
    exchange confirmed. last_words: of the feed about its connection."""

    after_s: float
    symbol: str = ""
    event_ms: int = 0
    acknowledged: int = 0
    last_words: str = ""


class _Sink:
    """What the feed calls."""

    def __init__(self) -> None:
        self.first: asyncio.Future[KlineUpdate] = asyncio.get_running_loop().create_future()

    def on_kline(self, update: KlineUpdate) -> None:
        if not self.first.done():
            self.first.set_result(update)

    def on_contract(self, news: ContractNews) -> None: ...

    def on_feed_event(self, event: FeedEvent) -> None: ...


class _LastWords(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text = record.getMessage()


async def first_candle(
    config: Config, symbols: Collection[str], *, clock: Clock, within_s: float = WITHIN_S
) -> FirstCandle:
    sink, words, logger = _Sink(), _LastWords(), logging.getLogger(_FEED_LOGGER)
    feed = KlineFeed(config.binance_ws_url, sink=sink, clock=clock, options=FeedOptions(gather_ms=0))
    feed.set_symbols(symbols)
    began_s, level = clock.monotonic(), logger.level
    logger.addHandler(words)
    logger.setLevel(logging.INFO)
    running = asyncio.create_task(feed.run(), name="check feed")
    try:
        with suppress(TimeoutError):
            async with clock.timeout(within_s):
                either: set[asyncio.Future[Any]] = {running, sink.first}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        after_s = clock.monotonic() - began_s
        if sink.first.done():
            update = sink.first.result()
            return FirstCandle(after_s=after_s, symbol=update.symbol, event_ms=update.event_ms)
        status = feed.status()
        covered = status.symbols_covered if status.connections else 0
        return FirstCandle(after_s=after_s, acknowledged=covered, last_words=words.text)
    finally:
        running.cancel()
        await asyncio.wait({running})
        logger.removeHandler(words)
        logger.setLevel(level)
