"""The exchange as the monitor meets it: names, proxy, clock, REST, a real candle, open interest."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from altmonitor.config import Config
from altmonitor.core.clock import Clock
from altmonitor.core.errors import ExchangeBlocked, ExchangeError, RegionBlocked
from altmonitor.core.proxies import PROXY_VARIABLES, proxy_to
from altmonitor.core.supervisor import beside
from altmonitor.exchanges.binance.adapter import BLOCK_FILE
from altmonitor.exchanges.binance.dialect import BINANCE
from altmonitor.exchanges.binance.rest import BinanceRest, binance_guard
from altmonitor.exchanges.binance.smart_money import WEBSITE_BLOCK_FILE, SmartMoneyWeb, web_guard
from altmonitor.exchanges.rest.block import last_block
from altmonitor.exchanges.ws.feed import FeedOptions, KlineFeed
from altmonitor.interfaces.exchange import Feed, FeedEvent, FeedSink, Priority
from altmonitor.market.candles import KlineUpdate
from altmonitor.market.contracts import ContractNews, is_watched
from altmonitor.ops import telegram as reach
from altmonitor.ops.doctor.report import NETWORK, Seen, failed, fine, note

# ---
# The monitor's own feed, run until the first candle.


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


def candle_seen(found: FirstCandle, *, now_ms: int, if_silent: str) -> Seen:
    """if_silent: what helps where the exchange acknowledged subscriptions and sent nothing."""
    if found.symbol:
        age_s = max(0.0, (now_ms - found.event_ms) / 1000)
        return fine(f"a candle of {found.symbol} came after {found.after_s:.1f} s, {age_s:.1f} s old")
    if found.acknowledged:
        what = f"connected, {found.acknowledged} subscriptions acknowledged"
        return failed(f"{what}, and no candle within {found.after_s:.0f} s", if_silent)
    return failed(f"no connection within {found.after_s:.0f} s: {found.last_words or 'no answer'}", NETWORK)


async def first_candle(feed_of: Callable[[FeedSink], Feed], symbols: Collection[str], *, clock: Clock) -> FirstCandle:
    """feed_of: an exchange's own, around whoever listens."""
    sink, words, logger = _Sink(), _LastWords(), logging.getLogger(_FEED_LOGGER)
    feed = feed_of(sink)
    feed.set_symbols(symbols)
    began_s, level = clock.monotonic(), logger.level
    logger.addHandler(words)
    logger.setLevel(logging.INFO)
    try:
        async with beside(feed.run(), name="check feed") as running:
            with suppress(TimeoutError):
                async with clock.timeout(WITHIN_S):
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
        logger.removeHandler(words)
        logger.setLevel(level)


# ---


SYMBOLS_TRIED = 50
SAMPLE_OLD_S = 120.0
SKEW_NOTED_MS, SKEW_BAD_MS = 2_000, 30_000
MAJORS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "BNBUSDT", "DOGEUSDT")

REGION = "this address or country is refused: run it on a server elsewhere, or set HTTPS_PROXY"
NTP = "let the machine keep its time: timedatectl set-ntp true"
UNROUTED = "BINANCE_WS_URL must be the routed address, wss://fstream.binance.com/market"


def _urls_of_venues(config: Config) -> dict[str, str]:
    """Addresses of the exchanges that are watched, by the variable that names each."""
    urls = {
        "BINANCE_REST_URL": config.binance_rest_url,
        "BINANCE_WS_URL": config.binance_ws_url,
        "BYBIT_REST_URL": config.bybit_rest_url,
        "BYBIT_WS_URL": config.bybit_ws_url,
        "OKX_REST_URL": config.okx_rest_url,
        "OKX_WS_URL": config.okx_ws_url,
        "HYPERLIQUID_URL": config.hyperliquid_url,
        "HYPERLIQUID_WS_URL": config.hyperliquid_ws_url,
    }
    return {name: url for name, url in urls.items() if name.split("_")[0].lower() in config.venues}


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One REST client for all checks, behind the monitor's own guard: a block that runs is respected.

    symbols: those that would be watched, once `rest` has read the list.
    """

    config: Config
    web_url: str
    clock: Clock
    symbols: list[str] = field(default_factory=list)
    _rest: BinanceRest | None = None

    async def rest_client(self) -> BinanceRest:
        if self._rest is None:
            url, block_file = self.config.binance_rest_url, self.config.db_file.with_name(BLOCK_FILE)
            guard = binance_guard(url, clock=self.clock, block_file=block_file if block_file.parent.is_dir() else None)
            rest = BinanceRest(url, clock=self.clock, guard=guard, within_s=8)
            await rest.start()
            self._rest = rest
        return self._rest

    async def close(self) -> None:
        if self._rest is not None:
            await self._rest.stop()

    async def names(self) -> Seen:
        """DNS of every host the monitor needs, unless a proxy looks names up for us."""
        config = self.config
        urls = {
            **_urls_of_venues(config),
            "TELEGRAM_API_URL": config.telegram_api_url,
        }
        direct = {name: url for name, url in urls.items() if proxy_to(url) is None}
        if not direct:
            return fine("the proxy looks names up")
        lost = []
        for name, url in direct.items():
            address = reach.address_of(url)
            if await reach.reach(address, clock=self.clock) is reach.ChatReach.NO_NAME:
                lost.append(f"{address.host} ({name})")
        if lost:
            return failed(f"unknown names: {', '.join(lost)}", "check DNS (/etc/resolv.conf) and the network")
        return fine(", ".join(dict.fromkeys(reach.address_of(url).host for url in direct.values())))

    async def proxy(self) -> Seen:
        """Which addresses go through one, and whether it takes connections."""
        config = self.config
        urls = {
            "exchange": config.binance_rest_url,
            "candles": config.binance_ws_url,
            "Telegram": config.telegram_api_url,
        }
        ways = {name: proxy_to(url) for name, url in urls.items()}
        names = [name for name in PROXY_VARIABLES[:3] if os.environ.get(name) or os.environ.get(name.lower())]
        if not any(ways.values()):
            if names:
                why = "NO_PROXY, or addresses of this machine"
                return fine(f"{' and '.join(names)} set, and no address goes through it ({why})")
            return fine("none is set; connections are direct")
        texts = []
        for proxy in sorted({way for way in ways.values() if way}):
            address = reach.address_of(proxy)
            how_far = await reach.reach(address, clock=self.clock)
            if how_far is not reach.ChatReach.CONNECTS:
                return failed(f"{address}: {how_far.value}", f"start the proxy, or take {' and '.join(names)} away")
            through = ", ".join(name for name, way in ways.items() if way == proxy)
            texts.append(f"{address} takes connections ({through})")
        direct = [name for name, way in ways.items() if not way]
        return fine(", ".join(texts) + (f"; direct: {', '.join(direct)}" if direct else ""))

    async def breaker(self) -> Seen:
        """Blocks that are remembered, by the exchange and by the website, of whatever program met them."""
        texts, is_blocked = [], False
        for name, title in ((BLOCK_FILE, "exchange"), (WEBSITE_BLOCK_FILE, "website")):
            record = last_block(self.config.db_file.with_name(name))
            left_s = (record.until_ms - self.clock.now_ms()) / 1000 if record is not None else 0.0
            if record is None or (left_s <= 0 and not record.last_soft_ms):
                texts.append(f"{title}: closed, no block is remembered")
            elif left_s > 0:
                is_blocked = True
                texts.append(
                    f"{title}: open, blocked ({record.severity.lower()}) for {left_s:.0f} s more: {record.reason}"
                )
            else:
                ago_s = (self.clock.now_ms() - max(record.last_soft_ms, record.until_ms)) / 1000
                texts.append(f"{title}: closed, {record.soft_hits} refusals in a row, the last one {ago_s:.0f} s ago")
        if all(text.endswith("no block is remembered") for text in texts):
            return fine("closed: neither exchange nor website has refused us lately")
        line = "; ".join(texts)
        return note(line, "wait until then; what runs respects it by itself") if is_blocked else fine(line)

    async def listed(self) -> tuple[int, float]:
        """Reads which symbols would be watched. Returns the number of all contracts, and the seconds it took.

        Raises ExchangeError.
        """
        rest = await self.rest_client()
        began_s = self.clock.monotonic()
        contracts = await rest.contracts()
        self.symbols = [c.symbol for c in contracts if is_watched(c, tradfi=self.config.tradfi_perpetuals)]
        return len(contracts), self.clock.monotonic() - began_s

    async def rest(self) -> Seen:
        try:
            count, took_s = await self.listed()
        except RegionBlocked as problem:
            return failed(str(problem), REGION)
        except ExchangeBlocked as problem:
            return failed(str(problem), "wait until then; other programs on this address use the same budget")
        if not self.symbols:
            return failed(f"{count} contracts, none of which would be watched", "check BINANCE_REST_URL")
        return fine(f"{len(self.symbols)} contracts to watch, answered in {took_s:.1f} s")

    async def time(self) -> Seen:
        rest = await self.rest_client()
        try:
            skew_ms = self.clock.now_ms() - await rest.server_time_ms()
        except ExchangeError as problem:
            return note(f"could not be compared: {problem}")
        shown = f"{abs(skew_ms) / 1000:.1f} s {'ahead of' if skew_ms > 0 else 'behind'} the exchange's"
        if abs(skew_ms) >= SKEW_BAD_MS:
            return failed(f"this clock is {shown}", NTP)
        if abs(skew_ms) >= SKEW_NOTED_MS:
            return note(f"this clock is {shown}", NTP)
        return fine(f"within {max(0.1, abs(skew_ms) / 1000):.1f} s of the exchange's")

    async def candle(self) -> FirstCandle:
        symbols = sorted(self.symbols, key=lambda symbol: symbol not in MAJORS)[:SYMBOLS_TRIED] or list(MAJORS)
        return await first_candle(self._feed, symbols, clock=self.clock)

    def _feed(self, sink: FeedSink) -> KlineFeed:
        options = FeedOptions(gather_ms=0)
        return KlineFeed(self.config.binance_ws_url, dialect=BINANCE, sink=sink, clock=self.clock, options=options)

    async def kline(self) -> Seen:
        """A real candle. That the connection opens and the subscription is acknowledged proves nothing."""
        return candle_seen(await self.candle(), now_ms=self.clock.now_ms(), if_silent=UNROUTED)

    async def open_interest(self) -> Seen:
        rest = await self.rest_client()
        symbol = "BTCUSDT" if "BTCUSDT" in self.symbols or not self.symbols else self.symbols[0]
        sample = await rest.open_interest(symbol, priority=Priority.ENRICH)
        age_s = (self.clock.now_ms() - sample.time_ms) / 1000
        if sample.contracts <= 0:
            return failed(f"{symbol}: {sample.contracts:g} contracts", "check BINANCE_REST_URL")
        text = f"{symbol}: {sample.contracts:,.0f} contracts, {age_s:.0f} s old"
        return note(text, "samples this old raise no alert") if age_s > SAMPLE_OLD_S else fine(text)

    async def smart_money(self) -> Seen:
        """Only a line on alerts: the monitor works without it."""
        web = SmartMoneyWeb(self.web_url, clock=self.clock, guard=web_guard(self.web_url, clock=self.clock))
        await web.start()
        try:
            overview = await web.overview("BTCUSDT", priority=Priority.ENRICH)
        except ExchangeError as problem:
            return note(f"no answer: {problem}", "alerts come without the line about large traders")
        finally:
            await web.stop()
        if overview is None:
            return note("nothing for BTCUSDT at this moment", "alerts come without the line about large traders")
        return fine("the overview of BTCUSDT is readable")
