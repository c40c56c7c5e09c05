"""Every part of the benchmarks ends, however busy the machine is."""

from __future__ import annotations

import signal
import time

import pytest

from benchmarks.__main__ import LIMITS_S, ends_within


def test_a_part_that_does_not_end_is_ended_and_the_next_one_has_its_whole_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def hang() -> None:
        try:
            time.sleep(30)
        except Exception:
            time.sleep(30)

    before = signal.getsignal(signal.SIGALRM)
    assert ends_within(0.05, hang) is False
    assert "ended after 0 s" in capsys.readouterr().out
    assert ends_within(30, lambda: None) is True
    assert signal.getsignal(signal.SIGALRM) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_every_part_has_a_limit() -> None:
    assert {name for name, limit_s in LIMITS_S.items() if not 0 < limit_s <= 600} == set()
