"""Whatever a test does, the run ends, says where it hung, and is red: proved on runs that hang."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hypothesis import Phase, settings

ROOT = Path(__file__).parent.parent
FAR_TOO_LONG_S = 100.0  # what a hung run may take here on a busy machine; without limits none of them ends

SWALLOWS = """
def test_swallows():
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
"""
HANGING_PROPERTY = """
from hypothesis import given, strategies as st

@given(st.integers())
def test_property_that_hangs(number):
    while True:
        pass
"""
HOLDS_THE_INTERPRETER = """
import ctypes, signal

def test_no_python_runs_any_more():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    ctypes.PyDLL(None).sleep(1000)  # keeps the interpreter's lock: no thread and no signal handler gets a turn
"""
HANGS_IN_A_FIXTURE = """
import pytest

@pytest.fixture
def slow():
    yield
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass

def test_fixture_that_never_ends(slow):
    pass
"""
NEVER_LEAVES = """
import threading

def test_leaves_a_thread_behind():
    threading.Thread(target=wait_for_nothing).start()

def wait_for_nothing():
    threading.Event().wait()
"""
UNUSED = ("cacheprovider", "asyncio", "anyio", "schemathesis")  # a second in each of the processes
FINE = "def test_fine():\n    pass\n"


def run(where: Path, *options: str, before: tuple[str, ...] = (), **tests: str) -> tuple[int, str]:
    """Exit code and everything printed by pytest over the given files, each test limited to a second."""
    for name, text in tests.items():
        (where / f"test_{name}.py").write_text(text, "utf-8")
    (where / "pytest.ini").write_text("[pytest]\ntimeout = 1\n", "utf-8")
    without = [word for name in UNUSED for word in ("-p", f"no:{name}")]
    pytest = [sys.executable, "-m", "pytest", "-p", "tests.run_limits", *without]
    done = subprocess.run(
        [*before, *pytest, f"--rootdir={where}", "-c", str(where / "pytest.ini"), "--grace=1", *options, str(where)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=FAR_TOO_LONG_S,
    )
    return done.returncode, done.stdout


def test_a_test_that_swallows_its_time_out_ends_the_process_with_the_stack(tmp_path: Path) -> None:
    code, said = run(tmp_path, swallows=SWALLOWS)
    assert code == 1
    assert "in test_swallows" in said


def test_a_property_that_hangs_does_not_go_on_for_ever_as_a_failing_example(tmp_path: Path) -> None:
    code, said = run(tmp_path, hangs=HANGING_PROPERTY)
    assert code == 1
    assert "in test_property_that_hangs" in said


def test_code_that_never_gives_the_interpreter_back_is_ended_too(tmp_path: Path) -> None:
    code, said = run(tmp_path, holds=HOLDS_THE_INTERPRETER)
    assert code == 1
    assert "in test_no_python_runs_any_more" in said


def test_a_clean_up_that_hangs_is_ended(tmp_path: Path) -> None:
    code, said = run(tmp_path, fixture=HANGS_IN_A_FIXTURE)
    assert code == 1
    assert "in slow" in said


def test_a_process_that_does_not_leave_after_its_last_test_is_ended(tmp_path: Path) -> None:
    code, said = run(tmp_path, "--leaving=8", leaves=NEVER_LEAVES)
    assert code == 1
    assert "1 passed" in said
    assert "in wait_for_nothing" in said


def test_with_several_workers_only_the_hanging_test_is_lost(tmp_path: Path) -> None:
    code, said = run(tmp_path, "-n", "1", a=FINE, b=SWALLOWS, c=FINE)
    assert code == 1
    assert "2 passed" in said
    assert "1 failed" in said
    assert "crashed while running" in said
    assert "in test_swallows" in said


def test_a_whole_run_ends_with_every_process_it_started(tmp_path: Path) -> None:
    for enough_s in (5, 10, 20, 40):  # how long a worker takes to reach its test is the machine's affair
        limited = (sys.executable, "-m", "tests.limited", str(enough_s))
        code, said = run(tmp_path, "-n", "1", "--timeout=0", before=limited, swallows=SWALLOWS)
        assert code == 124
        assert f"not finished after {enough_s} s" in said
        if "in test_swallows" in said:  # the worker's stack; its output ends, so the worker has ended as well
            return
    raise AssertionError(f"no worker reached its test, or none printed its stack:\n{said}")


def test_a_run_in_time_keeps_its_exit_code(tmp_path: Path) -> None:
    assert subprocess.run([sys.executable, "-m", "tests.limited", "60", "sh", "-c", "exit 3"], cwd=ROOT).returncode == 3


def test_make_test_shows_failing_examples_as_found() -> None:
    assert Phase.shrink not in settings.get_profile("ci").phases
    assert Phase.explain not in settings.get_profile("ci").phases


def test_no_profile_fails_an_example_for_being_slow() -> None:
    assert [settings.get_profile(name).deadline for name in ("default", "ci")] == [None, None]
