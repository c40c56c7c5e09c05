"""A run of the tests always ends, whatever a test does.

pytest-timeout raises an exception inside a test that takes too long. A test can swallow that exception, and hypothesis
takes it for a failing example and runs the hanging property again, without a second alarm. So every process that runs
tests has a watchdog below Python as well: a thread of faulthandler that needs neither the interpreter's lock nor a
signal, prints the stack of every thread and ends the process. With pytest-xdist only that worker is lost: its test is
reported as failed and another worker goes on. The limit of a whole run is kept from outside, by `tests/limited.py`.
"""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Iterator

import pytest

GRACE_S = 30.0  # what a test that was interrupted may take for cleaning up
LEAVING_S = 60.0  # from the last test to the end of the process

_terminal = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("timeout")
    group.addoption("--grace", type=float, default=GRACE_S, help="seconds from a test's time-out to the process's end")
    group.addoption("--leaving", type=float, default=LEAVING_S, help="seconds from the last test to the process's end")


def pytest_configure(config: pytest.Config) -> None:
    capture = config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        config.stash[_terminal] = os.dup(2)


def _arm(config: pytest.Config, limit_s: float) -> None:
    faulthandler.dump_traceback_later(limit_s, exit=True, file=config.stash[_terminal])


def limit_s(item: pytest.Item) -> float:
    """What pytest-timeout allows the test, or 0 for no limit."""
    marker = item.get_closest_marker("timeout")
    if marker is not None and (marker.args or "timeout" in marker.kwargs):
        return float(marker.args[0] if marker.args else marker.kwargs["timeout"])
    given = item.config.getoption("--timeout")
    return float(given if given is not None else item.config.getini("timeout") or 0.0)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    limit = limit_s(item)
    if limit:
        _arm(item.config, limit + item.config.getoption("--grace"))
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    _arm(session.config, session.config.getoption("--leaving"))


def pytest_unconfigure(config: pytest.Config) -> None:
    if config.pluginmanager.has_plugin("terminalreporter"):
        config.get_terminal_writer().flush()  # an end by the watchdog would take what is still buffered with it
    _arm(config, config.getoption("--leaving"))


def pytest_enter_pdb() -> None:
    faulthandler.cancel_dump_traceback_later()
