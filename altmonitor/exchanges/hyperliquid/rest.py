"""Questions to Hyperliquid: one path, asked with JSON. Every question weighs; an address has 1,200 a minute."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from altmonitor.core.cache import Cache
from altmonitor.core.causes import CauseCode
from altmonitor.core.clock import Clock
from altmonitor.core.errors import BadAnswer
from altmonitor.core.venue_names import hyperliquid_coin
from altmonitor.exchanges.hyperliquid import bodies
from altmonitor.exchanges.hyperliquid.bodies import MAIN_DEX, AssetLists, Context, Row
from altmonitor.exchanges.rest.budget import Ask, Shares
from altmonitor.exchanges.rest.client import POOL, VenueRest
from altmonitor.exchanges.rest.guard import Guard
from altmonitor.exchanges.rest.venue_market import VenueMarket
from altmonitor.interfaces.exchange import Priority
from altmonitor.market.candles import MINUTE_MS, Candle
from altmonitor.market.contracts import Contract
from altmonitor.market.quotes import DayTicker, Funding, LongShortRatio, OpenInterest
from altmonitor.positioning.funding import VenueFunding

T = TypeVar("T")

log = logging.getLogger(__name__)

WEIGHT_PER_MINUTE: Final = 1_200
WEIGHT_SHARES: Final = Shares(0.48, 0.60)
"""History and wallets wait before a question has to: about an account one weighs 142, and finds room for it."""
REQUESTS: Final = 600
PER_S: Final = 60.0
LIGHT: Final = 2
HEAVY: Final = 20
CANDLES_PER_WEIGHT: Final = 60
INFO_PATH: Final = "/info"
TABLE_SHARED_S: Final = 5.0
PUSHED_GOOD_FOR_S: Final = 15.0
SHORTEST_MINUTE_S: Final = 30.0
LONGEST_MINUTE_S: Final = 90.0
"""Old candles come in a row when they are subscribed to, and none where the socket is silent."""
NOTICED_WITHIN_MS: Final = 20_000
"""A minute has begun no longer ago than that when its first candle and the table after it have come."""


def question(**asked: object) -> str:
    return msgspec.json.encode(asked).decode()


PROBE: Final = question(type="l2Book", coin="BTC")


class HyperliquidRest(VenueMarket):
    """Also keeps the newest table that the socket pushed: while it is fresh, nothing is asked.

    has_builders: the contracts of builders' dexes are listed too.
    """

    def __init__(self, base_url: str, *, clock: Clock, guard: Guard, within_s: float, has_builders: bool) -> None:
        rest = VenueRest(
            base_url, clock=clock, guard=guard, is_refusal=lambda body: False, within_s=within_s, post_path=INFO_PATH
        )
        super().__init__(rest, clock=clock, guard=guard)
        self._has_builders = has_builders
        self.lists = AssetLists()
        self._pushed: tuple[bytes, float] | None = None
        self._minute_ms = 0
        self._minute_s = self._begun_s = float(
            "-inf"
        )  # monotonic, when it was first heard of; when it was seen to begin
        self._rows: Cache[str, list[Row]] = Cache(clock=clock, ttl_s=TABLE_SHARED_S)

    def on_contexts(self, frame: bytes, minute_ms: int) -> None:
        """The socket's table of all dexes, and the minute of the newest candle before it. Only kept; it is read when
        somebody asks."""
        now_s = self._clock.monotonic()
        if minute_ms != self._minute_ms:
            is_next = minute_ms == self._minute_ms + MINUTE_MS and now_s - self._minute_s >= SHORTEST_MINUTE_S
            self._minute_ms, self._minute_s, self._begun_s = minute_ms, now_s, now_s if is_next else float("-inf")
        self._pushed = frame, now_s

    async def _ask(self, priority: Priority, weight: int, **asked: object) -> bytes:
        return await self._rest.ask(Ask(target=question(**asked), priority=priority, weight=weight, pool=POOL))

    async def _read_time_ms(self) -> int:
        return bodies.read_time_ms(await self._rest.ask(Ask(target=PROBE, priority=Priority.UNIVERSE, weight=LIGHT)))

    async def contracts(self) -> list[Contract]:
        """Reads the lists anew."""
        await self._read_tables(Priority.UNIVERSE)
        found = [asset.contract() for assets in self.lists.of_dex.values() for asset in assets]
        if not found:
            raise BadAnswer("meta: no contracts", code=CauseCode.NO_SYMBOLS)
        return found

    async def _read_tables(self, priority: Priority) -> list[Row]:
        """Every dex's list and table, one question each; a builder's dex that does not answer is left out."""
        rows = await self._read_dex(MAIN_DEX, priority)
        self.lists.is_stale = False
        if self._has_builders:
            for dex in bodies.read_dexes(await self._ask(priority, HEAVY, type="perpDexs")):
                try:
                    rows += await self._read_dex(dex, priority)
                except BadAnswer as problem:
                    log.debug("dex %s: %s", dex, problem)
        return rows

    async def _read_dex(self, dex: str, priority: Priority) -> list[Row]:
        more = {} if dex == MAIN_DEX else {"dex": dex}
        assets, contexts = bodies.read_meta(await self._ask(priority, HEAVY, type="metaAndAssetCtxs", **more))
        self.lists.of_dex[dex] = assets
        return self.lists.joined(dex, contexts)

    async def _newest_rows(self, priority: Priority) -> list[Row]:
        async def fetch() -> list[Row]:
            rows = self._pushed_rows() or await self._read_tables(priority)
            if not rows:
                raise BadAnswer("metaAndAssetCtxs: no contracts", code=CauseCode.NO_SYMBOLS)
            return rows

        return await self._rows.get("", fetch)

    def _pushed_rows(self) -> list[Row]:
        """Of the newest table, where every dex fits its list; else none."""
        if self._pushed is None or self._clock.monotonic() - self._pushed[1] > PUSHED_GOOD_FOR_S:
            return []
        try:
            tables: list[tuple[str, list[Context]]] = bodies.read_all_contexts(self._pushed[0])
        except BadAnswer as problem:
            log.debug("%s", problem)
            return []
        rows = [row for dex, contexts in tables for row in self.lists.joined(dex, contexts)]
        return [] if self.lists.is_stale else rows

    async def klines(self, symbol: str, *, start_ms: int, end_ms: int, limit: int, priority: Priority) -> list[Candle]:
        asked = {"coin": hyperliquid_coin(symbol), "interval": "1m", "startTime": start_ms, "endTime": end_ms}
        weight = HEAVY + limit // CANDLES_PER_WEIGHT
        found = bodies.CANDLES.read(await self._ask(priority, weight, type="candleSnapshot", req=asked)).values
        return (await self.closed_before_now(found, start_ms=start_ms, end_ms=end_ms))[:limit]

    async def day_tickers(self) -> list[DayTicker]:
        return _readable(await self._newest_rows(Priority.UNIVERSE), Row.day)

    async def fundings(self) -> list[Funding]:
        rows, now_ms = await self._newest_rows(Priority.UNIVERSE), self._venue_ms()
        told_ms = self._told_ms(now_ms)
        return _readable(rows, lambda row: row.funding(now_ms, told_ms=told_ms))

    def _venue_ms(self) -> int:
        """The venue's clock as we know it. Until the venue has told it, that is this machine's, which may be minutes
        off: then the minutes that are seen to begin say it, and two feeds are no more than seconds apart."""
        clock = self._guard.exchange_clock
        now_ms, since_s = clock.now_ms(), self._clock.monotonic() - self._begun_s
        if clock.synced_s is not None or since_s > LONGEST_MINUTE_S:
            return now_ms
        earliest_ms = self._minute_ms + round(since_s * 1000)
        return min(max(now_ms, earliest_ms), earliest_ms + NOTICED_WITHIN_MS)

    def _told_ms(self, now_ms: int) -> int:
        """When the table was told, to the minute. The venue stamps none; its candles say which minute it is, to all the
        same. now_ms: its clock as we know it, which counts where no candle has come lately."""
        by_clock_ms = now_ms - now_ms % MINUTE_MS
        return self._minute_ms if abs(self._minute_ms - by_clock_ms) <= MINUTE_MS else by_clock_ms

    async def funding_hours(self) -> dict[str, float]:
        """Every contract is settled each hour, which is the usual here."""
        return {}

    async def predicted_fundings(self) -> Mapping[str, Sequence[VenueFunding]]:
        """Symbol → funding that comes, of three venues in one question."""
        body = await self._ask(Priority.UNIVERSE, HEAVY, type="predictedFundings")
        return bodies.read_predictions(body, as_of_ms=self._clock.now_ms())

    async def _read_open_interest(self, priority: Priority) -> list[OpenInterest]:
        rows, now_ms = await self._newest_rows(priority), self._venue_ms()
        return _readable(rows, lambda row: row.open_interest(now_ms))

    async def long_short_ratio(self, symbol: str, *, period: str, priority: Priority) -> LongShortRatio | None:
        """The venue tells none."""
        return None


def _readable(rows: list[Row], read: Callable[[Row], T]) -> list[T]:
    """Of the rows that hold what is asked for."""
    found = []
    for row in rows:
        try:
            found.append(read(row))
        except ValueError:
            continue
    return found
