"""BinanceRest against the simulated exchange, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from altmonitor.core.cache import Cache
from altmonitor.core.clock import ScaledClock
from altmonitor.core.errors import (
    BadAnswer,
    BudgetExhausted,
    ConfigError,
    ExchangeBlocked,
    ExchangeError,
    ExchangeUnreachable,
    RegionBlocked,
    UnknownSymbol,
)
from altmonitor.core.status import GuardStatus
from altmonitor.exchanges.binance.rest import BinanceRest, binance_guard
from altmonitor.exchanges.rest.guard import Guard
from altmonitor.interfaces.exchange import Priority
from altmonitor.sim.control import RestFault
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import SeededMarket
from tests.patient_clock import PatientClock

T0 = 1_790_000_050_000  # ten seconds into a minute
MINUTE = 60_000
OI = "/fapi/v1/openInterest"
PING = "/fapi/v1/ping"


@dataclass
class Place:
    clock: ScaledClock
    exchange: SimExchange
    guard: Guard
    rest: BinanceRest
    news: list[GuardStatus] = field(default_factory=list)

    def asked(self, path: str) -> int:
        return self.exchange.stats.requests(path)


@asynccontextmanager
async def destination(*, speed: float = 20.0, symbols: int = 40) -> AsyncIterator[Place]:
    clock = PatientClock(start_ms=T0, speed=speed)
    market = SeededMarket(seed=7, start_ms=T0, symbols=symbols, frames_per_s=10)
    news: list[GuardStatus] = []
    async with SimExchange(market, clock=clock) as exchange:
        guard = binance_guard("sim", clock=clock, on_change=news.append)
        rest = BinanceRest(exchange.rest_url, clock=clock, guard=guard)
        await rest.start()
        try:
            yield Place(clock, exchange, guard, rest, news)
        finally:
            await rest.stop()


async def test_every_question_has_its_answer() -> None:
    async with destination() as at:
        contracts = {contract.symbol: contract for contract in await at.rest.contracts()}
        assert contracts["BTCUSDT"].status == "TRADING"
        assert contracts["BTCUSDT"].quote_asset == "USDT"
        assert abs(await at.rest.server_time_ms() - at.clock.now_ms()) < 2_000
        sample = await at.rest.open_interest("BTCUSDT", priority=Priority.SWEEP)
        assert sample.symbol == "BTCUSDT"
        assert sample.contracts > 0
        assert abs(sample.time_ms - at.clock.now_ms()) < 60_000
        tickers = {ticker.symbol: ticker for ticker in await at.rest.day_tickers()}
        assert tickers["BTCUSDT"].last_price > 0
        fundings = {funding.symbol: funding for funding in await at.rest.fundings()}
        assert fundings["BTCUSDT"].next_ms > T0
        assert all(hours != 8 for hours in (await at.rest.funding_hours()).values())
        ratio = await at.rest.long_short_ratio("BTCUSDT", period="5m", priority=Priority.ENRICH)
        assert ratio is not None
        assert ratio.ratio > 0
        assert at.rest.guard_status().state == "open"
        assert at.rest.skipped == {}


async def test_klines_are_the_markets_oldest_first_and_the_running_one_is_open() -> None:
    async with destination(speed=1.0) as at:
        await at.rest.server_time_ms()
        minute_ms = T0 // MINUTE * MINUTE
        start_ms = minute_ms - 5 * MINUTE
        candles = await at.rest.klines(
            "BTCUSDT", start_ms=start_ms, end_ms=minute_ms, limit=99, priority=Priority.BACKFILL
        )
        assert [candle.open_ms for candle in candles] == [start_ms + n * MINUTE for n in range(6)]
        assert [candle.is_closed for candle in candles] == [True] * 5 + [False]
        few = await at.rest.klines("BTCUSDT", start_ms=start_ms, end_ms=minute_ms, limit=2, priority=Priority.BACKFILL)
        assert [candle.open_ms for candle in few] == [start_ms, start_ms + MINUTE]


async def test_one_odd_candle_among_sane_ones_is_left_out_and_counted() -> None:
    def row(minute: int, price: float) -> list[object]:
        open_ms = T0 + minute * MINUTE
        return [open_ms, price, price, price, price, 1, open_ms + MINUTE - 1, 100.0, 1, 1, 50.0, "0"]

    async def answer(request: web.Request) -> web.Response:
        if not request.path.endswith("klines"):
            return web.json_response({"serverTime": T0 + 99 * MINUTE})
        odd = {3: 1e-5, 7: 1e12, 8: 0.0}
        return web.json_response([row(minute, odd.get(minute, 100.0 + minute)) for minute in range(12)])

    async with raw_server(answer) as url:
        clock = PatientClock(start_ms=T0 + 99 * MINUTE, speed=20)
        rest = BinanceRest(url, clock=clock, guard=binance_guard("raw", clock=clock))
        await rest.start()
        found = await rest.klines("BTCUSDT", start_ms=0, end_ms=T0 + 99 * MINUTE, limit=99, priority=Priority.BACKFILL)
        await rest.stop()
    assert [(one.open_ms - T0) // MINUTE for one in found] == [0, 1, 2, 4, 5, 6, 9, 10, 11]
    assert rest.skipped["klines"] == 3


async def test_a_chinese_symbol_is_asked_for_like_any_other() -> None:
    async with destination(symbols=600) as at:
        names = [contract.symbol for contract in await at.rest.contracts() if not contract.symbol.isascii()]
        assert names
        sample = await at.rest.open_interest(names[0], priority=Priority.SWEEP)
        assert sample.symbol == names[0]


async def test_an_unknown_symbol_has_its_own_error() -> None:
    async with destination() as at:
        with pytest.raises(UnknownSymbol, match="-1121"):
            await at.rest.open_interest("NOSUCHUSDT", priority=Priority.SWEEP)


@pytest.mark.parametrize(
    "fault",
    [
        RestFault(html_200=True),
        RestFault(truncate=True),
        RestFault(cut=True),
        RestFault(status=200, body=""),
        RestFault(status=200, body="[]"),
        RestFault(status=200, body='{"symbol":"BTCUSDT","openInterest":"NaN","time":1790000000000}'),
        RestFault(status=200, body='{"symbol":"ETHUSDT","openInterest":"5","time":1790000000000}'),
        RestFault(status=302, body="{}"),
        RestFault(status=404, body="<html>"),
    ],
)
async def test_an_answer_that_is_none_is_a_bad_answer_asked_once(fault: RestFault) -> None:
    async with destination() as at:
        at.exchange.faults.rest[OI] = fault
        with pytest.raises(BadAnswer):
            await at.rest.open_interest("BTCUSDT", priority=Priority.BACKFILL)
        assert at.asked(OI) == 1
        del at.exchange.faults.rest[OI]
        assert (await at.rest.open_interest("BTCUSDT", priority=Priority.SWEEP)).contracts > 0


async def test_a_502_is_retried_twice_and_then_an_error() -> None:
    async with destination() as at:
        at.exchange.faults.rest[OI] = RestFault(status=502, times=2)
        assert (await at.rest.open_interest("BTCUSDT", priority=Priority.BACKFILL)).contracts > 0
        assert at.asked(OI) == 3
        at.exchange.faults.rest[OI] = RestFault(status=502)
        with pytest.raises(ExchangeUnreachable, match="502"):
            await at.rest.open_interest("BTCUSDT", priority=Priority.BACKFILL)
        assert at.asked(OI) == 6


async def test_the_sweep_does_not_retry() -> None:
    async with destination() as at:
        at.exchange.faults.rest[OI] = RestFault(status=503)
        with pytest.raises(ExchangeUnreachable, match="overloaded"):
            await at.rest.open_interest("BTCUSDT", priority=Priority.SWEEP)
        assert at.asked(OI) == 1


async def test_no_retry_comes_before_the_retry_after_of_a_503() -> None:
    async with destination(speed=60.0) as at:
        at.exchange.faults.rest[OI] = RestFault(status=503, retry_after="20", times=1)
        began_s = at.clock.monotonic()
        await at.rest.open_interest("BTCUSDT", priority=Priority.BACKFILL)
        assert at.clock.monotonic() - began_s >= 20
        at.exchange.faults.rest[OI] = RestFault(status=503, retry_after="300")
        with pytest.raises(ExchangeUnreachable):
            await at.rest.open_interest("BTCUSDT", priority=Priority.BACKFILL)
        assert at.asked(OI) == 3


async def test_a_server_that_swallows_requests_costs_fifteen_seconds() -> None:
    async with destination(speed=60.0) as at:
        at.exchange.faults.rest[OI] = RestFault(delay_s=600.0)
        began_s = at.clock.monotonic()
        with pytest.raises(ExchangeUnreachable, match="15 s"):
            await at.rest.open_interest("BTCUSDT", priority=Priority.SWEEP)
        assert 14.9 <= at.clock.monotonic() - began_s < 25


async def test_a_closed_port_is_unreachable() -> None:
    clock = PatientClock(start_ms=T0, speed=20)
    rest = BinanceRest("http://127.0.0.1:9", clock=clock, guard=binance_guard("sim", clock=clock))
    with pytest.raises(ExchangeUnreachable, match="not started"):
        await rest.server_time_ms()
    await rest.start()
    with pytest.raises(ExchangeUnreachable):
        await rest.server_time_ms()
    await rest.stop()
    await rest.stop()
    with pytest.raises(ExchangeUnreachable, match="stopped"):
        await rest.server_time_ms()


@pytest.mark.parametrize(
    ("fault", "blocked_s"),
    [
        (RestFault(status=429, retry_after="77"), 77),
        (RestFault(status=418, retry_after="14400"), 14_400),
        (RestFault(status=429, body="null"), 300),
        (RestFault(status=418, banned_until_ms=T0 + 3_600_000), 3_600),
        (RestFault(status=403), 5_400),
        (RestFault(status=451), 21_600),
    ],
)
async def test_a_refusal_blocks_every_question_for_its_time(fault: RestFault, blocked_s: int) -> None:
    async with destination(speed=1.0) as at:
        at.exchange.faults.rest[OI] = fault
        with pytest.raises(ExchangeBlocked) as problem:
            await at.rest.open_interest("BTCUSDT", priority=Priority.BACKFILL)
        assert isinstance(problem.value, RegionBlocked) == (fault.status == 451)
        assert problem.value.until_ms == pytest.approx(T0 + blocked_s * 1000, abs=3_000)
        questions = [
            at.rest.contracts(),
            at.rest.server_time_ms(),
            at.rest.day_tickers(),
            at.rest.fundings(),
            at.rest.funding_hours(),
            at.rest.long_short_ratio("BTCUSDT", period="5m", priority=Priority.ENRICH),
            at.rest.klines("BTCUSDT", start_ms=1, end_ms=2, limit=1, priority=Priority.BACKFILL),
            *(at.rest.open_interest("BTCUSDT", priority=Priority.SWEEP) for _ in range(100)),
        ]
        answers = await asyncio.gather(*questions, return_exceptions=True)
        assert all(isinstance(answer, ExchangeBlocked) for answer in answers)
        assert {path: log.count for path, log in at.exchange.stats.rest.items()} == {PING: 1, OI: 1}
        assert [status.state for status in at.news] == ["blocked"]


async def test_a_ban_of_ten_minutes_sees_no_request_and_ends_with_one_ping() -> None:
    async with destination(speed=400.0) as at:
        at.exchange.faults.rest[OI] = RestFault(status=418, retry_after="600", times=1)
        with pytest.raises(ExchangeBlocked) as problem:
            await at.rest.open_interest("BTCUSDT", priority=Priority.SWEEP)
        while at.clock.now_ms() < problem.value.until_ms + 5_000:
            callers = (at.rest.open_interest("BTCUSDT", priority=Priority.ENRICH) for _ in range(20))
            await asyncio.gather(*callers, return_exceptions=True)
            await at.clock.sleep(2.0)
        times_ms, pings_ms = at.exchange.stats.rest[OI].times_ms, at.exchange.stats.rest[PING].times_ms
        assert times_ms[1] - times_ms[0] >= 600_000
        assert len(pings_ms) == 2  # the first of all requests, and the one that ended the block
        assert times_ms[0] + 600_000 <= pings_ms[1] <= times_ms[1]
        assert [status.state for status in at.news] == ["blocked", "open"]


async def test_the_used_weight_of_another_program_makes_us_wait() -> None:
    async with destination(speed=10.0) as at:
        at.exchange.faults.weight_offset = 1_700
        await at.rest.open_interest("BTCUSDT", priority=Priority.SWEEP)
        assert at.rest.guard_status().weight_used == 1_701
        async with asyncio.timeout(60):
            with pytest.raises(TimeoutError):
                async with at.clock.timeout(2):
                    await at.rest.open_interest("BTCUSDT", priority=Priority.SWEEP)
            await at.rest.open_interest("BTCUSDT", priority=Priority.ENRICH)
        assert at.rest.guard_status().state == "waiting"
        at.exchange.faults.weight_offset = 2_200
        await at.rest.open_interest("BTCUSDT", priority=Priority.ENRICH)
        with pytest.raises(BudgetExhausted):
            await at.rest.open_interest("BTCUSDT", priority=Priority.ENRICH)
        assert at.asked(OI) == 3


async def test_fifty_callers_for_funding_hours_make_one_request_an_hour() -> None:
    async with destination(speed=2_000.0) as at:
        first = await asyncio.gather(*(at.rest.funding_hours() for _ in range(50)))
        assert all(hours == first[0] for hours in first)
        await at.clock.sleep(3_000.0)
        await at.rest.funding_hours()
        assert at.asked("/fapi/v1/fundingInfo") == 1
        await at.clock.sleep(700.0)
        await at.rest.funding_hours()
        assert at.asked("/fapi/v1/fundingInfo") == 2


async def test_the_exchanges_clock_is_followed() -> None:
    async with destination(speed=1.0) as at:
        at.exchange.faults.clock_skew_ms = 30_000
        await at.rest.server_time_ms()
        assert at.guard.exchange_clock.now_ms() - at.clock.now_ms() == pytest.approx(30_000, abs=300)


async def test_a_minute_that_ended_while_the_machine_slept_is_closed() -> None:
    """The monotonic clock stood still; the exchange's own moved on by as much as our wall clock."""
    async with destination(speed=1.0) as at:
        await at.rest.server_time_ms()
        at.clock.start_ms += 5 * MINUTE
        minute_ms = T0 // MINUTE * MINUTE
        candles = await at.rest.klines(
            "BTCUSDT", start_ms=minute_ms, end_ms=minute_ms + 5 * MINUTE, limit=99, priority=Priority.BACKFILL
        )
        assert [candle.is_closed for candle in candles] == [True] * 5 + [False]
        assert at.guard.exchange_clock.missed_s == pytest.approx(300, abs=1)


async def test_a_clock_set_forward_closes_no_minute_that_runs() -> None:
    async with destination(speed=1.0) as at:
        await at.rest.server_time_ms()
        at.clock.start_ms += 60 * MINUTE
        at.exchange.faults.clock_skew_ms = -60 * MINUTE
        minute_ms = T0 // MINUTE * MINUTE
        candles = await at.rest.klines(
            "BTCUSDT", start_ms=minute_ms - MINUTE, end_ms=minute_ms, limit=99, priority=Priority.BACKFILL
        )
        assert [candle.is_closed for candle in candles] == [True, False]
        assert at.guard.exchange_clock.missed_s == 0


async def test_any_body_with_any_status_is_a_value_or_an_exchange_error() -> None:
    bodies = [b"", b"null", b"[]", b"{}", b"[[]]", b'"x"', b"\xff\xfe", b"[" * 50_000, b'{"code":-1121}', b"[1e999]"]
    state = {"status": 200, "body": b""}

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=int(state["status"]), body=state["body"])  # type: ignore[arg-type]

    async with raw_server(answer) as url:
        clock = PatientClock(start_ms=T0, speed=2_000)
        rest = BinanceRest(url, clock=clock, guard=binance_guard("raw", clock=clock))
        await rest.start()
        for status in (200, 202, 400, 404, 500):
            for body in bodies:
                state.update(status=status, body=body)
                questions = [
                    rest.contracts(),
                    rest.server_time_ms(),
                    rest.day_tickers(),
                    rest.fundings(),
                    rest.open_interest("A", priority=Priority.SWEEP),
                    rest.long_short_ratio("A", period="5m", priority=Priority.SWEEP),
                    rest.klines("A", start_ms=1, end_ms=2, limit=1, priority=Priority.SWEEP),
                ]
                for result in await asyncio.gather(*questions, return_exceptions=True):
                    assert not isinstance(result, BaseException) or isinstance(result, ExchangeError)
        await rest.stop()


async def test_an_endless_body_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" " * 1_000_000)

    async with raw_server(answer) as url:
        clock = ScaledClock(start_ms=T0, speed=1)
        rest = BinanceRest(url, clock=clock, guard=binance_guard("raw", clock=clock))
        await rest.start()
        with pytest.raises(BadAnswer, match="more than"):
            await rest.open_interest("A", priority=Priority.SWEEP)
        await rest.stop()


async def test_a_proxy_from_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, str | None]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append((str(request.url), request.headers.get("Proxy-Authorization")))
        return web.json_response({"serverTime": T0})

    async with raw_server(answer) as url:
        for name in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, url.replace("http://", "http://user:pass@"))
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(name, "direct.invalid")
        clock = PatientClock(start_ms=T0, speed=20)
        for host, is_reached in (("fapi.invalid", True), ("direct.invalid", False)):
            rest = BinanceRest(f"http://{host}", clock=clock, guard=binance_guard(host, clock=clock))
            await rest.start()
            if is_reached:
                assert await rest.server_time_ms() == T0
            else:
                with pytest.raises(ExchangeUnreachable):
                    await rest.server_time_ms()
            await rest.stop()
        direct = BinanceRest(url, clock=clock, guard=binance_guard("direct", clock=clock), trust_env=False)
        await direct.start()
        await direct.server_time_ms()
        await direct.stop()
    assert seen == [
        ("http://fapi.invalid/fapi/v1/ping", "Basic dXNlcjpwYXNz"),
        ("http://fapi.invalid/fapi/v1/time", "Basic dXNlcjpwYXNz"),
        (f"{url}/fapi/v1/ping", None),
        (f"{url}/fapi/v1/time", None),
    ]


async def test_a_proxy_that_cannot_be_used_is_told_at_the_start_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "socks5://user:pass@127.0.0.1:1080")
    clock = ScaledClock(start_ms=T0, speed=1)
    rest = BinanceRest("https://fapi.invalid", clock=clock, guard=binance_guard("x", clock=clock))
    with pytest.raises(ConfigError, match="socks5") as problem:
        await rest.start()
    assert "pass" not in str(problem.value)


async def test_a_cache_asks_once_and_shares_a_failure_only_with_those_who_waited() -> None:
    clock = ScaledClock(start_ms=T0, speed=1)
    cache: Cache[str, int] = Cache(clock=clock, ttl_s=60.0, capacity=2)
    asked: list[str] = []

    async def fail() -> int:
        asked.append("fail")
        await asyncio.sleep(0.01)
        raise ExchangeUnreachable("no")

    async def succeed() -> int:
        asked.append("succeed")
        await asyncio.sleep(0.01)
        return 7

    failed = await asyncio.gather(*(cache.get("a", fail) for _ in range(50)), return_exceptions=True)
    assert all(isinstance(problem, ExchangeUnreachable) for problem in failed)
    assert await asyncio.gather(*(cache.get("a", succeed) for _ in range(50))) == [7] * 50
    assert asked == ["fail", "succeed"]
    leader = asyncio.create_task(cache.get("b", succeed))
    await asyncio.sleep(0)
    follower = asyncio.create_task(cache.get("b", succeed))
    await asyncio.sleep(0)
    leader.cancel()
    assert await follower == 7
    for key in ("c", "d", "e"):
        await cache.get(key, succeed)
    assert await cache.get("a", succeed) == 7
    assert asked.count("succeed") == 7


@asynccontextmanager
async def raw_server(answer) -> AsyncIterator[str]:  # type: ignore[no-untyped-def]
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
