"""How often a feed knocks at the exchange's door."""

from __future__ import annotations

import asyncio
import random

import pytest

from altmonitor.core.errors import ExchangeUnreachable, HandshakeRefused
from altmonitor.exchanges.ws.shard import HandshakeBudget, ReconnectBackoff
from tests.movable_clock import MovableClock


class Highest(random.Random):
    """Always the upper end: what jitter can make of a delay at most."""

    def uniform(self, a: float, b: float) -> float:
        return b


class Lowest(random.Random):
    def uniform(self, a: float, b: float) -> float:
        return a


def refused(status: int, retry_after_s: float | None = None) -> HandshakeRefused:
    return HandshakeRefused("no", status=status, retry_after_s=retry_after_s)


def test_the_first_attempt_does_not_wait() -> None:
    assert ReconnectBackoff(Highest()).next_delay_s() == 0


def test_delays_double_up_to_a_minute_with_full_jitter() -> None:
    highest, lowest = ReconnectBackoff(Highest()), ReconnectBackoff(Lowest())
    delays = []
    for _ in range(8):
        highest.on_end(data_flowed_s=0)
        lowest.on_end(data_flowed_s=0)
        delays.append(highest.next_delay_s())
        assert lowest.next_delay_s() == 0
    assert delays == [1, 2, 4, 8, 16, 32, 60, 60]


def test_only_30_s_of_data_reset_the_delay() -> None:
    backoff = ReconnectBackoff(Highest())
    for _ in range(5):
        backoff.on_end(data_flowed_s=29.9)
    assert backoff.next_delay_s() == 16
    backoff.on_end(data_flowed_s=30.0)
    assert backoff.next_delay_s() == 1


def test_failed_attempts_count_like_lost_connections() -> None:
    backoff = ReconnectBackoff(Highest())
    backoff.on_end(data_flowed_s=100)
    backoff.on_open_failed(ExchangeUnreachable("down"))
    backoff.on_open_failed(refused(503))
    assert backoff.next_delay_s() == 4


@pytest.mark.parametrize("status", [403, 418, 429, 451])
def test_a_refusal_keeps_away_for_five_minutes_and_twice_as_long_each_time_up_to_an_hour(status: int) -> None:
    backoff = ReconnectBackoff(Lowest())
    delays = []
    for _ in range(6):
        backoff.on_open_failed(refused(status))
        delays.append(backoff.next_delay_s())
    assert delays == [300, 600, 1200, 2400, 3600, 3600]


def test_what_the_exchange_asks_for_is_never_shortened() -> None:
    backoff = ReconnectBackoff(Lowest())
    backoff.on_open_failed(refused(429, retry_after_s=14_400))
    assert backoff.next_delay_s() == 14_400


def test_twelve_connects_in_the_first_minute_are_never_exceeded_by_chance() -> None:
    for seed in range(2_000):
        backoff = ReconnectBackoff(random.Random(seed))
        at_s, connects = 0.0, 0
        while at_s <= 60:
            connects += 1
            backoff.on_end(data_flowed_s=0)
            at_s += backoff.next_delay_s()
        assert connects <= 12


async def test_no_more_than_250_handshakes_in_five_minutes() -> None:
    clock = MovableClock()
    budget = HandshakeBudget(clock, limit=250, window_s=300.0)
    taken_s: list[float] = []

    async def knock() -> None:
        while True:
            await budget.take()
            taken_s.append(clock.monotonic())
            await clock.sleep(0.5)

    task = asyncio.create_task(knock())
    await clock.advance(899)
    task.cancel()
    await asyncio.wait({task})
    for start_s in taken_s:
        assert sum(start_s <= at_s < start_s + 300 for at_s in taken_s) <= 250
    assert len(taken_s) == 750
