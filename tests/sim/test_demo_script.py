"""The script of the demo follows whoever watches, and what it does is seen."""

from __future__ import annotations

from altmonitor.sim.control import ConnectionStats, RequestLog
from altmonitor.sim.demo_script import EARLY, OI_USD_MIN, DemoScript, cast
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import SeededMarket
from altmonitor.sim.wire import kline_stream
from tests.movable_clock import T0, MovableClock, at_work

MINUTE = 60_000


class Scene:
    """An exchange that nobody has connected to yet."""

    def __init__(self, *, seed: int = 1) -> None:
        self.clock = MovableClock()
        self.market = SeededMarket(seed=seed, start_ms=T0, symbols=60, frames_per_s=40.0)
        self.exchange = SimExchange(self.market, clock=self.clock)
        self.script = DemoScript(self.exchange, self.market, clock=self.clock, seed=seed)
        self.cast = self.script.cast

    def subscribe(self) -> None:
        seen = ConnectionStats(path="/market/stream", opened_ms=self.clock.now_ms())
        seen.subscriptions.add(kline_stream(self.cast.pump))
        self.exchange.stats.connections.append(seen)

    def ask(self, path: str, symbol: str) -> None:
        self.exchange.stats.rest.setdefault(path, RequestLog()).symbols[symbol] += 1

    def change_pct(self, symbol: str, seconds: float) -> float:
        now_ms = self.clock.now_ms()
        before, after = (self.market.prices([symbol], ms)[0] for ms in (now_ms, now_ms + round(seconds * 1000)))
        return (after / before - 1) * 100

    def oi_change_pct(self, seconds: float) -> float:
        now_ms = self.clock.now_ms()
        held = [self.market.open_interest(self.cast.jump, ms) for ms in (now_ms, now_ms + round(seconds * 1000))]
        return (held[1] / held[0] - 1) * 100


async def test_nothing_moves_while_nobody_watches() -> None:
    scene = Scene()
    async with at_work(scene.script.run(), on=scene.clock):
        await scene.clock.advance(600)
        assert max(abs(scene.change_pct(c.symbol, 60)) for c in scene.market.contracts()) < 1.5
        assert abs(scene.oi_change_pct(60)) < 1


async def test_a_price_moves_as_soon_as_its_stream_is_subscribed() -> None:
    scene = Scene()
    async with at_work(scene.script.run(), on=scene.clock):
        await scene.clock.advance(100)
        scene.subscribe()
        await scene.clock.advance(1)
        assert scene.change_pct(scene.cast.pump, 9) > 3.3
        assert scene.change_pct(scene.cast.pump, 60) > 8
        assert scene.change_pct(scene.cast.dump, 100) < -3


async def test_open_interest_jumps_after_the_first_sample_of_its_contract() -> None:
    scene = Scene()
    async with at_work(scene.script.run(), on=scene.clock):
        scene.subscribe()
        await scene.clock.advance(50)
        assert abs(scene.oi_change_pct(5)) < 1
        scene.ask("/fapi/v1/openInterest", "BTCUSDT")
        scene.ask("/fapi/v1/openInterest", scene.cast.jump)
        await scene.clock.advance(1)
        assert 8 < scene.oi_change_pct(2) < 10


async def test_a_volume_bursts_after_the_history_of_its_contract_was_read() -> None:
    for second in (10, 48, 58):  # of the minute
        scene = Scene()
        async with at_work(scene.script.run(), on=scene.clock):
            await scene.clock.advance(second)
            scene.ask("/fapi/v1/klines", scene.cast.burst)
            await scene.clock.advance(1)
            candles = scene.market.klines(scene.cast.burst, T0 - 30 * MINUTE, T0 + 3 * MINUTE)
            volumes = [candle.quote_usdt for candle in candles]
            usual = sorted(volumes[:20])[10]
            burst_at = 30 if second < 45 else 31  # the running minute, or the next when little of this one is left
            assert [number for number, volume in enumerate(volumes) if volume > 5 * usual] == [burst_at]


async def test_later_the_market_crashes_falls_silent_and_comes_back() -> None:
    scene = Scene()
    async with at_work(scene.script.run(), on=scene.clock):
        scene.subscribe()
        for _ in range(3):
            scene.ask("/fapi/v1/openInterest", scene.cast.jump)
            await scene.clock.advance(5)
        await scene.clock.advance(196)
        falling = [c.symbol for c in scene.market.contracts() if scene.change_pct(c.symbol, 40) < -2]
        assert len(falling) > 30
        assert "NEWCOINUSDT" in {c.symbol for c in scene.market.contracts()}
        assert scene.exchange.faults.mute is False
        await scene.clock.advance(190)
        assert scene.exchange.faults.mute is True
        await scene.clock.advance(90)
        assert scene.exchange.faults.mute is False


async def test_the_crash_waits_until_the_jump_of_open_interest_was_seen_but_not_for_ever() -> None:
    for is_seen, crash_s in ((True, 300), (False, 520)):
        scene = Scene()
        async with at_work(scene.script.run(), on=scene.clock):
            scene.subscribe()
            scene.ask("/fapi/v1/openInterest", scene.cast.jump)
            await scene.clock.advance(299)
            assert scene.change_pct("BTCUSDT", 40) > -2
            for _ in range(2 * is_seen):
                scene.ask("/fapi/v1/openInterest", scene.cast.jump)
            await scene.clock.advance(crash_s - 297)
            falling = [c.symbol for c in scene.market.contracts() if scene.change_pct(c.symbol, 40) < -2]
            assert len(falling) > 30


def test_whoever_is_cast_can_be_told() -> None:
    for seed in range(1, 6):
        market = SeededMarket(seed=seed, start_ms=T0, symbols=300)
        chosen = cast(market, seed=seed)
        trading = sorted(
            c.symbol
            for c in market.contracts()
            if (c.status_at(T0), c.contract_type, c.quote_asset) == ("TRADING", "PERPETUAL", "USDT")
        )
        assert {chosen.jump, chosen.burst} <= set(trading[:EARLY])
        assert market.open_interest(chosen.jump, T0) * market.prices([chosen.jump], T0)[0] >= OI_USD_MIN
        assert len({chosen.pump, chosen.dump, chosen.jump, chosen.burst, *chosen.others}) == 12
