"""The end of the program: soon, with the right exit code, and without losing what waits."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from altmonitor.core.clock import SystemClock
from altmonitor.sim.control import ANY_PATH, RestFault
from tests.e2e.process import Program, World, world

HANGING_S = 10_000.0
PID_1 = ("unshare", "--fork", "--pid", "--mount-proc", "--kill-child")
SOON_S = 5.0
TRIES = 3
"""The soonest counts: a busy machine may hold one up."""

MARK = "may have reached you already"

SIGNALS = [(signal.SIGTERM, 143), (signal.SIGINT, 130)]


def may_be_pid_1() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*PID_1, "true"], capture_output=True, check=False).returncode == 0


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def is_loading(pid: int) -> bool:
    """Libraries are loaded by the command itself, and long before the event loop."""
    return "numpy" in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")


def queue(here: World) -> Sequence[tuple[str, int, int]]:
    """Symbol, attempts, and whether the outcome of one is unknown."""
    return here.rows(
        "SELECT symbol, attempts, uncertain FROM deliveries JOIN alerts ON id = alert_id "
        "WHERE state = 'queued' ORDER BY id"
    )


async def telegram_hangs_with_two_alerts(here: World, program: Program) -> tuple[str, str]:
    """The first is under way, the second waits behind it. Returns their symbols."""
    first, second = here.symbols[:2]
    await here.is_watching(program)
    await here.hears("watches")
    here.telegram.faults.delay_s = HANGING_S
    await here.pump(first)
    await here.hears(first)
    await here.pump(second)
    await here.until(lambda: len(queue(here)) == 2)
    return first, second


async def both_are_told_after_a_restart(here: World, first: str, second: str) -> None:
    """The one under way is in the chat already: it comes again and says so. The other one comes once."""
    assert queue(here) == [(first, 1, 1), (second, 0, 0)]
    here.telegram.faults.delay_s = 0
    async with here.program():
        await here.until(lambda: queue(here) == [])
    told = [message.text for message in here.said if first in message.text]
    assert [MARK in text for text in told] == [False, True]
    assert [MARK in message.text for message in here.said if second in message.text] == [False]


@pytest.mark.parametrize(("number", "code"), SIGNALS)
async def test_a_signal_ends_it_in_under_five_seconds(tmp_path: Path, number: signal.Signals, code: int) -> None:
    clock, took_s = SystemClock(), list[float]()
    async with world(tmp_path) as here:
        while len(took_s) < TRIES and min(took_s, default=SOON_S) >= SOON_S:
            async with here.program() as program:
                await here.is_watching(program)
                await program.line("watches")
                began_s = clock.monotonic()
                assert await program.ends_by(number) == code
                took_s.append(clock.monotonic() - began_s)
                assert here.exchange.stats.ws_now == 0
            assert [line for line in program.lines if " INFO " not in line] == []
    assert min(took_s) < SOON_S


async def test_a_signal_ends_it_while_telegram_hangs_and_what_waits_is_told_later(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        async with here.program() as program:
            symbols = await telegram_hangs_with_two_alerts(here, program)
            assert await program.ends_by(signal.SIGTERM) == 143
        assert "Traceback" not in program.log
        await both_are_told_after_a_restart(here, *symbols)


async def test_a_signal_ends_it_while_the_exchange_hangs(tmp_path: Path) -> None:
    async with world(tmp_path) as here, here.program() as program:
        here.exchange.faults.rest[ANY_PATH] = RestFault(delay_s=HANGING_S)
        here.exchange.faults.swallow_acks = True
        here.exchange.faults.mute = True
        await program.line("HTTP on")
        await here.until(lambda: here.exchange.stats.requests() > 0)
        assert await program.ends_by(signal.SIGINT) == 130
        assert "Traceback" not in program.log


@pytest.mark.parametrize(("number", "code"), SIGNALS)
async def test_a_signal_while_it_loads_ends_it_at_once_and_without_a_word(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    async with world(tmp_path) as here, here.program(is_fresh=True) as program:
        await here.until(lambda: is_loading(program.pid))
        assert await program.ends_by(number) == code
        assert program.lines == []


async def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        async with here.program() as program:
            symbols = await telegram_hangs_with_two_alerts(here, program)
            program.send(signal.SIGTERM)
            await here.until(lambda: here.exchange.stats.ws_now == 0)  # and the message under way has a moment more
            assert await program.ends_by(signal.SIGINT) == 130
        await both_are_told_after_a_restart(here, *symbols)


def id_inside(pid: int) -> int:
    """Its process id in its own namespace."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    (ids,) = re.findall(r"^NSpid:(.*)$", status, re.MULTILINE)
    return int(ids.split()[-1])


def needs_a_process_namespace() -> None:
    if not may_be_pid_1():
        pytest.skip("a process namespace may not be made here (unshare --pid): ending as process 1 is not tested")


@pytest.mark.parametrize(("number", "code"), SIGNALS)
async def test_as_process_1_a_signal_ends_it_even_while_it_loads(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    needs_a_process_namespace()
    async with world(tmp_path) as here, here.program(prefix=PID_1) as program:
        await here.until(lambda: children(program.pid) != [])
        (monitor,) = children(program.pid)
        await here.until(lambda: is_loading(monitor))
        assert await program.ends_by(number, pid=monitor) == code
        assert program.lines == []


async def test_as_process_1_it_ends_by_a_signal_while_telegram_hangs(tmp_path: Path) -> None:
    needs_a_process_namespace()
    async with world(tmp_path) as here:
        async with here.program(prefix=PID_1) as program:
            symbols = await telegram_hangs_with_two_alerts(here, program)
            (monitor,) = children(program.pid)
            assert id_inside(monitor) == 1
            assert await program.ends_by(signal.SIGTERM, pid=monitor) == 143
        await both_are_told_after_a_restart(here, *symbols)
