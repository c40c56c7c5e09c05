"""OKX's and Bybit's cohorts from the simulated exchange: other crowds, the same shape."""

from __future__ import annotations

import asyncio

import pytest

from altmonitor.core.errors import ExchangeBlocked
from altmonitor.exchanges.bybit.cohorts import ACCOUNT_RATIO, BybitCohorts, bybit_guard
from altmonitor.exchanges.okx.cohorts import ALL_ACCOUNTS, OkxCohorts, okx_guard
from altmonitor.interfaces.exchange import Priority
from altmonitor.positioning.divergence import divergence
from tests.sim.exchange_kit import Scene, scene

LIVE = Priority.UNIVERSE


async def okx_of(world: Scene) -> OkxCohorts:
    url = world.exchange.rest_url
    source = OkxCohorts(url, clock=world.clock, guard=okx_guard(url, clock=world.clock), trust_env=False)
    await source.start()
    return source


async def bybit_of(world: Scene) -> BybitCohorts:
    url = world.exchange.rest_url
    source = BybitCohorts(url, clock=world.clock, guard=bybit_guard(url, clock=world.clock), trust_env=False)
    await source.start()
    return source


async def test_okx_has_three_cohorts_of_its_own_crowd() -> None:
    async with scene(symbols=120) as world:
        source = await okx_of(world)
        found = await source.cohorts("1000PEPEUSDT", period="1h", limit=24, priority=LIVE)
        assert [len(series) for series in found.named().values()] == [24, 24, 24]
        assert divergence(found) is not None
        _, [theirs], _ = await world.get(
            "/futures/data/globalLongShortAccountRatio", symbol="1000PEPEUSDT", period="1h", limit=1
        )
        assert theirs["timestamp"] == found.retail[-1].time_ms
        assert float(theirs["longAccount"]) != pytest.approx(found.retail[-1].long_share, abs=1e-3)
        world.clock.move(3_000)
        unknown = await source.cohorts("NOSUCHUSDT", period="1h", limit=24, priority=LIVE)
        assert list(unknown.retail) == []
        await source.stop()


async def test_bybit_has_the_crowd_and_unknown_symbols_nothing() -> None:
    async with scene() as world:
        source = await bybit_of(world)
        found = await source.cohorts("BTCUSDT", period="4h", limit=10, priority=LIVE)
        assert len(found.retail) == 10
        assert found.retail[-1].long_share + found.retail[-1].short_share == pytest.approx(1.0)
        assert list((await source.cohorts("NOSUCHUSDT", period="4h", limit=10, priority=LIVE)).retail) == []
        await source.stop()


async def test_okx_refuses_the_sixth_request_of_a_path_within_two_seconds() -> None:
    async with scene() as world:

        async def ask() -> int:
            return (await world.get(ALL_ACCOUNTS, instId="BTC-USDT-SWAP", period="5m", limit=1))[0]

        assert [await ask() for _ in range(6)] == [200] * 5 + [429]
        world.clock.move(2_000)
        assert await ask() == 200


async def test_one_venues_block_is_no_other_venues() -> None:
    async with scene() as world:
        bybit, okx = await bybit_of(world), await okx_of(world)
        statuses = await asyncio.gather(
            *(world.get(ACCOUNT_RATIO, category="linear", symbol="BTCUSDT", period="5min", limit=1) for _ in range(600))
        )
        assert {status for status, _, _ in statuses} == {200}
        with pytest.raises(ExchangeBlocked) as problem:
            await bybit.cohorts("BTCUSDT", period="5m", limit=1, priority=LIVE)
        assert problem.value.until_ms == world.clock.now_ms() + 600_000
        assert len((await okx.cohorts("BTCUSDT", period="5m", limit=1, priority=LIVE)).retail) == 1
        assert bybit.guard_status().state == "blocked"
        assert okx.guard_status().state == "open"
        await bybit.stop()
        await okx.stop()
