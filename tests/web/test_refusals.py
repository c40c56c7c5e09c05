"""What clients do wrong is counted in full and told in one line a minute."""

from __future__ import annotations

import logging

import pytest

from altmonitor.web.refusals import HttpRefusal, RefusalLog
from tests.movable_clock import MovableClock


async def test_the_first_is_told_at_once_and_a_flood_costs_one_line_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    clock = MovableClock()
    refusals = RefusalLog(clock)
    refusals.record(HttpRefusal.MALFORMED, "203.0.113.5")
    for second in range(150):
        for number in range(40):
            refusals.record(HttpRefusal.NO_FREE_CONNECTION, f"198.51.100.{number % 4 if number < 20 else 1}")
        if second == 70:
            refusals.record(HttpRefusal.WRONG_TOKEN, "203.0.113.5")
        await clock.advance(1)
        refusals.write_line()
    assert [record.message for record in caplog.records] == [
        "HTTP refused or cut off: 1 malformed request; 1 of them from 203.0.113.5",
        "HTTP refused or cut off: 2,400 no free connection; 1,500 of them from 198.51.100.1",
        "HTTP refused or cut off: 2,400 no free connection, 1 wrong token; 1,500 of them from 198.51.100.1",
    ]
    assert refusals.total == {
        HttpRefusal.MALFORMED: 1,
        HttpRefusal.NO_FREE_CONNECTION: 6_000,
        HttpRefusal.WRONG_TOKEN: 1,
    }


async def test_a_fault_of_ours_shows_its_traceback_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    clock = MovableClock()
    refusals = RefusalLog(clock)
    for _ in range(100):
        refusals.record_internal_error("GET /api/alerts", RuntimeError("a bug"))
    await clock.advance(61)
    refusals.record_internal_error("GET /api/alerts", RuntimeError("a bug"))
    failed = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.message for record in failed] == ["GET /api/alerts failed"] * 2
    assert [record.exc_info is not None for record in failed] == [True, True]
    assert refusals.total == {HttpRefusal.INTERNAL_ERROR: 101}


def test_nothing_to_tell_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    refusals = RefusalLog(MovableClock())
    refusals.write_line()
    refusals.write_line(is_last=True)
    assert caplog.records == []


def test_a_flood_from_many_addresses_does_not_fill_the_memory_and_is_counted_in_full(
    caplog: pytest.LogCaptureFixture,
) -> None:
    refusals = RefusalLog(MovableClock())
    for number in range(5_000):
        refusals.record(HttpRefusal.NO_FREE_CONNECTION, f"address {number}")
    refusals.write_line(is_last=True)
    assert caplog.records[-1].message == "HTTP refused or cut off: 4,999 no free connection; 1 of them from address 1"
