"""Every exchange of VENUES beside Binance, as the monitor meets it: its list, clock, a real candle, open interest."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from altmonitor.config import Config
from altmonitor.core.clock import Clock
from altmonitor.core.errors import ExchangeBlocked, ExchangeError, RegionBlocked
from altmonitor.core.types import VENUE_TITLES, Venue
from altmonitor.exchanges.adapter import AdapterDeps, ExchangeAdapter
from altmonitor.exchanges.venues import adapter_of
from altmonitor.exchanges.ws.feed import FeedOptions
from altmonitor.interfaces.exchange import Priority
from altmonitor.market.contracts import is_watched
from altmonitor.ops.doctor.network_checks import (
    MAJORS,
    NTP,
    REGION,
    SAMPLE_OLD_S,
    SKEW_BAD_MS,
    SKEW_NOTED_MS,
    SYMBOLS_TRIED,
    FirstCandle,
    candle_seen,
    first_candle,
)
from altmonitor.ops.doctor.report import NETWORK, Check, Seen, failed, fine, note

ANSWER_S: Final = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherMarketSeen:
    """contracts: to watch. candle: None where there is no list and nothing more was asked."""

    venue: Venue
    contracts: int = 0
    candle: FirstCandle | None = None

    @property
    def comes_in(self) -> bool:
        return self.candle is not None and bool(self.candle.symbol)


class OtherExchange:
    """One adapter for all its checks, behind the monitor's own guard: a block that runs is respected."""

    def __init__(self, venue: Venue, *, config: Config, clock: Clock, stack: AsyncExitStack) -> None:
        self.venue: Venue = venue
        self._config = config
        self._clock = clock
        self._stack = stack
        self._adapter: ExchangeAdapter | None = None
        self._symbols: list[str] = []

    async def _open(self) -> ExchangeAdapter:
        if self._adapter is None:
            deps = AdapterDeps(
                config=self._config,
                clock=self._clock,
                on_guard=lambda status: None,
                answer_s=ANSWER_S,
                feed=FeedOptions(gather_ms=0),
            )
            adapter = adapter_of(self.venue)(deps)
            await adapter.rest.start()
            self._stack.push_async_callback(adapter.rest.stop)
            self._adapter = adapter
        return self._adapter

    async def rest(self) -> Seen:
        """The list of contracts, and how far its clock and ours are apart."""
        adapter, began_s = await self._open(), self._clock.monotonic()
        try:
            contracts = await adapter.rest.contracts()
        except RegionBlocked as problem:
            return failed(str(problem), REGION)
        except ExchangeBlocked as problem:
            return failed(str(problem), "wait until then; the other exchanges go on meanwhile")
        took_s = self._clock.monotonic() - began_s
        self._symbols = [c.symbol for c in contracts if is_watched(c, tradfi=self._config.tradfi_perpetuals)]
        if not self._symbols:
            setting = "HYPERLIQUID_URL" if self.venue == "hyperliquid" else f"{self.venue.upper()}_REST_URL"
            return failed(f"{len(contracts)} contracts, none of which would be watched", f"check {setting}")
        return fine(f"{len(self._symbols)} contracts to watch, answered in {took_s:.1f} s")

    async def time(self) -> Seen:
        adapter = await self._open()
        try:
            skew_ms = self._clock.now_ms() - await adapter.rest.server_time_ms()
        except ExchangeError as problem:
            return note(f"could not be compared: {problem}")
        shown = f"{abs(skew_ms) / 1000:.1f} s {'ahead of' if skew_ms > 0 else 'behind'} {VENUE_TITLES[self.venue]}'s"
        if abs(skew_ms) >= SKEW_NOTED_MS:
            return (failed if abs(skew_ms) >= SKEW_BAD_MS else note)(f"this clock is {shown}", NTP)
        return fine(f"within {max(0.1, abs(skew_ms) / 1000):.1f} s of {VENUE_TITLES[self.venue]}'s")

    async def kline(self) -> Seen:
        """A real candle. That the connection opens and the subscription is acknowledged proves nothing."""
        return candle_seen(await self._first_candle(), now_ms=self._clock.now_ms(), if_silent=NETWORK)

    async def _first_candle(self) -> FirstCandle:
        adapter = await self._open()
        symbols = sorted(self._symbols, key=lambda symbol: symbol not in MAJORS)[:SYMBOLS_TRIED] or list(MAJORS)
        return await first_candle(adapter.feed, symbols, clock=self._clock)

    async def market(self) -> OtherMarketSeen:
        """Only what alerts depend on: the list, and a candle of it."""
        try:
            await self.rest()
        except ExchangeError:
            return OtherMarketSeen(venue=self.venue)
        if not self._symbols:
            return OtherMarketSeen(venue=self.venue)
        return OtherMarketSeen(venue=self.venue, contracts=len(self._symbols), candle=await self._first_candle())

    async def open_interest(self) -> Seen:
        adapter = await self._open()
        symbol = "BTCUSDT" if "BTCUSDT" in self._symbols or not self._symbols else self._symbols[0]
        sample = await adapter.rest.open_interest(symbol, priority=Priority.ENRICH)
        age_s = max(0.0, (self._clock.now_ms() - sample.time_ms) / 1000)
        text = f"{symbol}: {sample.contracts:,.0f} coins of one side, {age_s:.0f} s old"
        return note(text, "samples this old raise no alert") if age_s > SAMPLE_OLD_S else fine(text)

    def checks(self) -> list[Check]:
        venue, title = self.venue, VENUE_TITLES[self.venue]
        first = f"{venue}_rest"
        return [
            Check(name=first, title=f"{title}, REST", look=self.rest, way_out=NETWORK, limit_s=30, after=("proxy",)),
            Check(name=f"{venue}_clock", title=f"{title}, clock", look=self.time, way_out="", needs=(first,)),
            Check(name=f"{venue}_kline", title=f"{title}, candles", look=self.kline, way_out=NETWORK, after=(first,)),
            Check(
                name=f"{venue}_open_interest", title=f"{title}, OI", look=self.open_interest, way_out="", needs=(first,)
            ),
        ]
