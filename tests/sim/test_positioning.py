"""One crowd behind overview, ratios and open interest: the answers agree with each other and with the market."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from altmonitor.sim.contracts import SimContract
from altmonitor.sim.control import RestFault
from altmonitor.sim.market import SeededMarket
from altmonitor.sim.positioning import OVERVIEW_PATH, Traders
from altmonitor.sim.script import Listing, OiStep, Pump
from tests.sim.exchange_kit import MINUTE, START, Scene, scene
from tests.sim.test_tape import line, tape

HOUR = 60 * MINUTE
FIVE = 5 * MINUTE


def market(*script: OiStep | Pump | Listing) -> SeededMarket:
    return SeededMarket(seed=11, start_ms=START, symbols=60, frames_per_s=10, script=script)


def contract(of: SeededMarket, symbol: str) -> SimContract:
    found = of.contract(symbol)
    assert found is not None
    return found


async def overview(world: Scene, symbol: str) -> dict[str, float]:
    status, found, _ = await world.get(OVERVIEW_PATH, symbol=symbol)
    assert (status, found["code"], found["success"]) == (200, "000000", True)
    data: dict[str, float] = found["data"]
    return data


@pytest.mark.parametrize("symbol", ["BTCUSDT", "ETHUSDT", "SOLUSDT"])
def test_longs_and_shorts_both_add_up_to_open_interest(symbol: str) -> None:
    world = market()
    traders = Traders(world)
    for hours in range(0, 72, 7):
        at_ms = START + hours * HOUR
        held = world.open_interest(symbol, at_ms)
        coins = traders.positions(contract(world, symbol), at_ms).coins
        assert coins[coins > 0].sum() == pytest.approx(held)
        assert -coins[coins < 0].sum() == pytest.approx(held)


def test_the_same_moment_gives_the_same_crowd_in_any_order_of_asking() -> None:
    world = market()
    btc = contract(world, "BTCUSDT")
    one, other = Traders(world), Traders(market())
    later = one.positions(btc, START + HOUR)
    now = one.positions(btc, START)
    assert np.array_equal(other.positions(btc, START).coins, now.coins)
    assert np.array_equal(other.positions(btc, START + HOUR).coins, later.coins)
    assert not np.array_equal(now.coins, later.coins)


def test_positions_are_entered_at_the_markets_price_and_never_in_the_future() -> None:
    world = market(Pump("SOLUSDT", START + HOUR, 10.0))
    sol, traders = contract(world, "SOLUSDT"), Traders(world)
    for at_ms in (START, START + HOUR + 30 * MINUTE):
        positions = traders.positions(sol, at_ms)
        entries = traders.entries(sol, positions)
        assert positions.since_ms.max() <= at_ms
        assert at_ms - positions.since_ms.min() <= 48 * HOUR
        for destination in (0, 100, 200):
            assert entries[destination] == world.prices(["SOLUSDT"], int(positions.since_ms[destination]))[0]
    before = positions.since_ms < START + HOUR
    assert entries[~before].mean() / entries[before].mean() == pytest.approx(1.10, abs=0.03)


def test_nobody_held_a_contract_before_it_was_listed() -> None:
    world = market(Listing("NEWUSDT", START + HOUR))
    positions = Traders(world).positions(contract(world, "NEWUSDT"), START + 2 * HOUR)
    assert positions.since_ms.min() == START + HOUR


def test_whales_are_a_fifth_of_the_followed_and_top_traders_of_all() -> None:
    world = market()
    found = Traders(world).positions(contract(world, "ETHUSDT"), START)
    assert found.is_whale.sum() / found.is_followed.sum() == pytest.approx(0.2, abs=0.02)
    assert found.is_top.sum() / len(found.coins) == pytest.approx(0.2, abs=0.01)
    assert not (found.is_whale & ~found.is_followed).any()


async def test_the_overview_has_its_21_keys_and_agrees_with_itself() -> None:
    async with scene() as world:
        data = await overview(world, "BTCUSDT")
        sides = [
            f"{side}{name}"
            for side in ("long", "short")
            for name in (
                *("Traders", "TradersQty", "TradersAvgEntryPrice", "Whales", "WhalesQty", "WhalesAvgEntryPrice"),
                *("ProfitTraders", "ProfitWhales"),
            )
        ]
        assert set(data) == {"symbol", "updateTime", "totalPositions", "totalTraders", "longShortRatio", *sides}
        assert data["totalTraders"] == data["longTraders"] + data["shortTraders"]
        assert data["longShortRatio"] == pytest.approx(data["longTradersQty"] / data["shortTradersQty"], rel=1e-3)
        for side in ("long", "short"):
            assert 0 < data[f"{side}Whales"] < data[f"{side}Traders"]
            assert 0 < data[f"{side}WhalesQty"] < data[f"{side}TradersQty"]
            assert 0 <= data[f"{side}ProfitTraders"] <= data[f"{side}Traders"]


async def test_the_followed_hold_a_part_of_open_interest_near_the_price() -> None:
    async with scene() as world:
        data = await overview(world, "ETHUSDT")
        _, [bar], _ = await world.get("/futures/data/openInterestHist", symbol="ETHUSDT", period="5m", limit=1)
        held = data["longTradersQty"] + data["shortTradersQty"]
        assert 0.05 < held / (2 * float(bar["sumOpenInterest"])) < 0.6
        _, premium, _ = await world.get("/fapi/v1/premiumIndex", symbol="ETHUSDT")
        for side in ("long", "short"):
            assert data[f"{side}TradersAvgEntryPrice"] == pytest.approx(float(premium["markPrice"]), rel=0.1)


async def test_a_pump_puts_longs_into_profit_and_shorts_out_of_it() -> None:
    async with scene(Pump("SOLUSDT", START + 1_000, 15.0, 1)) as world:
        await overview(world, "SOLUSDT")
        world.clock.move(MINUTE)
        after = await overview(world, "SOLUSDT")
        assert after["longProfitTraders"] > 0.9 * after["longTraders"]
        assert after["shortProfitTraders"] < 0.1 * after["shortTraders"]


async def test_a_jump_of_open_interest_is_held_by_the_same_traders() -> None:
    async with scene(OiStep("SOLUSDT", START + 1_000, 8.0)) as world:
        before = await overview(world, "SOLUSDT")
        world.clock.move(2_000)
        after = await overview(world, "SOLUSDT")
        assert after["longTradersQty"] / before["longTradersQty"] == pytest.approx(1.08, abs=0.002)
        assert after["longTraders"] == before["longTraders"]


async def test_sizes_move_between_captures_while_the_daily_stamp_stands_still() -> None:
    async with scene() as world:
        before = await overview(world, "BTCUSDT")
        world.clock.move(FIVE)
        after = await overview(world, "BTCUSDT")
        assert after["longTradersQty"] != before["longTradersQty"]
        assert after["updateTime"] == before["updateTime"]
        world.clock.move(24 * HOUR)
        assert (await overview(world, "BTCUSDT"))["updateTime"] == before["updateTime"] + 24 * HOUR


async def test_the_position_ratio_is_of_sizes_and_the_account_ratio_of_heads_of_one_crowd() -> None:
    async with scene() as world:
        newest = START // FIVE * FIVE
        btc = world.exchange.market.contract("BTCUSDT")
        assert btc is not None
        crowd = Traders(world.exchange.market).positions(btc, newest)
        expected = {}
        for name, members, weight in (
            ("globalLongShortAccountRatio", np.full(len(crowd.coins), True), np.ones(len(crowd.coins))),
            ("topLongShortAccountRatio", crowd.is_top, np.ones(len(crowd.coins))),
            ("topLongShortPositionRatio", crowd.is_top, abs(crowd.coins)),
        ):
            long, short = (weight[members & side].sum() for side in (crowd.coins > 0, crowd.coins < 0))
            expected[name] = (f"{long / (long + short):.4f}", newest)
        found = {}
        for name in expected:
            _, [row], _ = await world.get(f"/futures/data/{name}", symbol="BTCUSDT", period="5m", limit=1)
            found[name] = (row["longAccount"], row["timestamp"])
            assert float(row["longAccount"]) + float(row["shortAccount"]) == pytest.approx(1)
        assert found == expected
        assert len({share for share, _ in found.values()}) == 3


async def test_taker_volumes_are_those_of_the_candles() -> None:
    async with scene() as world:
        newest = START // FIVE * FIVE
        _, [row], _ = await world.get("/futures/data/takerlongshortRatio", symbol="ETHUSDT", period="5m", limit=1)
        _, candles, _ = await world.get(
            "/fapi/v1/klines", symbol="ETHUSDT", interval="1m", startTime=newest - FIVE, endTime=newest - 1
        )
        bought, traded = sum(float(c[9]) for c in candles), sum(float(c[5]) for c in candles)
        assert len(candles) == 5
        assert float(row["buyVol"]) == pytest.approx(bought)
        assert float(row["sellVol"]) == pytest.approx(traded - bought)
        assert float(row["buySellRatio"]) == pytest.approx(bought / (traded - bought), abs=1e-4)


async def test_contracts_that_nobody_follows_have_no_overview() -> None:
    async with scene(symbols=120) as world:
        tried = {"XAUUSDT": None, "BTCUSDC": None, "BTCUSDT_260925": None, "OMGUSDT": None}
        for symbol in tried:
            _, found, _ = await world.get(OVERVIEW_PATH, symbol=symbol)
            assert (found["code"], found["data"]) == ("000000", None)
        _, unknown, _ = await world.get(OVERVIEW_PATH, symbol="NOSUCHUSDT")
        assert (unknown["code"], unknown["success"], unknown["data"]) == ("000002", False, None)


async def test_a_burst_on_the_website_is_answered_with_a_ban_of_hours() -> None:
    async with scene() as world:
        statuses = [(await world.get(OVERVIEW_PATH, symbol="BTCUSDT"))[0] for _ in range(31)]
        assert statuses == [200] * 30 + [429]
        world.clock.move(13_000_000)
        async with world.http.get(world.exchange.web_url + OVERVIEW_PATH, params={"symbol": "BTCUSDT"}) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (429, "860")
        assert (await world.get("/fapi/v1/ping"))[0] == 200
        world.clock.move(860_000)
        assert (await world.get(OVERVIEW_PATH, symbol="BTCUSDT"))[0] == 200


async def test_a_recorded_market_has_its_crowd_too(tmp_path: Path) -> None:
    lines = [line(minute, "1.07", "1.12", "1.05", f"1.{100 + minute % 7}") for minute in range(600)]
    async with scene(market=tape(tmp_path, *lines)) as world:
        world.clock.move(599 * MINUTE)
        data = await overview(world, "LUNAUSDT")
        _, [bar], _ = await world.get("/futures/data/openInterestHist", symbol="LUNAUSDT", period="5m", limit=1)
        held = data["longTradersQty"] + data["shortTradersQty"]
        assert 0.05 < held / (2 * float(bar["sumOpenInterest"])) < 0.6
        assert 1.05 <= data["longTradersAvgEntryPrice"] <= 1.12
        _, rows, _ = await world.get("/futures/data/topLongShortPositionRatio", symbol="LUNAUSDT", period="5m", limit=9)
        assert len(rows) == 9


async def test_the_website_can_be_made_to_answer_nothing_or_slowly() -> None:
    async with scene() as world:
        world.faults.rest[OVERVIEW_PATH] = RestFault(status=200, body="", times=1)
        async with world.http.get(world.exchange.web_url + OVERVIEW_PATH, params={"symbol": "BTCUSDT"}) as answer:
            assert (answer.status, await answer.read()) == (200, b"")
        assert (await overview(world, "BTCUSDT"))["totalTraders"] > 20
