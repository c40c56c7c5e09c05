"""Bodies of every kind of damage as the answer to every question: a typed value, or an error of the family."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import astuple, is_dataclass
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from altmonitor.core.errors import ExchangeError
from altmonitor.exchanges.binance.rest import PING, BinanceRest, binance_budget
from altmonitor.exchanges.rest.budget import Ask
from altmonitor.exchanges.rest.guard import Guard, RestAnswer, Send
from altmonitor.exchanges.rest.refusal import read_refusal
from altmonitor.interfaces.exchange import Priority
from tests.effort import examples
from tests.fuzz import NONSENSE, broken, encoded
from tests.movable_clock import T0, MovableClock

KLINE = [T0, "1.0", "1.2", "0.9", "1.1", "500", T0 + 59_999, "550", 12, "200", "220", "0"]
SYMBOL = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "contractType": "PERPETUAL",
    "quoteAsset": "USDT",
    "baseAsset": "BTC",
    "onboardDate": 1_569_398_400_000,
    "deliveryDate": 4_133_404_800_000,
}
LIMIT = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400}
TICKER = {"symbol": "BTCUSDT", "lastPrice": "1", "priceChangePercent": "-2.5", "quoteVolume": "1000000"}
PREMIUM = {"symbol": "BTCUSDT", "markPrice": "1", "lastFundingRate": "0.0001", "nextFundingTime": T0}
RATIO = {"symbol": "BTCUSDT", "longShortRatio": "1.81", "longAccount": "0.64", "timestamp": T0}

Question = Callable[[BinanceRest], Awaitable[Any]]
QUESTIONS: dict[str, tuple[Question, Any]] = {
    "contracts": (lambda rest: rest.contracts(), {"symbols": [SYMBOL, SYMBOL], "rateLimits": [LIMIT]}),
    "server time": (lambda rest: rest.server_time_ms(), {"serverTime": T0}),
    "open interest": (
        lambda rest: rest.open_interest("BTCUSDT", priority=Priority.SWEEP),
        {"symbol": "BTCUSDT", "openInterest": "10659.5", "time": T0},
    ),
    "klines": (
        lambda rest: rest.klines("BTCUSDT", start_ms=0, end_ms=2**62, limit=99, priority=Priority.BACKFILL),
        [KLINE, KLINE],
    ),
    "day tickers": (lambda rest: rest.day_tickers(), [TICKER, TICKER]),
    "fundings": (lambda rest: rest.fundings(), [PREMIUM, PREMIUM]),
    "funding hours": (lambda rest: rest.funding_hours(), [{"symbol": "BTCUSDT", "fundingIntervalHours": 4}]),
    "long short ratio": (
        lambda rest: rest.long_short_ratio("BTCUSDT", period="5m", priority=Priority.ENRICH),
        [RATIO, RATIO],
    ),
}
STATUSES = [200, 200, 200, 400, 404]


class Parrot(Guard):
    """A guard in front of an exchange that says one thing to everybody."""

    def __init__(self, clock: MovableClock, answer: RestAnswer) -> None:
        super().__init__("fuzz", clock=clock, budget=binance_budget(), probe=PING)
        self._answer = answer

    async def fetch(self, ask: Ask, send: Send, *, wait_s: float) -> RestAnswer:
        return self._answer


def ask(question: Question, status: int, body: bytes) -> Any:
    """What the question gives, or the error it raises."""
    clock = MovableClock()
    rest = BinanceRest("http://fuzz", clock=clock, guard=Parrot(clock, RestAnswer(status, {}, body)))

    async def asking() -> Any:
        """No retry waits for long: nobody here answers with a 5xx."""
        task = asyncio.ensure_future(question(rest))
        await clock.advance(400)
        return await task

    try:
        return asyncio.run(asking())
    except ExchangeError as problem:
        assert str(problem)
        assert len(str(problem)) < 2_000
        return problem


def numbers(value: Any) -> list[float]:
    if is_dataclass(value) and not isinstance(value, type):
        value = astuple(value)
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [number for inner in value for number in numbers(inner)]
    return [value] if isinstance(value, int | float) else []


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_undamaged_body_is_understood(name: str) -> None:
    question, body = QUESTIONS[name]
    assert not isinstance(ask(question, 200, encoded(body)), ExchangeError)


@pytest.mark.parametrize("name", QUESTIONS)
@settings(max_examples=examples(120))
@given(data=st.data())
def test_a_damaged_body_is_an_error_of_the_family_or_a_value_of_finite_numbers(name: str, data: st.DataObject) -> None:
    question, body = QUESTIONS[name]
    found = ask(question, data.draw(st.sampled_from(STATUSES)), data.draw(broken(body)))
    if not isinstance(found, ExchangeError):
        assert all(math.isfinite(number) for number in numbers(found))
        assert all(abs(number) < 2**63 for number in numbers(found) if isinstance(number, int))


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"symbols":' * 50_000, b"9" * 100_000, b"\xff" * 1_000, b""])
def test_a_body_that_goes_on_and_on_is_an_error(name: str, body: bytes) -> None:
    assert isinstance(ask(QUESTIONS[name][0], 200, body), ExchangeError)


HEADERS = st.dictionaries(
    st.just("Retry-After"),
    st.one_of(st.text(max_size=40), st.floats().map(str), st.integers().map(str), st.just("Wed, 21 Oct 2037 07:28:00")),
)


@settings(max_examples=examples(400))
@given(
    status=st.integers(100, 599),
    headers=HEADERS,
    body=st.one_of(
        NONSENSE,
        broken({"code": -1003, "msg": "Way too many requests; IP(1.2.3.4) banned until 1790000000000."}),
        st.integers(0, 10**16).map(lambda end_ms: b"banned until %d" % end_ms),
    ),
)
@example(status=418, headers={"Retry-After": "9" * 400}, body=b"")
@example(status=429, headers={"Retry-After": "Wed, 99 Oct 99999 07:28:00 GMT"}, body=b"banned until 99999999999999")
def test_whatever_a_refusal_says_it_ends_after_30_days(status: int, headers: dict[str, str], body: bytes) -> None:
    refusal = read_refusal(status, headers, body, exchange_ms=T0)
    if status in (403, 418, 429, 451):
        assert refusal is not None
    if refusal is not None and refusal.retry_after_s is not None:
        assert 0 < refusal.retry_after_s <= 30 * 86_400
