"""The real fetchers on the simulated exchange: one crowd seen through every endpoint, in trouble and out of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from altmonitor.core.clock import ScaledClock
from altmonitor.core.errors import ExchangeBlocked
from altmonitor.exchanges.binance.positioning import BinancePositioning
from altmonitor.exchanges.binance.rest import BinanceRest, binance_guard
from altmonitor.exchanges.binance.smart_money import PATH, SmartMoneyWeb, web_guard
from altmonitor.interfaces.exchange import Priority
from altmonitor.positioning.divergence import divergence, history
from altmonitor.positioning.open_interest import oi_velocity
from altmonitor.positioning.smart_money import notional_usd, share_of_oi, size_ratio, whale_spread
from altmonitor.sim.control import RestFault
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import SeededMarket
from altmonitor.sim.script import OiStep
from tests.patient_clock import PatientClock

T0 = 1_790_000_050_000
LIVE = Priority.UNIVERSE
OI_HIST = "/futures/data/openInterestHist"


@dataclass
class Place:
    clock: ScaledClock
    exchange: SimExchange
    smart_money: SmartMoneyWeb
    positioning: BinancePositioning


@asynccontextmanager
async def destination(*script: OiStep, speed: float = 20.0) -> AsyncIterator[Place]:
    clock = PatientClock(start_ms=T0, speed=speed)
    market = SeededMarket(seed=7, start_ms=T0, symbols=60, frames_per_s=10, script=script)
    async with SimExchange(market, clock=clock) as exchange:
        rest = BinanceRest(exchange.rest_url, clock=clock, guard=binance_guard("sim", clock=clock))
        web = SmartMoneyWeb(
            exchange.web_url, clock=clock, guard=web_guard(exchange.web_url, clock=clock), within_s=8.0 * speed
        )
        await rest.start()
        await web.start()
        try:
            yield Place(clock, exchange, web, BinancePositioning(rest, clock=clock))
        finally:
            await web.stop()
            await rest.stop()


async def test_one_crowd_is_seen_through_every_endpoint() -> None:
    async with destination() as at:
        overview = await at.smart_money.overview("ETHUSDT", priority=LIVE)
        velocity = oi_velocity(await at.positioning.open_interest_bars("ETHUSDT", priority=LIVE))
        assert overview is not None
        assert velocity is not None
        share = share_of_oi(notional_usd(overview), velocity.usd)
        assert share is not None
        assert 0.05 < share < 0.6
        assert overview.long_short_ratio == pytest.approx(size_ratio(overview), rel=1e-3)
        assert whale_spread(overview) == pytest.approx(0.0, abs=0.2)
        assert abs(overview.captured_ms - at.clock.now_ms()) < 60_000
        assert overview.signal_day_ms is not None
        assert overview.signal_day_ms <= overview.captured_ms


async def test_ratios_divergence_and_history_come_from_the_same_buckets() -> None:
    async with destination() as at:
        histories = await at.positioning.cohorts("BTCUSDT", period="5m", limit=48, priority=LIVE)
        points = history(histories, limit=48)
        gap = divergence(histories)
        assert len(points) == 48
        assert gap is not None
        assert points[-1].long_pct_gap == gap.long_pct_gap
        assert points[-1].time_ms == gap.time_ms
        top = await at.positioning.top_traders("BTCUSDT", period="5m", priority=LIVE)
        assert top is not None
        assert top.positions == histories.top_positions[-1]
        assert top.accounts == histories.top_accounts[-1]
        assert top.taker.buy_coins > 0


async def test_a_scripted_step_of_open_interest_is_read_as_velocity_of_contracts() -> None:
    step = OiStep("SOLUSDT", T0 // 300_000 * 300_000 - 60_000, 8.0)
    async with destination(step, speed=1.0) as at:
        velocity = oi_velocity(await at.positioning.open_interest_bars("SOLUSDT", priority=LIVE))
        assert velocity is not None
        assert velocity.change_5m_pct == pytest.approx(8.0, abs=0.5)
        assert velocity.change_4h_pct is not None


async def test_price_and_funding_of_one_symbol_are_the_markets() -> None:
    async with destination(speed=1.0) as at:
        day = await at.positioning.day_ticker("SOLUSDT", priority=LIVE)
        funding = await at.positioning.funding("SOLUSDT", priority=LIVE)
        assert funding.mark_price == pytest.approx(day.last_price, rel=0.01)
        assert funding.next_ms > T0
        hours = [await at.positioning.funding_hours_of(symbol) for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT")]
        assert all(one in (None, 1.0, 4.0) for one in hours)


async def test_a_contract_nobody_follows_is_no_error_and_not_asked_again_soon() -> None:
    async with destination() as at:
        assert await at.smart_money.overview("XAUUSDT", priority=LIVE) is None
        assert await at.smart_money.overview("XAUUSDT", priority=LIVE) is None
        assert at.exchange.stats.requests(PATH) == 2


async def test_a_passing_empty_answer_is_got_over() -> None:
    async with destination() as at:
        at.exchange.faults.rest[PATH] = RestFault(status=200, body="", times=1)
        assert await at.smart_money.overview("BTCUSDT", priority=LIVE) is not None
        assert at.exchange.stats.requests(PATH) == 2


async def test_a_block_of_the_website_leaves_the_statistics_alone() -> None:
    async with destination() as at:
        at.exchange.faults.rest[PATH] = RestFault(status=403)
        with pytest.raises(ExchangeBlocked):
            await at.smart_money.overview("BTCUSDT", priority=LIVE)
        assert at.smart_money.guard_status().state == "blocked"
        assert await at.positioning.top_traders("BTCUSDT", period="5m", priority=LIVE) is not None


async def test_a_slow_website_is_waited_for_and_keeps_nobody_else() -> None:
    async with destination() as at:
        at.exchange.faults.rest[PATH] = RestFault(delay_s=10.0, times=1)
        overview = await at.smart_money.overview("BTCUSDT", priority=LIVE)
        assert overview is not None
        assert at.exchange.stats.requests(OI_HIST) == 0
