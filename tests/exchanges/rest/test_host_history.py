"""What is counted of an hour of requests, and through the gate: answers, silence, errors, refusals."""

from __future__ import annotations

import pytest

from altmonitor.core.errors import ExchangeBlocked, ExchangeUnreachable
from altmonitor.exchanges.rest.host_history import HostHistory
from tests.exchanges.rest.test_guard import Gate
from tests.movable_clock import at_work


def test_an_hour_holds_this_minute_and_59_before_it() -> None:
    history = HostHistory()
    assert history.of_hour(0.0) == (0, 0)
    assert history.usual_s is None
    for minute, took_s in ((0, 0.1), (0, None), (1, 0.3), (59, 0.2), (60, None)):
        history.add(now_s=minute * 60.0 + 5, took_s=took_s)
    assert history.of_hour(59 * 60.0 + 30) == (5, 2)
    assert history.of_hour(60 * 60.0 + 30) == (3, 1)
    assert history.of_hour(500 * 60.0) == (0, 0)
    assert history.usual_s == 0.2


async def answered(gate: Gate) -> None:
    await gate.ask()


async def test_the_gate_counts_what_failed_and_how_long_answers_took() -> None:
    gate = Gate()
    for takes_s in (0.2, 0.4, 0.6):
        gate.host.takes_s = takes_s
        async with at_work(answered(gate), on=gate.clock):
            await gate.clock.advance(1.0)
    status = gate.guard.status()
    assert (status.sent_1h, status.failed_1h, status.answer_ms) == (3, 0, pytest.approx(400.0))
    gate.host.takes_s = 0.0
    gate.host.status = 503
    await gate.ask()  # an error of the host is an answer to whoever asked, and a failure of the host
    gate.host.status = 400
    await gate.ask()  # that was the question's fault
    gate.host.status, gate.host.is_dead = 200, True
    with pytest.raises(ExchangeUnreachable):
        await gate.ask()
    gate.host.is_dead = False
    await gate.refused(429)
    with pytest.raises(ExchangeBlocked):
        await gate.ask()  # nothing was sent
    status = gate.guard.status()
    assert (status.sent_1h, status.failed_1h) == (7, 3)
