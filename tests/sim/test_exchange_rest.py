from __future__ import annotations

import asyncio
import json
from itertools import pairwise

import pytest

from altmonitor.sim.control import busiest
from altmonitor.sim.script import OiStep, Pump
from tests.sim.exchange_kit import MINUTE, START, ask, everything, scene, until


async def test_time_and_ping_answer_from_the_exchange_clock() -> None:
    async with scene() as world:
        assert (await world.get("/fapi/v1/ping"))[:2] == (200, {})
        world.clock.move(1_234)
        assert (await world.get("/fapi/v1/time"))[1] == {"serverTime": START + 1_234}


@pytest.mark.parametrize(
    ("path", "params", "weight"),
    [
        ("/fapi/v1/exchangeInfo", {}, "1"),
        ("/fapi/v1/klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 99}, "1"),
        ("/fapi/v1/klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 100}, "2"),
        ("/fapi/v1/klines", {"symbol": "BTCUSDT", "interval": "1m"}, "5"),
        ("/fapi/v1/klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 1000}, "5"),
        ("/fapi/v1/klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 1001}, "10"),
        ("/fapi/v1/openInterest", {"symbol": "BTCUSDT"}, "1"),
        ("/fapi/v1/premiumIndex", {"symbol": "BTCUSDT"}, "1"),
        ("/fapi/v1/premiumIndex", {}, "10"),
        ("/fapi/v1/ticker/24hr", {"symbol": "BTCUSDT"}, "1"),
        ("/fapi/v1/ticker/24hr", {}, "40"),
        ("/fapi/v1/fundingInfo", {}, "0"),
        ("/fapi/v1/fundingRate", {"symbol": "BTCUSDT"}, "0"),
        ("/futures/data/openInterestHist", {"symbol": "BTCUSDT", "period": "5m"}, None),
    ],
)
async def test_every_path_has_its_weight(path: str, params: dict[str, object], weight: str | None) -> None:
    async with scene() as world:
        status, _, used = await world.get(path, **params)
        assert (status, used) == (200, weight)


async def test_used_weight_adds_up_within_a_minute_of_the_clock_and_starts_anew_in_the_next() -> None:
    async with scene() as world:
        await world.get("/fapi/v1/premiumIndex")
        assert (await world.get("/fapi/v1/ping"))[2] == "11"
        world.clock.move(59_999)
        assert (await world.get("/fapi/v1/ping"))[2] == "12"
        world.clock.move(1)
        assert (await world.get("/fapi/v1/ping"))[2] == "1"


async def test_above_2400_it_answers_429_and_whoever_asks_on_is_banned() -> None:
    async with scene() as world:
        world.faults.weight_offset = 2_398
        answers = [await world.get("/fapi/v1/ping") for _ in range(29)]
        assert [status for status, _, _ in answers] == [200, 200, *[429] * 25, 418, 418]
        assert answers[2][1]["code"] == -1003
        assert "Too many requests; current limit of IP(127.0.0.1) is 2400 requests per minute" in answers[2][1]["msg"]
        assert "banned until 1790000160000" in answers[-1][1]["msg"]
        world.faults.weight_offset = 0
        world.clock.move(119_999)
        assert (await world.get("/fapi/v1/ping"))[0] == 418
        world.clock.move(1)
        assert (await world.get("/fapi/v1/ping"))[0] == 200


async def test_positioning_paths_share_one_pool_of_1000_in_five_minutes() -> None:
    async with scene() as world:
        url = world.exchange.rest_url + "/futures/data/"
        names = ["globalLongShortAccountRatio", "takerlongshortRatio", "topLongShortAccountRatio", "openInterestHist"]

        async def ask_250(name: str) -> set[int]:
            found = set()
            for _ in range(250):
                async with world.http.get(
                    url + name, params={"symbol": "BTCUSDT", "period": "5m", "limit": "1"}
                ) as got:
                    found.add(got.status)
            return found

        assert await asyncio.gather(*(ask_250(name) for name in names)) == [{200}] * 4
        status, body, _ = await world.get("/futures/data/topLongShortPositionRatio", symbol="BTCUSDT", period="5m")
        assert (status, body["code"]) == (429, -1003)
        assert (await world.get("/fapi/v1/ping"))[0] == 200
        world.clock.move(300_000)
        assert (await world.get("/futures/data/takerlongshortRatio", symbol="BTCUSDT", period="5m"))[0] == 200


@pytest.mark.parametrize(
    ("path", "params", "code", "message"),
    [
        ("/fapi/v1/openInterest", {"symbol": "NOSUCHUSDT"}, -1121, "Invalid symbol."),
        (
            "/fapi/v1/openInterest",
            {},
            -1102,
            "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.",
        ),
        ("/fapi/v1/klines", {"symbol": "BTCUSDT", "interval": "7m"}, -1120, "Invalid interval."),
        (
            "/fapi/v1/klines",
            {"symbol": "BTCUSDT", "interval": "1m", "limit": 1501},
            -1130,
            "Data sent for parameter 'limit' is not valid.",
        ),
        (
            "/futures/data/takerlongshortRatio",
            {"symbol": "BTCUSDT", "period": "2m"},
            -1130,
            "Data sent for parameter 'period' is not valid.",
        ),
    ],
)
async def test_a_wrong_request_gets_the_code_and_text_of_the_exchange(
    path: str, params: dict[str, object], code: int, message: str
) -> None:
    async with scene() as world:
        assert (await world.get(path, **params))[:2] == (400, {"code": code, "msg": message})


async def test_an_unknown_path_is_404() -> None:
    async with scene() as world:
        assert (await world.get("/fapi/v1/nothing"))[0] == 404


async def test_the_contract_list_has_every_kind() -> None:
    async with scene(symbols=600, rate=400) as world:
        _, body, _ = await world.get("/fapi/v1/exchangeInfo")
        rows = body["symbols"]
        assert len(rows) == 600
        assert body["rateLimits"][0]["limit"] == 2400
        kinds = {(row["contractType"], row["status"], row["quoteAsset"]) for row in rows}
        assert kinds == {
            ("PERPETUAL", "TRADING", "USDT"),
            ("PERPETUAL", "TRADING", "USDC"),
            ("PERPETUAL", "SETTLING", "USDT"),
            ("PERPETUAL", "PENDING_TRADING", "USDT"),
            ("TRADIFI_PERPETUAL", "TRADING", "USDT"),
            ("CURRENT_QUARTER", "TRADING", "USDT"),
            ("NEXT_QUARTER", "TRADING", "USDT"),
        }
        symbols = [row["symbol"] for row in rows]
        assert len(set(symbols)) == 600
        assert {"BTCUSDT", "1000PEPEUSDT", "币安人生USDT", "XAUUSDT", "BTCUSDC", "BTCUSDT_260925"} <= set(symbols)


async def test_klines_obey_start_end_and_limit() -> None:
    async with scene() as world:
        world.clock.move(30_000)

        async def opens(**params: object) -> list[int]:
            _, rows, _ = await world.get("/fapi/v1/klines", symbol="BTCUSDT", interval="1m", **params)
            return [(row[0] - START) // MINUTE for row in rows]

        assert await opens(limit=3) == [-2, -1, 0]
        assert await opens(startTime=START - 5 * MINUTE, limit=2) == [-5, -4]
        assert await opens(startTime=START - 5 * MINUTE + 1, limit=2) == [-4, -3]
        assert await opens(endTime=START - 1, limit=2) == [-2, -1]
        assert await opens(startTime=START - 3 * MINUTE, endTime=START - 2 * MINUTE) == [-3, -2]
        assert len(await opens(limit=1500)) == 1500


async def test_five_minute_klines_are_made_of_the_minutes() -> None:
    async with scene() as world:
        end = START // (5 * MINUTE) * 5 * MINUTE - 1
        _, [whole], _ = await world.get("/fapi/v1/klines", symbol="SOLUSDT", interval="5m", endTime=end, limit=1)
        _, parts, _ = await world.get("/fapi/v1/klines", symbol="SOLUSDT", interval="1m", endTime=end, limit=5)
        assert (whole[0], whole[6]) == (parts[0][0], parts[4][6])
        assert (whole[1], whole[4]) == (parts[0][1], parts[4][4])
        assert float(whole[2]) == max(float(row[2]) for row in parts)
        assert whole[8] == sum(row[8] for row in parts)


async def test_the_running_kline_is_the_one_just_pushed() -> None:
    async with scene() as world, world.connect() as socket:
        await ask(socket, "SUBSCRIBE", ["ethusdt@kline_1m"])
        world.clock.move(31_000)
        last = (await everything(socket))[-1]["data"]["k"]
        _, [row], _ = await world.get("/fapi/v1/klines", symbol="ETHUSDT", interval="1m", limit=1)
        assert row == [last[name] for name in "tohlcvTqnVQB"]


async def test_klines_of_a_chinese_symbol_are_found_in_an_encoded_address() -> None:
    async with scene(symbols=120) as world:
        address = "/fapi/v1/klines?symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT&interval=1m&limit=2"
        world.clock.move(30_000)
        async with world.http.get(world.exchange.rest_url + address) as answer:
            assert answer.status == 200
            assert len(json.loads(await answer.text())) == 2


async def test_open_interest_carries_its_own_stamp_and_takes_a_scripted_step() -> None:
    async with scene(OiStep("SOLUSDT", START + 10_000, 8.0)) as world:
        world.clock.move(9_000)
        _, before, _ = await world.get("/fapi/v1/openInterest", symbol="SOLUSDT")
        assert START + 6_000 < before["time"] <= START + 9_000
        world.clock.move(6_000)
        _, after, _ = await world.get("/fapi/v1/openInterest", symbol="SOLUSDT")
        assert after["time"] > START + 10_000
        change_pct = (float(after["openInterest"]) / float(before["openInterest"]) - 1) * 100
        assert change_pct == pytest.approx(8.0, abs=0.1)


async def test_open_interest_is_recounted_every_three_seconds_not_when_asked() -> None:
    async with scene() as world:
        stamps = []
        for _ in range(12):
            world.clock.move(1_000)
            stamps.append((await world.get("/fapi/v1/openInterest", symbol="BTCUSDT"))[1]["time"])
        assert len(set(stamps)) == 5
        assert {later - earlier for earlier, later in pairwise(stamps)} == {0, 3_000}


async def test_funding_and_day_ticker_follow_the_price() -> None:
    async with scene(Pump("SOLUSDT", START + 1_000, 10.0, 1)) as world:
        _, before, _ = await world.get("/fapi/v1/ticker/24hr", symbol="SOLUSDT")
        world.clock.move(5_000)
        _, after, _ = await world.get("/fapi/v1/ticker/24hr", symbol="SOLUSDT")
        _, premium, _ = await world.get("/fapi/v1/premiumIndex", symbol="SOLUSDT")
        assert float(after["lastPrice"]) / float(before["lastPrice"]) == pytest.approx(1.10, abs=0.003)
        assert float(premium["markPrice"]) == pytest.approx(float(after["lastPrice"]), rel=1e-3)
        assert float(after["openPrice"]) == pytest.approx(float(before["openPrice"]), rel=1e-3)
        assert abs(float(premium["lastFundingRate"])) <= 0.0006
        assert premium["nextFundingTime"] > START
        assert premium["nextFundingTime"] % 3_600_000 == 0


async def test_lists_of_all_symbols_hold_the_contracts_they_should() -> None:
    async with scene(symbols=40) as world:
        _, premium, _ = await world.get("/fapi/v1/premiumIndex")
        _, tickers, _ = await world.get("/fapi/v1/ticker/24hr")
        _, funding, _ = await world.get("/fapi/v1/fundingInfo")
        assert len(premium) == 40
        assert "OMGUSDT" in {row["symbol"] for row in premium}
        assert "OMGUSDT" not in {row["symbol"] for row in tickers}
        assert {row["fundingIntervalHours"] for row in funding} <= {1, 4, 8}
        assert 0 < len(funding) < 40


async def test_ratios_come_in_buckets_oldest_first() -> None:
    async with scene() as world:
        _, rows, _ = await world.get(
            "/futures/data/globalLongShortAccountRatio", symbol="BTCUSDT", period="5m", limit=3
        )
        newest = START // 300_000 * 300_000
        assert [row["timestamp"] for row in rows] == [newest - 600_000, newest - 300_000, newest]
        for row in rows:
            long, short = float(row["longAccount"]), float(row["shortAccount"])
            assert long + short == pytest.approx(1)
            assert float(row["longShortRatio"]) == pytest.approx(long / short, rel=1e-3)
        _, taker, _ = await world.get("/futures/data/takerlongshortRatio", symbol="BTCUSDT", period="1h", limit=1)
        assert set(taker[0]) == {"buySellRatio", "buyVol", "sellVol", "timestamp"}
        _, none, _ = await world.get("/futures/data/globalLongShortAccountRatio", symbol="XAUUSDT", period="5m")
        assert none == []


async def test_the_past_of_open_interest_agrees_with_its_present() -> None:
    async with scene() as world:
        world.clock.move(300_000 - START % 300_000)
        _, now, _ = await world.get("/fapi/v1/openInterest", symbol="BTCUSDT")
        _, [row], _ = await world.get("/futures/data/openInterestHist", symbol="BTCUSDT", period="5m", limit=1)
        assert float(row["sumOpenInterest"]) == pytest.approx(float(now["openInterest"]), rel=5e-4)


async def test_requests_are_counted_with_their_time() -> None:
    async with scene() as world:
        for _ in range(3):
            await world.get("/fapi/v1/ping")
        world.clock.move(1_000)
        await world.get("/fapi/v1/ping")
        await world.get("/fapi/v1/time")
        stats = world.exchange.stats
        await until(lambda: stats.requests() == 5)
        assert stats.requests("/fapi/v1/ping") == 4
        assert list(stats.rest["/fapi/v1/ping"].times_ms) == [START, START, START, START + 1_000]
        assert stats.most_requests_in(1_000, "/fapi/v1/ping") == 3
        assert stats.most_requests_in(1_001) == 5
        assert stats.rest["/fapi/v1/ping"].statuses == {200: 4}
        assert list(stats.arrived)[2:] == [  # of the same millisecond, and still in their order
            (START, "/fapi/v1/ping"),
            (START + 1_000, "/fapi/v1/ping"),
            (START + 1_000, "/fapi/v1/time"),
        ]


def test_the_busiest_window_is_found_wherever_it_begins() -> None:
    assert busiest([], 1_000) == 0
    assert busiest([900, 0, 1_000, 1_899, 1_900], 1_000) == 3


async def test_settled_funding_of_a_span_comes_oldest_first_and_nothing_of_the_time_to_come() -> None:
    async with scene() as world:
        span = {"startTime": START - 86_400_000, "endTime": START + 86_400_000, "limit": 1_000}
        _, rows, _ = await world.get("/fapi/v1/fundingRate", symbol="BTCUSDT", **span)
        times = [row["fundingTime"] for row in rows]
        assert times == sorted(times)
        assert times[0] >= START - 86_400_000
        assert START - 8 * 3_600_000 < times[-1] <= START
        assert all(abs(float(row["fundingRate"])) <= 0.0075 for row in rows)
