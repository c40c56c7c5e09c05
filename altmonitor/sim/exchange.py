"""A USDⓈ-M futures exchange on loopback: one server, REST and WebSocket, on a market that is handed in."""

from __future__ import annotations

import asyncio
import logging
from types import TracebackType

from aiohttp import web

from altmonitor.core.clock import Clock
from altmonitor.core.errors import StartError
from altmonitor.core.types import VENUE_NAMES, Venue
from altmonitor.sim.archive import SimArchive
from altmonitor.sim.bybit import BybitBodies, BybitWire
from altmonitor.sim.bybit import liquidation as bybit_liquidation
from altmonitor.sim.control import ExchangeFaults, ExchangeStats
from altmonitor.sim.hyperliquid import HyperliquidInfo, HyperliquidWire
from altmonitor.sim.hyperliquid_wallets import HyperliquidStats
from altmonitor.sim.market import Market
from altmonitor.sim.okx import OkxBodies, OkxWire, scale_of
from altmonitor.sim.okx import liquidation as okx_liquidation
from altmonitor.sim.okx_copy_bodies import OkxCopyBodies
from altmonitor.sim.okx_key import OkxKey
from altmonitor.sim.okx_signed_bodies import SIGNED_PATHS, OkxSignedBodies
from altmonitor.sim.okx_traders import SimTraders
from altmonitor.sim.rest import Rest
from altmonitor.sim.venue_sockets import SimVenue, VenueSockets, VenueWire
from altmonitor.sim.wire import force_order
from altmonitor.sim.ws import Sockets

log = logging.getLogger(__name__)

TICK_S = 0.02  # of the machine's time, whatever the clock's speed
MOST_FRAMES_PER_S = 6_000  # of the machine's time: a clock that runs fast makes pushes rarer, not a flood
_STEP_MS = 300_000  # a longer stretch of exchange time is pushed in several steps


class SimExchange:
    """Use as `async with SimExchange(market, clock=clock) as exchange:`, or call start and stop.

    `ws_url` ends in /market; clients append /stream or /ws. One market serves one exchange.
    """

    def __init__(self, market: Market, *, clock: Clock, faults: ExchangeFaults | None = None) -> None:
        self.market = market
        self.faults = faults if faults is not None else ExchangeFaults()
        self.stats = ExchangeStats()
        self._clock = clock
        self._sockets = Sockets(faults=self.faults, stats=self.stats, monotonic=clock.monotonic, now_ms=self.now_ms)
        self.venues: dict[Venue, SimVenue] = {name: SimVenue() for name in VENUE_NAMES if name != "binance"}
        self._venue_sockets = self._speak_as_venues()
        more = BybitBodies(market, skew_ms=lambda: self.venues["bybit"].faults.clock_skew_ms).answers()
        more |= OkxBodies(market, skew_ms=lambda: self.venues["okx"].faults.clock_skew_ms).answers()
        self.okx_traders = SimTraders(market)
        self.okx_key, self.okx_signed = OkxKey(), OkxSignedBodies(self.okx_traders)
        more |= OkxCopyBodies(self.okx_traders).answers() | self.okx_signed.answers()
        self.hyperliquid = HyperliquidInfo(
            market,
            now_ms=self.now_ms,
            skew_ms=lambda: self.venues["hyperliquid"].faults.clock_skew_ms,
            faults=self.faults,
            stats=self.stats,
        )
        self._hyperliquid_stats = HyperliquidStats(
            self.hyperliquid.wallets, now_ms=self.now_ms, faults=self.faults, stats=self.stats
        )
        self._rest = Rest(
            market,
            clock=clock,
            now_ms=self.now_ms,
            faults=self.faults,
            stats=self.stats,
            more=more,
            signed=dict.fromkeys(SIGNED_PATHS, self._judge_okx_signature),
        )
        self.archive = SimArchive(market, now_ms=self.now_ms)
        self.faults.connect(drop=self._sockets.drop_all, close=self._sockets.close_all)
        self._runner: web.AppRunner | None = None
        self._pushing: asyncio.Task[None] | None = None
        self._address = ""

    def _speak_as_venues(self) -> list[VenueSockets]:
        wires: dict[Venue, VenueWire] = {
            "bybit": BybitWire(self.market, now_ms=self.now_ms),
            "okx": OkxWire(self.market, now_ms=self.now_ms),
            "hyperliquid": HyperliquidWire(self.market, now_ms=self.now_ms),
        }
        return [
            VenueSockets(wire, self.venues[name], monotonic=self._clock.monotonic, now_ms=self.now_ms)
            for name, wire in wires.items()
        ]

    @property
    def rest_url(self) -> str:
        return f"http://{self._address}"

    @property
    def web_url(self) -> str:
        """Where the website's own paths are served: the same server here."""
        return self.rest_url

    @property
    def archive_url(self) -> str:
        """Where past days lie as files: the same server here."""
        return self.rest_url

    @property
    def ws_url(self) -> str:
        return f"ws://{self._address}/market"

    def environment(self) -> dict[str, str]:
        """Settings that point a monitor at this exchange, as every venue it plays."""
        return {
            "BINANCE_REST_URL": self.rest_url,
            "BINANCE_WS_URL": self.ws_url,
            "BINANCE_WEB_URL": self.web_url,
            "BINANCE_ARCHIVE_URL": self.archive_url,
            "BYBIT_REST_URL": self.rest_url,
            "BYBIT_WS_URL": f"ws://{self._address}/v5/public",
            "OKX_REST_URL": self.rest_url,
            "OKX_WS_URL": f"ws://{self._address}/ws/v5",
            "HYPERLIQUID_URL": f"{self.rest_url}/hyperliquid",
            "HYPERLIQUID_WS_URL": f"ws://{self._address}/hyperliquid",
            "HYPERLIQUID_STATS_URL": f"{self.rest_url}/hyperliquid/stats",
        }

    def okx_key_environment(self) -> dict[str, str]:
        """Settings of a key that its OKX side takes."""
        key = self.okx_key
        return {"OKX_API_KEY": key.key, "OKX_SECRET_KEY": key.secret, "OKX_PASSPHRASE": key.passphrase}

    def _judge_okx_signature(self, request: web.Request, now_ms: int) -> None:
        now_ms += self.venues["okx"].faults.clock_skew_ms
        self.okx_key.check(request.headers, request.method, request.raw_path, now_ms)

    def liquidate(self, symbol: str, *, is_long: bool, usd: float) -> None:
        """Positions of so much are closed by force now, at every venue that tells such things."""
        now_ms = self.now_ms()
        (price,) = self.market.prices([symbol], now_ms)
        coins = usd / price
        self._sockets.push([force_order(symbol, is_long=is_long, coins=coins, price=price, at_ms=now_ms)])
        letter = "Buy" if is_long else "Sell"
        self.venues["bybit"].extra.append(bybit_liquidation(symbol, letter, coins, price, now_ms))
        side, scale = "sell" if is_long else "buy", scale_of(symbol)
        self.venues["okx"].extra.append(okx_liquidation(symbol, side, coins * scale, price / scale, now_ms))

    def now_ms(self) -> int:
        """The exchange's own time: the clock's, plus the skew it was told to have."""
        return self._clock.now_ms() + self.faults.clock_skew_ms

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Raises StartError when the address cannot be listened on."""
        app = web.Application()
        app.add_routes([*self._sockets.routes(), *(route for one in self._venue_sockets for route in one.routes())])
        app.add_routes(
            [
                *self.hyperliquid.routes(),
                *self._hyperliquid_stats.routes(),
                *self._rest.routes(),
                *self.archive.routes(),
            ]
        )
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as problem:
            await runner.cleanup()
            raise StartError(f"the simulated exchange cannot listen on {host}:{port}: {problem.strerror}") from problem
        self._runner = runner
        bound = runner.addresses[0]
        self._address = f"{bound[0]}:{bound[1]}"
        self._pushing = asyncio.create_task(self._push(), name="sim-exchange-push")
        self._pushing.add_done_callback(_report)

    async def stop(self) -> None:
        """Ends all connections. Raises whatever ended the pushing before its time: a fault of the market."""
        if self._pushing is not None:
            self._pushing.cancel()
            await asyncio.wait([self._pushing])
        self._sockets.drop_all()
        for sockets in self._venue_sockets:
            sockets.drop_all()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        pushing, self._pushing = self._pushing, None
        if pushing is not None and not pushing.cancelled():
            pushing.result()

    async def __aenter__(self) -> SimExchange:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _push(self) -> None:
        pushed_ms, made = self.now_ms(), 0
        while True:
            await asyncio.sleep(max(TICK_S, made / MOST_FRAMES_PER_S))
            made = 0
            every: list[Sockets | VenueSockets] = [self._sockets, *self._venue_sockets]
            for sockets in every:
                sockets.tend()
            now_ms = self.now_ms()
            if not any(sockets.has_listeners() for sockets in every):
                pushed_ms = now_ms
                continue
            if now_ms < pushed_ms - 1_000:  # the exchange's clock was set back
                pushed_ms = now_ms
            while pushed_ms < now_ms:
                until_ms = min(now_ms, pushed_ms + _STEP_MS)
                frames = self.market.frames(pushed_ms, until_ms)
                for sockets in every:
                    sockets.push(frames)
                made += len(frames)
                pushed_ms = until_ms
                if pushed_ms < now_ms:
                    await asyncio.sleep(0)


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("the simulated exchange stopped pushing", exc_info=task.exception())
