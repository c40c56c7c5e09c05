"""Ratios, open-interest bars, prices and funding of one symbol, from scripted bodies over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from altmonitor.core.errors import BadAnswer, ExchangeBlocked, ExchangeUnreachable
from altmonitor.exchanges.binance.positioning import BinancePositioning
from altmonitor.exchanges.binance.rest import BinanceRest, binance_guard
from altmonitor.interfaces.exchange import Priority
from tests.exchanges.scripted_web import T0, Reply, ScriptedWeb, WalkingClock, scripted_web

SWEEP = Priority.SWEEP
ACCOUNTS = "/futures/data/topLongShortAccountRatio"
POSITIONS = "/futures/data/topLongShortPositionRatio"
GLOBAL = "/futures/data/globalLongShortAccountRatio"
TAKER = "/futures/data/takerlongshortRatio"
BARS = "/futures/data/openInterestHist"
STEP = 300_000


def ratio(long: float, short: float, *, at: int = 0, symbol: str = "BTCUSDT", **more: object) -> dict[str, object]:
    row = {
        "symbol": symbol,
        "longAccount": f"{long:.4f}",
        "shortAccount": f"{short:.4f}",
        "longShortRatio": "1.6420",
        "timestamp": T0 + at * STEP,
    }
    return {**row, **more}


def taker(**more: object) -> dict[str, object]:
    return {"buySellRatio": "1.5586", "sellVol": "73.25", "buyVol": "114.17", "timestamp": T0, **more}


def bar(coins: object, *, at: int = 0, symbol: str = "BTCUSDT", value: object = "1000.5") -> dict[str, object]:
    return {
        "symbol": symbol,
        "sumOpenInterest": coins,
        "sumOpenInterestValue": value,
        "CMCCirculatingSupply": "0",
        "timestamp": T0 + at * STEP,
    }


def rows(*found: object) -> Reply:
    return Reply(json.dumps(found))


@dataclass
class Place:
    web: ScriptedWeb
    clock: WalkingClock
    source: BinancePositioning


@asynccontextmanager
async def destination() -> AsyncIterator[Place]:
    clock = WalkingClock()
    async with scripted_web() as web:
        guard = binance_guard("scripted", clock=clock)
        rest = BinanceRest(web.url, clock=clock, guard=guard, trust_env=False)
        web.script("/fapi/v1/ping", Reply("{}"))
        web.script(ACCOUNTS, rows(ratio(0.6215, 0.3785)))
        web.script(POSITIONS, rows(ratio(0.5554, 0.4446)))
        web.script(GLOBAL, rows(ratio(0.6575, 0.3425)))
        web.script(TAKER, rows(taker()))
        await rest.start()
        try:
            yield Place(web, clock, BinancePositioning(rest, clock=clock))
        finally:
            await rest.stop()


async def test_a_top_trader_snapshot_is_three_questions_and_shares_are_fractions() -> None:
    async with destination() as at:
        found = await at.source.top_traders("BTCUSDT", period="15m", priority=SWEEP)
        assert found is not None
        assert (found.symbol, found.period, found.captured_ms, found.oldest_ms) == ("BTCUSDT", "15m", T0, T0)
        assert (found.accounts.long_share, found.positions.long_share) == (0.6215, 0.5554)
        assert (found.taker.buy_coins, found.taker.sell_coins, found.taker.buy_sell_ratio) == (114.17, 73.25, 1.5586)
        asked = [(path, query) for path, query, _ in at.web.asked if path != "/fapi/v1/ping"]
        assert sorted(path for path, _ in asked) == sorted([ACCOUNTS, POSITIONS, TAKER])
        assert [query for _, query in asked] == [{"symbol": "BTCUSDT", "period": "15m", "limit": "1"}] * 3


@pytest.mark.parametrize("path", [ACCOUNTS, POSITIONS, TAKER])
async def test_two_of_three_parts_are_no_snapshot(path: str) -> None:
    async with destination() as at:
        at.web.script(path, Reply("[]"))
        assert await at.source.top_traders("BTCUSDT", period="5m", priority=SWEEP) is None


async def test_a_part_that_fails_says_why_and_a_block_says_it_before_all() -> None:
    async with destination() as at:
        at.web.script(TAKER, Reply(status=500))
        with pytest.raises(ExchangeUnreachable, match="HTTP 500"):
            await at.source.top_traders("BTCUSDT", period="5m", priority=SWEEP)
        at.web.script(ACCOUNTS, Reply(status=403, delay_s=0.05))
        at.web.script(TAKER, Reply(status=500, delay_s=0.05))
        with pytest.raises(ExchangeBlocked):
            await at.source.top_traders("BTCUSDT", period="5m", priority=SWEEP)


async def test_a_period_that_is_none_is_refused_before_anything_is_asked() -> None:
    async with destination() as at:
        with pytest.raises(ValueError, match="period '99h' is none of"):
            await at.source.top_traders("BTCUSDT", period="99h", priority=SWEEP)
        with pytest.raises(ValueError, match="limit 501 is not within 1…500"):
            await at.source.cohorts("BTCUSDT", period="5m", limit=501, priority=SWEEP)
        assert at.web.asked == []


@pytest.mark.parametrize(
    "odd",
    [
        ratio(62.15, 37.85),
        ratio(0.6, 0.6),
        ratio(-0.1, 1.1),
        ratio(0.6, 0.4, longAccount="NaN"),
        ratio(0.6, 0.4, longAccount=None),
        ratio(0.6, 0.4, longShortRatio="Infinity"),
        ratio(0.6, 0.4, timestamp="yesterday"),
        ratio(0.6, 0.4, timestamp=0),
        {"symbol": "BTCUSDT"},
    ],
)
async def test_a_row_whose_shares_are_none_is_left_out(odd: dict[str, object]) -> None:
    async with destination() as at:
        at.web.script(GLOBAL, rows(odd, ratio(0.5, 0.5, at=-1)))
        found = await at.source.cohorts("BTCUSDT", period="5m", limit=2, priority=SWEEP)
        assert [row.time_ms for row in found.retail] == [T0 - STEP]
        at.web.script(ACCOUNTS, rows(odd))
        with pytest.raises(BadAnswer, match="none of 1 rows"):
            await at.source.top_traders("BTCUSDT", period="5m", priority=SWEEP)


async def test_rows_of_another_symbol_are_not_taken_for_this_one() -> None:
    async with destination() as at:
        at.web.script(GLOBAL, rows(ratio(0.9, 0.1, symbol="ETHUSDT")))
        found = await at.source.cohorts("BTCUSDT", period="5m", limit=2, priority=SWEEP)
        assert list(found.retail) == []
        assert [row.long_share for row in found.top_positions] == [0.5554]


async def test_stamps_may_be_text_and_rows_in_any_order() -> None:
    async with destination() as at:
        at.web.script(GLOBAL, rows(ratio(0.5, 0.5, at=1), ratio(0.6, 0.4, timestamp=str(T0)), ratio(0.5, 0.5, at=1)))
        found = await at.source.cohorts("BTCUSDT", period="5m", limit=48, priority=SWEEP)
        assert [row.time_ms for row in found.retail] == [T0, T0 + STEP]


async def test_open_interest_bars_are_asked_for_over_four_hours_and_a_broken_one_is_left_out() -> None:
    async with destination() as at:
        at.web.script(
            BARS, rows(bar("12.5"), bar("NaN", at=-1), bar(11, at=-2, value="NaN"), bar("9", at=-3, symbol="ETHUSDT"))
        )
        found = await at.source.open_interest_bars("BTCUSDT", priority=SWEEP)
        assert [(row.time_ms, row.coins, row.usd) for row in found] == [(T0 - 2 * STEP, 11.0, None), (T0, 12.5, 1000.5)]
        assert at.web.asked[-1][1] == {"symbol": "BTCUSDT", "period": "5m", "limit": "49"}


async def test_answers_are_kept_and_shared() -> None:
    async with destination() as at:
        at.web.script(BARS, rows(bar("12.5")))

        async def all_of_it() -> None:
            await at.source.top_traders("BTCUSDT", period="5m", priority=SWEEP)
            await at.source.open_interest_bars("BTCUSDT", priority=SWEEP)
            await at.source.cohorts("BTCUSDT", period="5m", limit=48, priority=SWEEP)

        def times() -> list[int]:
            return [at.web.times(path) for path in (TAKER, BARS, GLOBAL)]

        await asyncio.gather(*(all_of_it() for _ in range(50)))
        assert times() == [1, 1, 1]
        at.clock.walk(60)
        await all_of_it()
        assert times() == [1, 1, 2]
        at.clock.walk(240)
        await all_of_it()
        assert times() == [2, 2, 3]
        await at.source.top_traders("BTCUSDT", period="5m", priority=SWEEP, is_fresh=True)
        await at.source.top_traders("BTCUSDT", period="1h", priority=SWEEP)
        assert times() == [4, 2, 3]


async def test_one_symbols_price_and_funding_cost_one_request_each_a_minute() -> None:
    async with destination() as at:
        ticker = {"symbol": "BTCUSDT", "lastPrice": "10", "priceChangePercent": "-1.5", "quoteVolume": "1e6"}
        premium = {"symbol": "BTCUSDT", "markPrice": "10.1", "lastFundingRate": "0.0001", "nextFundingTime": T0 + 5}
        at.web.script("/fapi/v1/ticker/24hr", Reply(json.dumps(ticker)))
        at.web.script("/fapi/v1/premiumIndex", Reply(json.dumps(premium)))
        at.web.script("/fapi/v1/fundingInfo", rows({"symbol": "BTCUSDT", "fundingIntervalHours": 4}))
        for _ in range(2):
            day = await at.source.day_ticker("BTCUSDT", priority=SWEEP)
            funding = await at.source.funding("BTCUSDT", priority=SWEEP)
            assert (day.last_price, day.change_pct, day.quote_usdt) == (10.0, -1.5, 1e6)
            assert (funding.rate, funding.mark_price, funding.next_ms) == (0.0001, 10.1, T0 + 5)
            assert await at.source.funding_hours_of("BTCUSDT") == 4.0
            assert await at.source.funding_hours_of("ETHUSDT") is None
        paths = [path for path, _, _ in at.web.asked]
        assert sorted(paths) == [
            "/fapi/v1/fundingInfo",
            "/fapi/v1/ping",
            "/fapi/v1/premiumIndex",
            "/fapi/v1/ticker/24hr",
        ]


@pytest.mark.parametrize(
    "odd", [{"markPrice": "NaN"}, {"lastFundingRate": "much"}, {"symbol": "ETHUSDT"}, {"markPrice": None}]
)
async def test_a_price_that_is_none_is_a_bad_answer(odd: dict[str, object]) -> None:
    async with destination() as at:
        premium = {"symbol": "BTCUSDT", "markPrice": "10.1", "lastFundingRate": "0.0001", "nextFundingTime": T0 + 5}
        at.web.script("/fapi/v1/premiumIndex", Reply(json.dumps({**premium, **odd})))
        with pytest.raises(BadAnswer):
            await at.source.funding("BTCUSDT", priority=SWEEP)
