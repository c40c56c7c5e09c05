"""OKX and Bybit: the same cohorts in the same shape, each behind a guard of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from altmonitor.core.errors import BadAnswer, ExchangeBlocked, ExchangeUnreachable, RegionBlocked
from altmonitor.exchanges.bybit.cohorts import ACCOUNT_RATIO, BybitCohorts, bybit_guard
from altmonitor.exchanges.bybit.cohorts import PERIOD_NAMES as BYBIT_PERIODS
from altmonitor.exchanges.okx.cohorts import (
    ALL_ACCOUNTS,
    TAKER_VOLUME,
    TOP_ACCOUNTS,
    TOP_POSITIONS,
    OkxCohorts,
    instrument,
    okx_guard,
)
from altmonitor.exchanges.okx.cohorts import PERIOD_NAMES as OKX_PERIODS
from altmonitor.interfaces.exchange import Priority
from altmonitor.positioning.json_values import Asked, positioning_values
from altmonitor.positioning.units import PERIODS
from tests.exchanges.scripted_web import T0, Reply, ScriptedWeb, WalkingClock, scripted_web

SWEEP = Priority.SWEEP
STEP = 300_000
OKX_PATHS = (ALL_ACCOUNTS, TOP_ACCOUNTS, TOP_POSITIONS)


def okx(*ratios: object, code: str = "0", at: int = 0) -> Reply:
    """Newest first, the newest `at` steps after T0."""
    rows = [[str(T0 + (at - destination) * STEP), ratio] for destination, ratio in enumerate(ratios)]
    return Reply(json.dumps({"code": code, "msg": "", "data": rows}))


def bybit(*shares: tuple[object, object], code: int = 0, message: str = "OK", symbol: str = "BTCUSDT") -> Reply:
    rows = [
        {"symbol": symbol, "buyRatio": buy, "sellRatio": sell, "timestamp": str(T0 - destination * STEP)}
        for destination, (buy, sell) in enumerate(shares)
    ]
    return Reply(json.dumps({"retCode": code, "retMsg": message, "result": {"list": rows, "nextPageCursor": ""}}))


@asynccontextmanager
async def okx_place() -> AsyncIterator[tuple[ScriptedWeb, OkxCohorts, WalkingClock]]:
    clock = WalkingClock()
    async with scripted_web() as web:
        for path in OKX_PATHS:
            web.script(path, okx("1.5"))
        source = OkxCohorts(web.url, clock=clock, guard=okx_guard(web.url, clock=clock), trust_env=False)
        await source.start()
        try:
            yield web, source, clock
        finally:
            await source.stop()


@asynccontextmanager
async def bybit_place() -> AsyncIterator[tuple[ScriptedWeb, BybitCohorts, WalkingClock]]:
    clock = WalkingClock()
    async with scripted_web() as web:
        source = BybitCohorts(web.url, clock=clock, guard=bybit_guard(web.url, clock=clock), trust_env=False)
        await source.start()
        try:
            yield web, source, clock
        finally:
            await source.stop()


async def test_okx_tells_who_took_the_price_in_quarters_of_an_hour_of_usd() -> None:
    async with okx_place() as (web, source, _):
        quarter = 900_000
        rows = [[str(T0 // quarter * quarter - at * quarter), f"{100 + at}", "50"] for at in range(3)]
        rows += [["1", "5", "5"], [str(T0 - quarter * 50), "NaN", "1"], [str(T0 - quarter * 51), "-1", "1"]]
        gone = Reply(json.dumps({"code": "51001", "msg": "gone", "data": []}))
        web.script(TAKER_VOLUME, Reply(json.dumps({"code": "0", "msg": "", "data": rows})), gone)
        found = await source.taker_day("1000PEPEUSDT", priority=SWEEP)
        assert [(row.quote_usdt, row.taker_quote_usdt, row.minutes) for row in found] == [
            (152.0, 50.0, 15),
            (151.0, 50.0, 15),
            (150.0, 50.0, 15),
        ]
        assert web.asked[-1][1] == {"instId": "PEPE-USDT-SWAP", "period": "15m", "unit": "2", "limit": "97"}
        assert await source.taker_day("1000PEPEUSDT", priority=SWEEP) is found  # kept for a minute
        assert await source.taker_day("GONEUSDT", priority=SWEEP) == []


async def test_okx_ratios_become_shares_of_three_cohorts_oldest_first() -> None:
    async with okx_place() as (web, source, _):
        web.script(TOP_POSITIONS, okx("0.25", "3", at=0))
        found = await source.cohorts("BTCUSDT", period="1h", limit=2, priority=SWEEP)
        assert [(row.time_ms, row.long_share, row.long_short_ratio) for row in found.top_positions] == [
            (T0 - STEP, 0.75, 3.0),
            (T0, 0.2, 0.25),
        ]
        assert [row.long_share for row in found.retail] == [0.6]
        assert [query for _, query, _ in web.asked] == [{"instId": "BTC-USDT-SWAP", "period": "1H", "limit": "2"}] * 3
        assert sorted(path for path, _, _ in web.asked) == sorted(OKX_PATHS)


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("BTCUSDT", "BTC-USDT-SWAP"),
        ("1000PEPEUSDT", "PEPE-USDT-SWAP"),
        ("1000000MOGUSDT", "MOG-USDT-SWAP"),
        ("1MBABYDOGEUSDT", "BABYDOGE-USDT-SWAP"),
        ("1INCHUSDT", "1INCH-USDT-SWAP"),
    ],
)
def test_a_multiplied_coin_is_the_coin_itself_on_okx(symbol: str, name: str) -> None:
    assert instrument(symbol) == name


@pytest.mark.parametrize(("period", "theirs"), [("5m", "5m"), ("4h", "4H"), ("6h", "6Hutc"), ("1d", "1Dutc")])
async def test_okx_spells_periods_its_own_way_and_days_begin_at_midnight_utc(period: str, theirs: str) -> None:
    async with okx_place() as (web, source, _):
        await source.cohorts("BTCUSDT", period=period, limit=500, priority=SWEEP)
        assert {(query["period"], query["limit"]) for _, query, _ in web.asked} == {(theirs, "100")}


async def test_an_okx_series_that_has_stopped_is_not_told_as_of_now() -> None:
    async with okx_place() as (web, source, _):
        web.script(TOP_ACCOUNTS, okx("9.9", at=-288 * 900))
        found = await source.cohorts("BTCUSDT", period="5m", limit=48, priority=SWEEP)
        assert list(found.top_accounts) == []
        assert len(found.retail) == 1


@pytest.mark.parametrize("code", ["51001", "51000"])
async def test_an_instrument_okx_does_not_list_has_no_buckets(code: str) -> None:
    async with okx_place() as (web, source, _):
        for path in OKX_PATHS:
            web.script(path, okx(code=code))
        found = await source.cohorts("NOSUCHUSDT", period="5m", limit=1, priority=SWEEP)
        assert (list(found.retail), list(found.top_accounts), list(found.top_positions)) == ([], [], [])


@pytest.mark.parametrize("odd", [okx("NaN"), okx("-1"), okx(None), okx(code="1"), Reply("<html>"), Reply("[]")])
async def test_an_odd_okx_answer_is_a_bad_answer(odd: Reply) -> None:
    async with okx_place() as (web, source, _):
        web.script(ALL_ACCOUNTS, odd)
        with pytest.raises(BadAnswer):
            await source.cohorts("BTCUSDT", period="5m", limit=1, priority=SWEEP)


@pytest.mark.parametrize("refusal", [Reply(status=429), okx(code="50011")])
async def test_too_many_requests_blocks_okx_even_inside_a_200(refusal: Reply) -> None:
    async with okx_place() as (web, source, clock):
        for path in OKX_PATHS:
            web.script(path, refusal)
        with pytest.raises(ExchangeBlocked):
            await source.cohorts("BTCUSDT", period="5m", limit=1, priority=SWEEP)
        asked = len(web.asked)
        clock.walk(299)
        with pytest.raises(ExchangeBlocked):
            await source.cohorts("ETHUSDT", period="5m", limit=1, priority=SWEEP)
        assert len(web.asked) == asked
        assert source.guard_status().state == "blocked"


async def test_okx_is_asked_three_times_in_two_seconds_at_most_and_one_cohort_question_fits() -> None:
    async with okx_place() as (web, source, clock):
        await source.cohorts("AUSDT", period="5m", limit=1, priority=SWEEP)
        assert len(web.asked) == 3
        second = asyncio.create_task(source.cohorts("BUSDT", period="5m", limit=1, priority=SWEEP))
        await asyncio.sleep(0.2)
        assert len(web.asked) == 3
        clock.walk(2)
        await asyncio.wait_for(second, timeout=60)
        assert len(web.asked) == 6


async def test_bybit_has_the_crowd_only() -> None:
    async with bybit_place() as (web, source, _):
        web.script(ACCOUNT_RATIO, bybit(("0.5777", "0.4223"), ("0.6", "0.4")))
        found = await source.cohorts("BTCUSDT", period="15m", limit=2, priority=SWEEP)
        assert [(row.time_ms, row.long_share, row.long_short_ratio) for row in found.retail] == [
            (T0 - STEP, 0.6, 1.5),
            (T0, 0.5777, 1.368),
        ]
        assert (list(found.top_accounts), list(found.top_positions)) == ([], [])
        assert web.asked[0][1] == {"category": "linear", "symbol": "BTCUSDT", "period": "15min", "limit": "2"}


@pytest.mark.parametrize("period", ["2h", "6h", "12h"])
async def test_a_period_bybit_does_not_have_is_refused(period: str) -> None:
    async with bybit_place() as (web, source, _):
        with pytest.raises(ValueError, match=f"bybit has no period {period}, only 5m 15m 30m 1h 4h 1d"):
            await source.cohorts("BTCUSDT", period=period, limit=1, priority=SWEEP)
        assert web.asked == []


async def test_an_unknown_symbol_on_bybit_has_no_buckets_and_another_error_is_told() -> None:
    async with bybit_place() as (web, source, _):
        web.script(ACCOUNT_RATIO, bybit(code=10001, message="params error: symbol invalid"))
        assert list((await source.cohorts("NOUSDT", period="5m", limit=1, priority=SWEEP)).retail) == []
        web.script(ACCOUNT_RATIO, bybit(code=10001, message="params error: period invalid"))
        with pytest.raises(BadAnswer, match="bybit: code 10001"):
            await source.cohorts("BTCUSDT", period="5m", limit=1, priority=SWEEP)


@pytest.mark.parametrize("odd", [("57.77", "42.23"), ("NaN", "0.5"), ("1", "0"), ("0.9", "0.9")])
async def test_a_bybit_row_whose_shares_make_no_whole_is_left_out(odd: tuple[str, str]) -> None:
    async with bybit_place() as (web, source, _):
        web.script(ACCOUNT_RATIO, bybit(odd, ("0.6", "0.4")))
        found = await source.cohorts("BTCUSDT", period="5m", limit=2, priority=SWEEP)
        assert [row.long_share for row in found.retail] == [0.6]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(status=403), ExchangeBlocked),
        (bybit(code=10006, message="Too many visits!"), ExchangeBlocked),
        (
            Reply("The Amazon CloudFront distribution is configured to block access from your country.", status=403),
            RegionBlocked,
        ),
        (Reply(status=502), ExchangeUnreachable),
    ],
)
async def test_bybits_refusals_and_troubles_stay_apart(reply: Reply, kind: type[Exception]) -> None:
    async with bybit_place() as (web, source, _):
        web.script(ACCOUNT_RATIO, reply)
        with pytest.raises(kind):
            await source.cohorts("BTCUSDT", period="5m", limit=1, priority=SWEEP)
        assert len(web.asked) == (2 if kind is ExchangeUnreachable else 1)


async def test_every_venue_answers_in_one_shape() -> None:
    async with okx_place() as (_, okx_source, _), bybit_place() as (web, bybit_source, _):
        web.script(ACCOUNT_RATIO, bybit(("0.6", "0.4")))
        shapes = []
        for source in (okx_source, bybit_source):
            histories = await source.cohorts("BTCUSDT", period="5m", limit=1, priority=SWEEP)
            asked = Asked(symbol="BTCUSDT", period="5m", venue=source.venue, now_ms=T0)
            values = positioning_values(asked, histories)
            cohorts = values["cohorts"]
            assert isinstance(cohorts, list)
            assert values["venue"] == source.venue
            assert cohorts[0]["long_account_pct"] == 60.0
            shapes.append((set(values), [set(row) for row in cohorts]))
        assert shapes[0] == shapes[1]


def test_each_venue_has_its_own_names_of_periods() -> None:
    """OKX: capital letters from an hour on, and buckets that begin at 00:00 UTC."""
    assert BYBIT_PERIODS == {"5m": "5min", "15m": "15min", "30m": "30min", "1h": "1h", "4h": "4h", "1d": "1d"}
    assert {period: OKX_PERIODS.get(period, period) for period in PERIODS} == {
        "5m": "5m",
        "15m": "15m",
        "30m": "30m",
        "1h": "1H",
        "2h": "2H",
        "4h": "4H",
        "6h": "6Hutc",
        "12h": "12Hutc",
        "1d": "1Dutc",
    }
