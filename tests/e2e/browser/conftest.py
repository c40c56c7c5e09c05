"""`make test-browser` only: these tests need Chromium, and a monitor that runs for minutes."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.e2e.browser.chrome import Chrome, chrome, what_is_missing
from tests.e2e.browser.monitor_process import TOKEN, MonitorProcess, monitor_process

IS_WANTED = bool(os.environ.get("ALTMONITOR_BROWSER"))
if not IS_WANTED:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def monitor(browser: Chrome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MonitorProcess]:
    """browser: without one nobody looks."""
    with monitor_process(tmp_path_factory.mktemp("monitor")) as running:
        yield running


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    missing = what_is_missing() if IS_WANTED else "`make test-browser` runs this"
    if missing:
        pytest.skip(missing)
    with chrome(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture
def page(browser: Chrome, monitor: MonitorProcess) -> Iterator[Chrome]:
    """A desk with the light theme, signed in, nothing on the console."""
    browser.becomes(width=1440, is_dark=False)
    browser.root = monitor.url
    browser.signs_in(TOKEN)
    browser.console()
    yield browser
    browser.leaves()
