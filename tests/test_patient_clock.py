"""A fast clock on a machine that lets us run, and on one that does not."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time

import pytest

from altmonitor.core.clock import SystemClock
from tests import patient_clock
from tests.patient_clock import LOOK_S, PatientClock, patiently

START_MS = 1_790_000_040_000


class Machine:
    """How late it is, how long our one thread has waited for a processor, and how long the process stood still."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s, self.waited_s, self.stood_s = 500.0, 7.0, 0.0
        monkeypatch.setattr(SystemClock, "monotonic", lambda clock: self.now_s)
        monkeypatch.setattr(patient_clock, "waits_s", lambda pid: {"1": self.waited_s})
        monkeypatch.setattr(patient_clock, "Pulse", lambda machine: self)

    def stopped_s(self) -> float:
        return self.stood_s

    def passes(self, seconds: float, *, waiting_s: float = 0.0, standing_s: float = 0.0) -> None:
        self.now_s += seconds
        self.waited_s += waiting_s
        self.stood_s += standing_s


def test_it_is_a_scaled_clock_while_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch)
    clock = PatientClock(start_ms=START_MS, speed=20)
    machine.passes(3.0)
    assert (clock.monotonic(), clock.now_ms()) == (60.0, START_MS + 60_000)


def test_it_stands_still_while_somebody_waits_for_a_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch)
    clock = PatientClock(start_ms=START_MS, speed=20)
    machine.passes(1.0, waiting_s=0.75)
    assert clock.monotonic() == 5.0
    machine.passes(1.0)
    assert clock.monotonic() == 25.0


def test_it_stands_still_while_the_whole_process_does(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch)
    clock = PatientClock(start_ms=START_MS, speed=20)
    machine.passes(9.0, standing_s=8.5, waiting_s=0.5)
    assert clock.monotonic() == 10.0
    machine.passes(1.0)
    assert clock.monotonic() == 30.0


PROGRAM = """
import sys, time
from tests.patient_clock import PatientClock

clock = PatientClock(start_ms=0, speed=1)
time.sleep(1.0)  # it waits for something
print(clock.monotonic(), flush=True)
sys.stdin.readline()
print(clock.monotonic(), flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="nothing can be stopped there")
def test_a_process_that_was_stopped_has_lost_no_time_and_one_that_waits_has() -> None:
    real, pipe = SystemClock(), subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=pipe, stdout=pipe, text=True) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        waited_s = float(program.stdout.readline())
        stopped_at_s = real.monotonic()
        program.send_signal(signal.SIGSTOP)
        time.sleep(2.0)
        program.send_signal(signal.SIGCONT)
        print(file=program.stdin, flush=True)
        passed_s = float(program.stdout.readline()) - waited_s
        assert waited_s > 0.5
        assert passed_s < real.monotonic() - stopped_at_s - 1.0


def test_it_never_goes_back_when_a_wait_is_noticed_late(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch)
    clock = PatientClock(start_ms=START_MS, speed=20)
    machine.passes(LOOK_S * 0.8, waiting_s=LOOK_S * 0.8)
    before = clock.monotonic()
    assert before == pytest.approx(LOOK_S * 0.8 * 20)
    machine.passes(LOOK_S * 0.4)
    assert clock.monotonic() == before
    machine.passes(1.0)
    assert clock.monotonic() == pytest.approx((1.0 + LOOK_S * 0.4) * 20)


async def test_it_sleeps_and_times_out_by_its_own_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    real, lost_s = SystemClock(), 0.2
    monkeypatch.setattr(patient_clock, "waits_s", lambda pid: {"1": min(lost_s, real.monotonic() - began_s)})
    began_s = real.monotonic()
    clock = PatientClock(start_ms=START_MS, speed=10)
    await clock.sleep(1.0)
    assert real.monotonic() - began_s >= 0.1 + lost_s
    assert clock.monotonic() >= 1.0
    asked_s = clock.monotonic()
    with pytest.raises(TimeoutError):
        async with clock.timeout(1.0):
            await asyncio.Event().wait()
    assert clock.monotonic() - asked_s >= 1.0
    async with clock.timeout(None):
        await clock.sleep(0.0)


async def test_another_process_has_its_seconds_without_those_it_had_no_processor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = SystemClock()
    began_s = real.monotonic()
    monkeypatch.setattr(patient_clock, "waits_s", lambda pid: {"1": min(0.3, real.monotonic() - began_s)})
    assert await patiently(asyncio.sleep(0.2, "answered"), of_pid=1, within_s=0.1) == "answered"
    began_s = real.monotonic()
    with pytest.raises(TimeoutError, match=r"not within 0\.1 s"):
        await patiently(asyncio.sleep(20), of_pid=1, within_s=0.1)
    assert real.monotonic() - began_s >= 0.4


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who waited for a processor")
def test_a_process_tells_how_long_it_waited_and_one_that_is_gone_nothing() -> None:
    before = patient_clock.waits_s(os.getpid())
    assert set(before) >= {str(os.getpid())}
    assert all(seconds >= 0 for seconds in before.values())
    assert patient_clock.waits_s(2**22 + 1) == {}
