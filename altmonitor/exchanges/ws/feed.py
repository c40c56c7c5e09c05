"""The feed: every watched symbol's 1-minute candle over one or more sockets, and the truth about whether it comes."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any, Final

from altmonitor.core.clock import Clock
from altmonitor.core.status import FeedStatus
from altmonitor.exchanges.exchange_clock import ExchangeClock
from altmonitor.exchanges.ws import pick_transport
from altmonitor.exchanges.ws.connection import Shared
from altmonitor.exchanges.ws.dialect import Dialect
from altmonitor.exchanges.ws.shard import FeedShard, FeedShardDeps, HandshakeBudget
from altmonitor.exchanges.ws.transport import OpenTransport, TransportOptions
from altmonitor.exchanges.ws.watchdog import HEAR_EVERY_S, FeedState, FeedWatch, Gap, PauseWatch, Share, SymbolWatch
from altmonitor.interfaces.exchange import FeedEvent, FeedSink

_LOOK_EVERY_S: Final = 1.0
_SILENCE_EVERY_S: Final = 30.0
_SAME_SINCE_MS: Final = 3_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedOptions:
    """gather_ms: see `transport`. proxy: an address, False for none, True for what the environment says.

    life_s: after this long a connection is replaced; None for what the venue's dialect says.
    shortest_silence_s: no shorter one is taken for blindness; for a program on a clock that runs fast, where half a
    minute is less than a busy machine's pause.
    """

    gather_ms: float = 20
    proxy: str | bool = True
    ssl: SSLContext | None = None
    open_transport: OpenTransport = field(default_factory=pick_transport)
    jitter: random.Random = field(default_factory=random.Random)
    budget: HandshakeBudget | None = None
    life_s: float | None = None
    shortest_silence_s: float = 0.0


class KlineFeed:
    """Implements `interfaces.exchange.Feed`. One for the process, or several that share a `budget`."""

    def __init__(
        self,
        url: str,
        *,
        dialect: Dialect,
        sink: FeedSink,
        clock: Clock,
        exchange_clock: ExchangeClock | None = None,
        options: FeedOptions | None = None,
    ) -> None:
        """url: base address; the dialect's path is appended. exchange_clock: the venue's, None where nobody sets it."""
        options = options if options is not None else FeedOptions()
        self.url = url
        self._clock = clock
        self._exchange_clock = exchange_clock or ExchangeClock(clock)
        self._sink = sink
        self._jitter = options.jitter
        self._dialect = dialect
        self._life_s = dialect.connection_life_s if options.life_s is None else options.life_s
        self._shortest_silence_s = options.shortest_silence_s
        self._budget = options.budget or HandshakeBudget(
            clock, limit=dialect.handshakes, window_s=dialect.handshake_window_s
        )
        self._shared = Shared(
            url=url,
            dialect=dialect,
            clock=clock,
            exchange_clock=self._exchange_clock,
            sink=sink,
            open_transport=options.open_transport,
            options=TransportOptions(gather_ms=options.gather_ms, proxy=options.proxy, ssl=options.ssl),
        )
        self._symbols: set[str] = set()
        self._shards: list[FeedShard] = []
        self._running: set[FeedShard] = set()
        self._watch = FeedWatch()
        self._symbol_watch = SymbolWatch()
        self._started_s = self._exchange_clock.now_s()
        self._missed_s = self._exchange_clock.missed_s
        self._seen_until_ms: int | None = None
        self._told_since_ms: int | None = None
        self._next_hearing_s = self._next_silence_s = self._started_s

    def set_symbols(self, symbols: Collection[str]) -> None:
        wanted = set(symbols)
        for shard in self._shards:
            shard.set_symbols(shard.symbols & wanted)
        while len(self._shards) < self._shards_for(wanted):
            self._shards.append(self._new_shard())
        shares = {shard: set(shard.symbols) for shard in self._shards}
        for symbol in sorted(wanted - set().union(*shares.values())):
            emptiest = min(self._shards, key=lambda shard: len(shares[shard]))
            shares[emptiest].add(symbol)
        for shard, share in shares.items():
            shard.set_symbols(share)
        self._shared.unheard |= wanted - self._symbols
        self._symbols = wanted
        self._symbol_watch.follow(wanted, self._exchange_clock.now_s())

    def _shards_for(self, symbols: Collection[str]) -> int:
        return (len(symbols) + len(self._dialect.news_streams)) // self._dialect.streams_per_connection + 1

    def _new_shard(self) -> FeedShard:
        return FeedShard(
            FeedShardDeps(
                shared=self._shared,
                budget=self._budget,
                jitter=self._jitter,
                is_only_shard=lambda: len(self._shards) == 1,
                on_rotated=lambda: self._tell("rotated"),
                news_streams=() if self._shards else self._dialect.news_streams,
                life_s=self._life_s,
                shortest_silence_s=self._shortest_silence_s,
            )
        )

    async def run(self) -> None:
        self._started_s = self._exchange_clock.now_s()
        self._running.clear()
        pause = PauseWatch(_LOOK_EVERY_S)
        async with asyncio.TaskGroup() as tasks:
            while True:
                for number, shard in enumerate(self._shards, 1):
                    if shard not in self._running:
                        self._running.add(shard)
                        tasks.create_task(shard.run(), name=f"feed connection {number}")
                await self._clock.sleep(_LOOK_EVERY_S)
                now_s = self._exchange_clock.now_s()
                if self._dialect.closings is not None:
                    for update in self._dialect.closings():
                        self._sink.on_kline(update)
                self._forgive_sleep(now_s)
                if not pause.was_long(now_s):
                    self._look(now_s)
                if now_s >= self._next_hearing_s:
                    self._next_hearing_s = now_s + HEAR_EVERY_S
                    self._hear(now_s)
                else:
                    self._compact()

    def _compact(self) -> None:
        """A set keeps the room of what was taken out of it, and only a small one is looked into fast."""
        self._shared.unheard = set(self._shared.unheard)

    def _shares(self) -> dict[FeedShard, Share]:
        return {shard: shard.share() for shard in self._shards if shard.symbols}

    def _forgive_sleep(self, now_s: float) -> None:
        """No symbol was silent while nobody listened."""
        if self._missed_s != self._exchange_clock.missed_s:
            self._missed_s = self._exchange_clock.missed_s
            self._symbol_watch.forgive(self._symbols, now_s)

    def _look(self, now_s: float) -> None:
        shares = self._shares()
        sight = self._watch.look(shares.values(), now_s)
        if sight is FeedState.BLIND:
            self._tell_blind({shard: share for shard, share in shares.items() if share.is_dark(now_s)}, now_s)
        elif sight is FeedState.LIVE:
            self._tell_live(now_s)
        elif self._watch.sight is FeedState.LIVE:
            self._tell_gap(now_s)
            if all(shard.is_fed for shard in shares):
                for shard in shares:
                    shard.attempts = 0

    def _tell_blind(self, dark: Mapping[FeedShard, Share], now_s: float) -> None:
        known = [share.silence_s(now_s) for share in dark.values() if share.last_data_s is not None]
        since_ms = self._told_since_ms = self._clock.now_ms() - int(max(known) * 1000) if known else None
        seen_ms = [ms for shard in dark if (ms := shard.progress.last_event_ms) is not None]
        self._seen_until_ms = min(seen_ms, default=None)
        reasons = tuple(sorted({shard.why_dark() for shard in dark}, key=str))
        is_partial = len(dark) < len(self._shards)
        symbols = tuple(sorted(set().union(*(shard.symbols for shard in dark)))) if is_partial else ()
        _log.warning(
            "feed blind (%d of %d connections): %s", len(dark), len(self._shards), "; ".join(map(str, reasons))
        )
        self._tell(
            "blind", reasons=reasons, blind_since_ms=since_ms, seen_until_ms=self._seen_until_ms, symbols=symbols
        )

    def _tell_live(self, now_s: float) -> None:
        attempts = sum(shard.attempts for shard in self._shards)
        begins_ms = [gap.from_ms for gap in self._take_gaps()]
        if self._seen_until_ms is not None:
            begins_ms.append(self._seen_until_ms)
        self._seen_until_ms = None
        self._symbol_watch.forgive(self._symbols, now_s)
        self._tell_seen_again(min(begins_ms, default=None), attempts=attempts)

    def _tell_gap(self, now_s: float) -> None:
        """Data goes on as if nothing had been, but what happened in between did not come."""
        gaps = self._take_gaps()
        if gaps:
            self._symbol_watch.forgive(self._symbols, now_s)
            self._tell_seen_again(min(gap.from_ms for gap in gaps))

    def _take_gaps(self) -> list[Gap]:
        return [gap for shard in self._shards if (gap := shard.progress.take_gap()) is not None]

    def _tell_seen_again(self, seen_until_ms: int | None, **known: Any) -> None:
        """The blind time by our clock is as long as the one in the data, and ends now. What was told already stands,
        unless our clock was set since."""
        seen_ms = [ms for shard in self._shards if (ms := shard.progress.last_event_ms) is not None]
        again_ms = min(seen_ms, default=None)
        since_ms = None
        if seen_until_ms is not None and again_ms is not None:
            since_ms = self._clock.now_ms() - max(0, again_ms - seen_until_ms)
            told_ms, self._told_since_ms = self._told_since_ms, None
            if told_ms is not None and abs(told_ms - since_ms) < _SAME_SINCE_MS:
                since_ms = told_ms
        away_s = self._exchange_clock.now_s() - self._started_s
        if since_ms is not None:
            away_s = (self._clock.now_ms() - since_ms) / 1000
        _log.info("feed live after %.0f s", away_s)
        self._tell("live", blind_since_ms=since_ms, seen_until_ms=seen_until_ms, seen_again_ms=again_ms, **known)

    @property
    def last_event_ms(self) -> int | None:
        """Exchange time of the newest data, unix ms; None before any."""
        return max((ms for shard in self._shards if (ms := shard.progress.last_event_ms) is not None), default=None)

    def _hear(self, now_s: float) -> None:
        back = self._symbol_watch.hear(self._symbols - self._shared.unheard, now_s)
        self._shared.unheard = set(self._symbols)
        if back:
            _log.info("%d silent symbols are back", len(back))
            self._tell("symbols_back", symbols=back)
        for shard in self._shards:
            if shard.last_data_s is None or now_s - shard.last_data_s > HEAR_EVERY_S:
                self._symbol_watch.forgive(shard.symbols, now_s)
        if self._watch.sight is FeedState.LIVE and now_s >= self._next_silence_s:
            self._next_silence_s = now_s + _SILENCE_EVERY_S
            self._look_for_silence(now_s)

    def _look_for_silence(self, now_s: float) -> None:
        silent = self._symbol_watch.newly_silent(now_s)
        if not silent:
            return
        _log.warning("%d symbols silent against their own rhythm, subscribing again", len(silent))
        for shard in self._shards:
            shard.renew(set(silent))
        self._tell("symbols_silent", symbols=silent)

    def _tell(self, kind: str, **known: Any) -> None:
        self._sink.on_feed_event(FeedEvent(kind=kind, at_ms=self._clock.now_ms(), **known))

    @property
    def frames(self) -> int:
        """Data frames so far. `status` costs much more."""
        return self._shared.frames

    def frame_age_s(self) -> float | None:
        """Of the newest data; None before any."""
        return self._frame_age_s(self._shares(), self._exchange_clock.now_s())

    def is_blind(self) -> bool:
        return self._watch.is_blind(self._shares().values(), self._exchange_clock.now_s())

    @staticmethod
    def _frame_age_s(shares: Mapping[FeedShard, Share], now_s: float) -> float | None:
        return min((share.silence_s(now_s) for share in shares.values() if share.last_data_s is not None), default=None)

    def status(self) -> FeedStatus:
        now_s = self._exchange_clock.now_s()
        covered: set[str] = set()
        shares = self._shares()
        for shard, share in shares.items():
            if not share.is_dark(now_s):
                covered |= shard.covered()
        connections = [connection for shard in self._shards for connection in shard.open_connections]
        return FeedStatus(
            connections=len(connections),
            last_frame_age_s=self._frame_age_s(shares, now_s),
            symbols_expected=len(self._symbols),
            symbols_covered=len(covered - self._symbol_watch.silent()),
            frames=self._shared.frames,
            frames_skipped=dict(self._shared.skipped),
            reconnects=sum(shard.reconnects for shard in self._shards),
            is_blind=self._watch.is_blind(shares.values(), now_s),
            transport=connections[0].transport_name if connections else "",
        )
