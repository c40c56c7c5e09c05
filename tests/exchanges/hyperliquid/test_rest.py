"""What two feeds make of one pushed table: the same alert, under the same key."""

from __future__ import annotations

import json
from pathlib import Path

from altmonitor.config import load
from altmonitor.detectors.basis import BASIS
from altmonitor.detectors.funding import FUNDING
from altmonitor.detectors.sampled import Readings
from altmonitor.exchanges.hyperliquid.bodies import Asset
from altmonitor.exchanges.hyperliquid.dialect import HyperliquidFrames
from altmonitor.exchanges.hyperliquid.rest import HyperliquidRest
from altmonitor.exchanges.hyperliquid.wallets import hyperliquid_guard
from altmonitor.market.candles import MINUTE_MS
from altmonitor.market.open_interest import OpenInterestRing
from altmonitor.market.quotes import Funding
from tests.fakes import KnownContext
from tests.movable_clock import T0, MovableClock

CONTEXT = {"funding": "0.0005", "openInterest": "10", "markPx": "81", "oraclePx": "80", "prevDayPx": "80"}
TABLE = json.dumps({"channel": "allDexsAssetCtxs", "data": {"ctxs": [["", [CONTEXT]]]}}, separators=(",", ":")).encode()


def candle(minute_ms: int) -> bytes:
    fields = {"t": minute_ms, "s": "BTC", "i": "1m", "o": "80", "h": "81", "l": "80", "c": "81", "v": "1", "n": 1}
    return json.dumps({"channel": "candle", "data": fields}).encode()


class FeedOfOne:
    """ahead_s: of its idea of the venue's clock."""

    def __init__(self, folder: Path, *, ahead_s: float = 0.0, since_full_minute_s: float = 0.0) -> None:
        config, _ = load({"DB_FILE": str(folder / "alerts.db")}, env_file=None)
        self.clock = MovableClock(T0 + round((since_full_minute_s + ahead_s) * 1000))
        guard = hyperliquid_guard(config, clock=self.clock, on_change=lambda status: None)
        self.venue_clock = guard.exchange_clock
        self.rest = HyperliquidRest("http://127.0.0.1:1", clock=self.clock, guard=guard, within_s=1, has_builders=False)
        self.rest.lists.of_dex[""] = [Asset(name="BTC")]
        self.frames = HyperliquidFrames(guard.exchange_clock.now_ms, self.rest.on_contexts)

    async def read(self, *frames: bytes) -> Funding:
        self.hear(*frames)
        (funding,) = await self.rest.fundings()
        return funding

    async def open_interest_ms(self) -> int:
        (sample,) = await self.rest.open_interests()
        return sample.time_ms

    async def minute_begins(self, minute_ms: int, *, after_s: float) -> None:
        await self.clock.advance(after_s)
        self.hear(candle(minute_ms), TABLE)

    def hear(self, *frames: bytes) -> None:
        for frame in frames:
            if b'"candle"' in frame:
                self.frames.decode_kline(frame)
            else:
                self.frames.decode_other(frame)


async def test_two_feeds_name_funding_and_basis_alike_whatever_each_takes_for_the_venues_time(tmp_path: Path) -> None:
    """Also around a full minute, where a tenth of a second of difference would make two of it."""
    for since_s in (0.02, 30.0, 59.98):
        moments = []
        for ahead_s in (-0.3, 0.0, 0.3, 4.0):
            feed = FeedOfOne(tmp_path, ahead_s=ahead_s, since_full_minute_s=since_s)
            context = KnownContext()
            context.fundings["BTCUSDT"] = await feed.read(candle(T0 - MINUTE_MS), candle(T0), TABLE)
            readings = Readings(oi_ring=OpenInterestRing(period_s=60.0), context=context, now_ms=feed.clock.now_ms())
            moments += [
                (kind, sample.at_ms)
                for kind, sampling in (("funding", FUNDING), ("basis", BASIS))
                for sample in sampling.measure(readings, ["BTCUSDT"])
            ]
        assert set(moments) == {("funding", T0), ("basis", T0)}
        assert len(moments) == 8


async def test_where_no_candle_came_lately_the_minute_is_that_of_the_venues_clock(tmp_path: Path) -> None:
    silent = FeedOfOne(tmp_path, since_full_minute_s=30.0)
    assert (await silent.read(TABLE)).time_ms == T0
    for wrong_ms in (T0 - 3 * MINUTE_MS, T0 + 3 * MINUTE_MS):
        feed = FeedOfOne(tmp_path, since_full_minute_s=30.0)
        assert (await feed.read(candle(wrong_ms), TABLE)).time_ms == T0


async def test_a_table_that_came_before_the_first_candle_of_a_minute_is_of_the_minute_before(tmp_path: Path) -> None:
    feed = FeedOfOne(tmp_path, since_full_minute_s=0.02)
    assert (await feed.read(candle(T0 - MINUTE_MS), TABLE, candle(T0))).time_ms == T0 - MINUTE_MS


async def test_two_machines_whose_clocks_are_minutes_apart_stamp_open_interest_alike_once_the_venue_told_its_time(
    tmp_path: Path,
) -> None:
    stamped = set()
    for ahead_s in (-200.0, 0.0, 200.0):
        feed = FeedOfOne(tmp_path, ahead_s=ahead_s)
        feed.venue_clock.sync(T0)
        feed.hear(candle(T0), TABLE)
        stamped.add(await feed.open_interest_ms())
    assert stamped == {T0}


async def test_before_the_venue_told_its_time_the_minutes_that_begin_keep_two_machines_within_seconds(
    tmp_path: Path,
) -> None:
    stamped = []
    for ahead_s in (-200.0, 0.0, 200.0):
        feed = FeedOfOne(tmp_path, ahead_s=ahead_s, since_full_minute_s=20.0)
        feed.hear(candle(T0), TABLE)
        assert await feed.open_interest_ms() == T0 + 20_000 + round(ahead_s * 1000), "no minute was seen to begin"
        await feed.minute_begins(T0 + MINUTE_MS, after_s=41.0)
        await feed.clock.advance(10.0)
        stamped.append(await feed.open_interest_ms() - T0 - MINUTE_MS)
    assert stamped == [10_000, 11_000, 30_000]


async def test_candles_of_several_minutes_in_a_row_and_candles_that_came_long_ago_say_nothing(tmp_path: Path) -> None:
    feed = FeedOfOne(tmp_path, ahead_s=0.0)
    feed.hear(candle(T0 - 5 * MINUTE_MS), TABLE, candle(T0 - 4 * MINUTE_MS), TABLE)
    assert await feed.open_interest_ms() == T0
    await feed.minute_begins(T0 - 3 * MINUTE_MS, after_s=40.0)
    await feed.clock.advance(91.0)
    feed.hear(TABLE)
    assert await feed.open_interest_ms() == T0 + 131_000
