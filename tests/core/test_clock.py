"""The clock a run lives on."""

from __future__ import annotations

import pytest

from altmonitor.core.clock import ScaledClock, SystemClock, clock_of, speed_of, timeouts
from altmonitor.core.errors import ConfigError


def test_a_run_lives_on_the_machines_clock() -> None:
    assert isinstance(clock_of({}), SystemClock)
    assert isinstance(clock_of({"ALTMONITOR_CLOCK": ""}), SystemClock)


def test_two_clocks_of_the_same_numbers_read_the_same_time() -> None:
    mine = ScaledClock(start_ms=1_790_000_040_000, speed=100.0)
    theirs = clock_of({"ALTMONITOR_CLOCK": f"1790000040000:100.0:{mine.anchor_s!r}"})
    assert isinstance(theirs, ScaledClock)
    assert (theirs.start_ms, theirs.speed, theirs.anchor_s) == (mine.start_ms, mine.speed, mine.anchor_s)


@pytest.mark.parametrize("text", ["1", "1:2", "1:2:3:4", "x:1:1", "1:0:1", "1:-5:1", "1:nan:1", "1:inf:1", "1:1:nan"])
def test_a_malformed_clock_is_refused_with_one_line(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        clock_of({"ALTMONITOR_CLOCK": text})
    assert caught.value.problems == [f"ALTMONITOR_CLOCK={text!r} is not start_ms:speed:anchor_s"]


def test_an_answer_may_take_longer_on_a_fast_clock() -> None:
    fast = ScaledClock(start_ms=1_790_000_040_000, speed=80)
    assert (speed_of(SystemClock()), speed_of(fast)) == (1.0, 80)
    assert (timeouts(SystemClock(), 5.0), timeouts(fast, 5.0), timeouts(fast, 100.0)) == (5.0, 64.0, 100.0)
